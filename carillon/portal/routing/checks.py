"""What is wrong with a flow: some of it is shown, a loop without end is refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from django.utils.translation import gettext as _

from carillon.portal.extensions.models import Team
from carillon.portal.refused import Refused
from carillon.portal.routing.documents import (
    Action,
    NumberFlow,
    Say,
    ToMenu,
    ToNumber,
    ToOperator,
    ToTeam,
    ToVoicemail,
    actions_of,
    boxes_of,
    messages_of,
    targets_of,
)
from carillon.portal.routing.models import Number
from carillon.portal.routing.names import Names
from carillon.portal.routing.showing import load_members
from carillon.portal.routing.speaking import sound_path


@dataclass(frozen=True, slots=True)
class Problem:
    """Something to put right: `step` is where, `broken` when callers are not served as meant.

    `kind` and `about` say in no language what it is, so that it is known again.
    """

    kind: str
    text: str
    step: str
    broken: bool = False
    about: str = ""


def problems(flow: NumberFlow, names: Names) -> list[Problem]:
    """Return what the administrator should know about a flow."""
    found = _problems_of_kind(flow)
    if not flow.hours.always and not flow.hours.slots:
        text = _("It is never open: add opening hours.")
        found.append(Problem("never-open", text, "hours", True))
    ways = (each for each in targets_of(flow) if not isinstance(each, ToVoicemail))
    gone = [each for each in ways if not names.exists(each)]
    if gone:
        text = _("It leads to somebody who is gone. Callers go on to the next step or voicemail.")
        found.append(Problem("gone", text, _ways_of(flow)))
    for step in dict.fromkeys(step for step, box in boxes_of(flow) if not names.exists(box)):
        text = _("The voicemail box it leads to is gone. Messages go to the box of the number.")
        found.append(Problem("gone-box", text, step, about=step))
    for team in _empty_teams(flow, names):
        text = _("Nobody is in the team %(name)s: callers go on to the next step or voicemail.")
        text %= {"name": team.name}
        found.append(Problem("empty-team", text, _ways_of(flow), about=team.key))
    for step, team in _unread_boxes(flow, names):
        text = _("Nobody is in the team %(name)s: only who runs the company hears its messages.")
        found.append(Problem("empty-box", text % {"name": team.name}, step, about=team.key))
    found += _unheard(flow, names)
    if ToOperator() in targets_of(flow) and names.operator(flow) is None:
        text = _("Nobody has extension 101: choose who the operator is.")
        found.append(Problem("operator", text, "operator"))
    return found


def _ways_of(flow: NumberFlow) -> str:
    return "ring" if flow.kind == "classic" else "menu"


def _unheard(flow: NumberFlow, names: Names) -> Iterator[Problem]:
    for key in dict.fromkeys(messages_of(flow)):
        if not is_heard(key):
            text = _("Callers do not hear “%(name)s”: its sound cannot be read. Make it anew.")
            text %= {"name": names.message(key) or _("a message")}
            yield Problem("sound", text, _step_of(flow, key), True, key)


def _problems_of_kind(flow: NumberFlow) -> list[Problem]:
    if flow.kind == "classic":
        if flow.steps:
            return []
        text = _("Nobody is rung: callers go to voicemail at once.")
        return [Problem("nobody", text, "ring")]
    found = []
    if not flow.menu.message:
        text = _("The menu has no message, so that it does not work yet.")
        found.append(Problem("no-message", text, "menu", True))
    if not flow.menu.keys and not flow.menu.extensions:
        text = _("Your menu is empty. Add at least one option to make it work.")
        found.append(Problem("empty-menu", text, "menu", True))
    if any(_is_silent(action) for action in actions_of(flow.menu)):
        text = _("A key leads to a message or a menu whose message is not written yet.")
        found.append(Problem("silent-key", text, "menu", True))
    return found


def _is_silent(action: Action) -> bool:
    if isinstance(action, ToMenu):
        return not action.menu.message
    return isinstance(action, Say) and not action.message


def _empty_teams(flow: NumberFlow, names: Names) -> list[Team]:
    """Return the teams it rings that have nobody in them."""
    return _empty({each.id for each in targets_of(flow) if isinstance(each, ToTeam)}, names)


def _unread_boxes(flow: NumberFlow, names: Names) -> list[tuple[str, Team]]:
    """Return the teams it takes messages for that have nobody in them, and the step for each."""
    meant = {box.id: step for step, box in boxes_of(flow) if isinstance(box, ToTeam)}
    return [(meant[team.pk], team) for team in _empty(set(meant), names)]


def _empty(teams: set[int], names: Names) -> list[Team]:
    members = load_members() if teams else {}
    return [names.teams[pk] for pk in sorted(teams) if pk in names.teams and pk not in members]


def _step_of(flow: NumberFlow, key: str) -> str:
    steps = {
        flow.greeting: "greeting",
        flow.menu.message: "menu_message",
        flow.unanswered.message: "no_answer",
        flow.closed.message: "closed",
        flow.recording.announcement: "announcement",
        flow.waiting.music: "waiting",
    }
    return steps.get(key, "music" if key in flow.music else "menu")


def is_heard(key: str) -> bool:
    """Say whether the file of a message is there, and sound."""
    try:
        with sound_path(key).open("rb") as file:
            head = file.read(12)
    except OSError:
        return False
    return head[:4] == b"RIFF" and head[8:] == b"WAVE"


def refuse_loops(number: Number, flow: NumberFlow) -> None:
    """Refuse a flow in which a caller who presses nothing would be sent round for ever."""
    others = Number.objects.select_related("published").exclude(pk=number.pk)
    flows = {other.pk: other.flow for other in others} | {number.pk: flow}
    way = [number.pk]
    while (following := _leads_on(flows[way[-1]], flows)) is not None:
        if following in way:
            loop = [*way[way.index(following) :], following]
            known = dict(Number.objects.values_list("pk", "name")) | {number.pk: number.name}
            text = _("Callers who press nothing would go round for ever: %(loop)s.")
            raise Refused("loop", text % {"loop": " → ".join(known[pk] for pk in loop)})
        way.append(following)


def _leads_on(flow: NumberFlow, flows: Mapping[int, NumberFlow]) -> int | None:
    """Return the number a flow goes on to by itself."""
    silence = flow.menu.silence
    if flow.kind != "classic" and isinstance(silence, ToNumber) and silence.id in flows:
        return silence.id
    return None

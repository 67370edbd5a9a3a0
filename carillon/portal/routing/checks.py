"""What is wrong with a flow: some of it is shown, a loop without end is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.translation import gettext as _

from carillon.portal.refused import Refused
from carillon.portal.routing.documents import (
    Action,
    NumberFlow,
    Say,
    ToMenu,
    ToNumber,
    ToOperator,
    ToTeam,
    actions_of,
    messages_of,
    targets_of,
)
from carillon.portal.routing.models import Number
from carillon.portal.routing.names import Names
from carillon.portal.routing.showing import load_members
from carillon.portal.routing.speaking import sound_path


@dataclass(frozen=True, slots=True)
class Problem:
    """Something to put right: `step` is where, `broken` when callers are not served as meant."""

    text: str
    step: str
    broken: bool = False


def problems(flow: NumberFlow, names: Names) -> list[Problem]:
    """Return what the administrator should know about a flow."""
    found = _problems_of_kind(flow)
    if not flow.hours.always and not flow.hours.slots:
        found.append(Problem(_("It is never open: add opening hours."), "hours", True))
    gone = [each for each in targets_of(flow) if not names.exists(each)]
    if gone:
        step = "ring" if flow.kind == "classic" else "menu"
        text = _("It leads to somebody who is gone. Callers go on to the next step or voicemail.")
        found.append(Problem(text, step))
    for team in _empty_teams(flow, names):
        text = _("Nobody is in the team %(name)s: callers go on to the next step or voicemail.")
        found.append(Problem(text % {"name": team}, "ring" if flow.kind == "classic" else "menu"))
    for key in dict.fromkeys(messages_of(flow)):
        if key in names.prompts and not _is_heard(key):
            text = _("Callers do not hear “%(name)s”: its sound cannot be read. Make it anew.")
            found.append(Problem(text % {"name": names.message(key)}, _step_of(flow, key), True))
    if ToOperator() in targets_of(flow) and names.operator(flow) is None:
        text = _("Nobody has extension 101: choose who the operator is.")
        found.append(Problem(text, "operator"))
    return found


def _problems_of_kind(flow: NumberFlow) -> list[Problem]:
    if flow.kind == "classic":
        if flow.steps:
            return []
        return [Problem(_("Nobody is rung: callers go to voicemail at once."), "ring")]
    found = []
    if not flow.menu.message:
        found.append(
            Problem(_("The menu has no message, so that it does not work yet."), "menu", True)
        )
    if not flow.menu.keys and not flow.menu.extensions:
        text = _("Your menu is empty. Add at least one option to make it work.")
        found.append(Problem(text, "menu", True))
    if any(_is_silent(action) for action in actions_of(flow.menu)):
        text = _("A key leads to a message or a menu whose message is not written yet.")
        found.append(Problem(text, "menu", True))
    return found


def _is_silent(action: Action) -> bool:
    if isinstance(action, ToMenu):
        return not action.menu.message
    return isinstance(action, Say) and not action.message


def _empty_teams(flow: NumberFlow, names: Names) -> list[str]:
    """Return the names of the teams it rings that have nobody in them."""
    meant = {each.id for each in targets_of(flow) if isinstance(each, ToTeam)}
    members = load_members() if meant else {}
    return [names.teams[pk].name for pk in sorted(meant) if pk in names.teams and pk not in members]


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


def _is_heard(key: str) -> bool:
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

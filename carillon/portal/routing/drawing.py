"""A number's flow as the page draws it, and as one would tell it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from carillon.portal.extensions.models import Person, Team
from carillon.portal.routing.documents import (
    Action,
    HangUp,
    Menu,
    NumberFlow,
    Say,
    Step,
    ToDirectory,
    ToExtension,
    ToMailbox,
    ToMenu,
    ToNumber,
    ToOperator,
    ToOutside,
    ToPerson,
    ToTeam,
)
from carillon.portal.routing.models import Number, Prompt, SystemPrompt
from carillon.portal.routing.names import Names
from carillon.portal.routing.speaking import sound_path
from carillon.portal.sound import peaks

ICONS: dict[type[Action], str] = {
    ToPerson: "user",
    ToTeam: "users",
    ToOutside: "phone-outgoing",
    ToNumber: "hash",
    ToMenu: "route",
    ToDirectory: "search",
    ToExtension: "phone-call",
    ToMailbox: "lock",
    ToOperator: "user",
    Say: "message-2",
    HangUp: "phone-off",
}


@dataclass(frozen=True, slots=True)
class Message:
    """A message in the flow: what is said, and its sound if there is one."""

    which: str
    row: Prompt | SystemPrompt | None
    own: bool
    heights: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Bar:
    """A ring step in the time bar."""

    starts: int
    seconds: int
    name: str


@dataclass(frozen=True, slots=True)
class Ring:
    """A ring step in the list."""

    place: int
    name: str
    seconds: int
    person: Person | None
    team: Team | None
    gone: bool


@dataclass(frozen=True, slots=True)
class Option:
    """What a key of a menu does. `path` is the menu it leads to, "" unless it leads to one."""

    key: str
    name: str
    icon: str
    gone: bool
    path: str = ""
    options: tuple[Any, ...] = ()


def message(key: str, names: Names, which: str, default: str, language: str) -> Message:
    """Return a message of the flow's own, or the system's sentence it falls back on."""
    own = names.prompts.get(key)
    row: Prompt | SystemPrompt | None = own
    if own is None and default:
        row = SystemPrompt.objects.filter(language=language, name=default).first()
    heights = peaks(sound_path(row.key)) if row else ()
    return Message(which, row, own is not None, heights)


def messages(number: Number, flow: NumberFlow, names: Names) -> dict[str, Message]:
    """Return the messages of a flow."""
    unanswered = "voicemail-default" if flow.unanswered.voicemail else "nobody"
    closed = "voicemail-default" if flow.closed.voicemail else "closed-default"
    keys = {
        "greeting": (flow.greeting, ""),
        "menu": (flow.menu.message, ""),
        "no_answer": (flow.unanswered.message, unanswered),
        "closed": (flow.closed.message, closed),
    }
    return {
        which: message(key, names, which, default, number.language)
        for which, (key, default) in keys.items()
    }


def rings(flow: NumberFlow, names: Names) -> list[Ring]:
    """Return the steps in order."""
    return [_ring(place, step, names) for place, step in enumerate(flow.steps)]


def _ring(place: int, step: Step, names: Names) -> Ring:
    target = step.target
    person = names.people.get(target.id) if isinstance(target, ToPerson) else None
    team = names.teams.get(target.id) if isinstance(target, ToTeam) else None
    gone = not names.exists(target)
    return Ring(place, names.target(target), step.seconds, person, team, gone)


def bars(steps: Sequence[Ring]) -> list[Bar]:
    """Return the steps on a line of time."""
    found, starts = [], 0
    for step in steps:
        found.append(Bar(starts, step.seconds, step.name))
        starts += step.seconds
    return found


def options(menu: Menu, names: Names, path: str = "") -> tuple[Option, ...]:
    """Return what each key does, with the menus below."""
    return tuple(_option(key, action, names, path) for key, action in menu.keys.items())


def _option(key: str, action: Action, names: Names, path: str) -> Option:
    icon = ICONS.get(type(action), "record-mail")
    gone = not names.exists(action)
    if isinstance(action, ToMenu):
        below = path + key
        return Option(
            key, names.target(action), icon, gone, below, options(action.menu, names, below)
        )
    return Option(key, names.target(action), icon, gone)


def story(flow: NumberFlow, names: Names) -> list[str]:
    """Tell the flow in plain sentences: the screen reader's version of the drawing."""
    told = []
    if flow.greeting:
        told.append(_("Callers first hear the greeting."))
    if flow.kind == "classic":
        told.append(_rings(flow, names))
        box = names.box(flow.unanswered.box)
        if flow.unanswered.voicemail and box:
            text = _("If nobody answers, they can leave a message. It goes to %(box)s.")
            told.append(text % {"box": box})
        elif flow.unanswered.voicemail:
            told.append(_("If nobody answers, they can leave a message."))
        else:
            told.append(_("If nobody answers, they hear a message and the call ends."))
    else:
        told += _pressed(flow, names)
    if flow.hours.always:
        told.append(_("The number never closes."))
    elif flow.closed.voicemail:
        told.append(_("Outside opening hours, they hear the closed message and can leave theirs."))
    else:
        told.append(_("Outside opening hours, they hear the closed message and the call ends."))
    return told


def _pressed(flow: NumberFlow, names: Names) -> list[str]:
    told = [
        _("Key %(key)s leads to %(name)s.") % {"key": key, "name": names.target(action)}
        for key, action in flow.menu.keys.items()
    ]
    if flow.menu.extensions:
        told.append(_("An extension can be dialled at any moment."))
    name = names.target(flow.menu.silence)
    told.append(_("Whoever presses nothing goes to %(name)s.") % {"name": name})
    return told


def _rings(flow: NumberFlow, names: Names) -> str:
    if not flow.steps:
        return _("Nobody is rung.")
    parts = [
        _("%(name)s for %(seconds)s s")
        % {"name": names.target(step.target), "seconds": step.seconds}
        for step in flow.steps
    ]
    return _("The call rings %(steps)s.") % {"steps": _(", then ").join(parts)}

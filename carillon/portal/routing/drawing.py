"""A number's flow as the page draws it, and as one would tell it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from carillon.portal.routing.models import Number, Prompt, RingStep, SystemPrompt
from carillon.portal.routing.speaking import sound_path
from carillon.portal.sound import peaks
from carillon.portal.words import phone


@dataclass(frozen=True, slots=True)
class Message:
    """A message in the flow: what is said, and its sound if there is one."""

    which: str
    row: Prompt | SystemPrompt | None
    own: bool
    heights: tuple[int, ...] = ()

    @property
    def sound(self) -> tuple[str, Any]:
        """Return the name of the address that plays it, and its arguments."""
        if isinstance(self.row, SystemPrompt):
            return "sentence-sound", (self.row.language, self.row.name)
        return "prompt-sound", (self.row.pk if self.row else 0,)


@dataclass(frozen=True, slots=True)
class Bar:
    """A ring step in the time bar."""

    starts: int
    seconds: int
    name: str


def message(number: Number, which: str, default: str = "") -> Message:
    """Return the number's own message, or the system's sentence it falls back on."""
    own: Prompt | None = getattr(number, which)
    row: Prompt | SystemPrompt | None = own
    if own is None and default:
        row = SystemPrompt.objects.filter(language=number.language, name=default).first()
    heights = peaks(sound_path(row.key)) if row else ()
    return Message(which, row, own is not None, heights)


def messages(number: Number) -> dict[str, Message]:
    """Return the three messages of a flow."""
    unanswered = "voicemail-default" if number.voicemail_unanswered else "nobody"
    closed = "voicemail-default" if number.voicemail_closed else "closed-default"
    return {
        "greeting": message(number, "greeting"),
        "no_answer": message(number, "no_answer", unanswered),
        "closed": message(number, "closed", closed),
    }


def step_name(step: RingStep) -> str:
    """Return whom a step rings."""
    if step.person is not None:
        return step.person.name
    return step.team.name if step.team is not None else phone(step.outside)


def bars(steps: Sequence[RingStep]) -> list[Bar]:
    """Return the steps on a line of time."""
    found, starts = [], 0
    for step in steps:
        found.append(Bar(starts, step.ring_seconds, step_name(step)))
        starts += step.ring_seconds
    return found


def story(number: Number, steps: Sequence[RingStep]) -> list[str]:
    """Tell the flow in plain sentences: the screen reader's version of the drawing."""
    told = []
    if number.greeting is not None:
        told.append(_("Callers first hear the greeting."))
    told.append(_rings(steps))
    if number.voicemail_unanswered:
        told.append(_("If nobody answers, they can leave a message."))
    else:
        told.append(_("If nobody answers, they hear a message and the call ends."))
    if number.always_open:
        told.append(_("The number never closes."))
    elif number.voicemail_closed:
        told.append(_("Outside opening hours, they hear the closed message and can leave theirs."))
    else:
        told.append(_("Outside opening hours, they hear the closed message and the call ends."))
    return told


def _rings(steps: Sequence[RingStep]) -> str:
    if not steps:
        return _("Nobody is rung.")
    parts = [
        _("%(name)s for %(seconds)s s") % {"name": step_name(step), "seconds": step.ring_seconds}
        for step in steps
    ]
    return _("The call rings %(steps)s.") % {"steps": _(", then ").join(parts)}

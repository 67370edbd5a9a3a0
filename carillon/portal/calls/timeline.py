"""A call told step by step, in the reader's language."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.utils.formats import number_format
from django.utils.translation import gettext as _

from carillon.portal.calls.apply import moment, plan_id
from carillon.portal.calls.endings import ENDINGS
from carillon.portal.calls.models import Call
from carillon.portal.extensions.models import Person
from carillon.portal.routing.reasons import reason_text
from carillon.portal.words import phone
from carillon.schema import events as e
from carillon.schema.cdr import CALLER_LEG, is_caller_leg


@dataclass(frozen=True, slots=True)
class Line:
    """One step: when, what, with which icon; `minor` for what only the curious want."""

    at: datetime
    icon: str
    text: str
    look: str = ""
    minor: bool = False


class Teller:
    """Knows the names of one call's people and legs."""

    def __init__(self, call: Call, people: Mapping[int, str]) -> None:
        self._call = call
        self._people = people
        self._legs: dict[str, str] = {}

    def tell(self, events: Iterable[e.CallEvent]) -> list[Line]:
        """Return the lines of a call, in order."""
        lines = (self._line(event) for event in events)
        return [line for line in lines if line is not None]

    def _who(self, user: str) -> str:
        return self._people.get(plan_id(user, "u"), _("somebody"))

    def _leg(self, leg: str) -> str:
        return self._legs.get(leg) or (_("The caller") if leg == CALLER_LEG else _("somebody"))

    def _line(self, event: e.CallEvent) -> Line | None:
        at = moment(event.at)
        match event:
            case e.CallArrived():
                return Line(at, "phone-incoming", self._arrival(event))
            case e.Decided():
                return Line(at, decision_icon(event.reason), reason_text(event.reason, event.facts))
            case e.LegStarted():
                self._legs[event.leg] = (
                    self._who(event.user) if event.user else phone(event.e164 or "")
                )
                text = _("A phone of %(who)s is called") % {"who": self._legs[event.leg]}
                return Line(at, "phone-call", text, minor=True)
            case e.LegRang():
                text = _("The phone of %(who)s rings") % {"who": self._leg(event.leg)}
                return Line(at, "bell-ringing", text, minor=True)
            case e.LegAnswered(leg=leg):
                if is_caller_leg(leg) and leg not in self._legs:
                    return Line(at, "phone", _("The system answers the caller"), minor=True)
                text = _("%(who)s picks up") % {"who": self._leg(leg)}
                return Line(at, "phone", text, "ok")
            case e.LegEnded():
                return Line(at, "phone-off", self._leg_end(event), minor=True)
            case e.DigitPressed(digit=digit):
                text = _("%(who)s presses %(digit)s") % {
                    "who": self._leg(event.leg),
                    "digit": digit,
                }
                return Line(at, "hash", text)
            case _:
                return self._sound_or_end(event, at)

    def _sound_or_end(self, event: e.CallEvent, at: datetime) -> Line | None:
        match event:
            case e.RecordingStarted(kind="voicemail"):
                return Line(at, "microphone", _("The message is recorded"), minor=True)
            case e.RecordingStarted():
                return Line(at, "file-music", _("Recording begins"))
            case e.RecordingEnded(partial=True, reason=reason):
                text = _("The recording is incomplete (%(reason)s)") % {"reason": reason}
                return Line(at, "alert-triangle", text, "acw")
            case e.MessageLeft(urgent=urgent):
                text = _("The message is in the box, marked urgent") if urgent else ""
                text = text or _("The message is in the box")
                return Line(at, "record-mail", text, "acw")
            case e.CallEnded():
                return Line(at, "phone-off", self._end(event))
            case _:
                return None

    def _arrival(self, event: e.CallArrived) -> str:
        facts = {
            "caller": event.caller_name or phone(event.caller),
            "called": phone(event.called),
            "who": self._who(event.user or ""),
            "number": self._call.number.name if self._call.number else phone(event.called),
        }
        if event.direction == "inbound":
            return _("%(caller)s calls %(number)s") % facts
        return _("%(who)s calls %(called)s") % facts

    def _leg_end(self, event: e.LegEnded) -> str:
        facts = {"who": self._leg(event.leg), "status": event.status, "lost": event.packets_lost}
        if event.status >= 300:
            return _("%(who)s: the phone answers %(status)s") % facts
        if event.packets_received:
            facts["received"] = event.packets_received
            text = _("%(who)s: the line ends; %(lost)s of %(received)s packets were lost") % facts
            return ", ".join([text, *_quality(event)])
        return _("%(who)s: the line ends") % facts

    def _end(self, event: e.CallEnded) -> str:
        if event.by == "caller":
            return _("The caller hangs up")
        if event.by == "callee":
            return _("The person called hangs up")
        return str(ENDINGS.get(event.detail, _("The system ends the call")))


def names_of(company: int, events: Iterable[e.CallEvent]) -> dict[int, str]:
    """Return the names of the people in a call, of those who have left the company too."""
    ids = {plan_id(getattr(event, "user", None) or "", "u") for event in events}
    return dict(Person.everywhere.filter(company=company, pk__in=ids).values_list("pk", "name"))


def _quality(event: e.LegEnded) -> list[str]:
    """Say how a line sounded, as far as it is known."""
    words = []
    if event.mos:
        words.append(_("quality %(mos)s of 4.5") % {"mos": number_format(event.mos, 1)})
    if event.round_trip_ms >= 0:
        words.append(_("%(ms)s ms there and back") % {"ms": round(event.round_trip_ms)})
    words += [event.codec] if event.codec else []
    words += [_("encrypted")] if event.secured else []
    return words


def decision_icon(reason: str) -> str:
    """Return the icon of a decision."""
    return ICONS.get(reason) or ICONS.get(reason.partition(".")[0], "route")


ICONS = {
    "hours.closed": "moon",
    "hours.override-closed": "moon",
    "hours.special-closed": "moon",
    "hours.holiday": "moon",
    "announce": "message-2",
    "menu": "hash",
    "directory": "users",
    "user": "user",
    "number": "phone",
    "hours": "clock-hour-9",
    "greeting": "message-2",
    "ring.answered": "user",
    "ring": "bell-ringing",
    "voicemail": "record-mail",
    "record": "player-record",
    "record.paused": "player-pause",
    "record.stopped": "player-stop",
    "call.held": "player-pause",
    "call.resumed": "player-play",
    "call.transferred": "arrow-right",
    "call.parked": "parking",
    "call.taken": "phone-incoming",
    "call.invited": "user-plus",
    "call.joined": "user-plus",
    "call.listening": "ear",
    "call.outside": "phone-outgoing",
    "call.emergency": "alert-triangle",
    "call.blocked": "phone-off",
    "call.flood": "phone-off",
}
"""By reason, or by what stands before its point."""

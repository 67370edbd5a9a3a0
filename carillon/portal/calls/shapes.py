"""Calls, numbers, people and teams as programs read them: in answers of the API, and in webhooks.

Times of calls are seconds since 1970, whole; what is not known is null, and lists are never null.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.utils import timezone

from carillon.portal.calls.apply import read_event
from carillon.portal.calls.models import Call, CallEvent
from carillon.portal.calls.timeline import Teller, names_of
from carillon.portal.extensions.models import Person, Team
from carillon.portal.routing import opening
from carillon.portal.routing.calendars import Calendar, flow_hours
from carillon.portal.routing.models import Number
from carillon.portal.words import phone

HIDDEN = ("", "anonymous", "unknown")
MOST_EVENTS = 2000
"""So many of one call are told at most; a call of an hour has some hundred."""
Shape = dict[str, Any]


def call_shape(call: Call, base: str) -> Shape:
    """Describe a call; `base` is the address of the portal."""
    inbound = call.direction == Call.Direction.INBOUND
    other = call.caller if inbound else call.called
    return {
        "id": call.pk,
        "direct_link": f"{base}/v1/calls/{call.pk}",
        "page": f"{base}/calls/{call.pk}",
        "direction": call.direction,
        "status": _status(call),
        "outcome": call.outcome or None,
        "started_at": _seconds(call.started_at),
        "answered_at": _seconds(call.answered_at),
        "ended_at": _seconds(call.ended_at),
        "duration": _duration(call),
        "waiting_seconds": round(call.waiting_seconds),
        "talking_seconds": round(call.talking_seconds),
        "raw_digits": "anonymous" if other in HIDDEN else phone(other),
        "e164_digits": other if other.startswith("+") else None,
        "caller": call.caller,
        "caller_name": call.caller_name or None,
        "called": call.called,
        "number": number_cut(call.number, base) if call.number else None,
        "user": person_cut(call.person, base) if call.person else None,
        "recorded": call.recorded,
        "plan_version": call.plan_version,
    }


def timeline_shape(call: Call) -> list[Shape]:
    """Tell a call step by step, in the language that is active."""
    rows = CallEvent.objects.filter(call=call).order_by("seq")[:MOST_EVENTS]
    events = [read_event(row) for row in rows]
    lines = Teller(call, names_of(call.company_id, events)).tell(events)
    return [
        {"at": round(line.at.timestamp(), 3), "text": line.text, "minor": line.minor}
        for line in lines
    ]


def number_cut(number: Number, base: str) -> Shape:
    """Describe a number as it stands in a call."""
    return {
        "id": number.pk,
        "direct_link": f"{base}/v1/numbers/{number.pk}",
        "name": number.name,
        "digits": phone(number.e164),
        "e164_digits": number.e164,
        "country": number.country,
    }


def number_shape(number: Number, base: str, calendar: Calendar) -> Shape:
    """Describe a number: what it is, and whether it is open now and why."""
    flow = number.flow
    hours = flow_hours(flow, calendar, number.pk)
    now = opening.status(hours, timezone.now())
    return {
        **number_cut(number, base),
        "language": number.language,
        "kind": flow.kind,
        "is_ivr": flow.kind != "classic",
        "time_zone": flow.hours.zone,
        "open": now.is_open,
        "availability_status": _number_status(always=flow.hours.always, hand=hours.override),
        "opening": now.text,
        "priority": flow.priority or None,
        "live_recording_activated": flow.recording.inbound,
        "mandatory_tag": flow.mandatory_tag,
    }


def person_cut(person: Person, base: str) -> Shape:
    """Describe somebody as they stand in a call or a team."""
    return {
        "id": person.pk,
        "direct_link": f"{base}/v1/users/{person.pk}",
        "name": person.name,
        "email": person.user.email if person.user else None,
        "extension": person.extension,
    }


def person_shape(person: Person, base: str) -> Shape:
    """Describe somebody. Needs `personal_row` and `company` at hand."""
    row = getattr(person, "personal_row", None)
    auto = row is not None and row.flow.auto
    zone = person.user.timezone if person.user else ""
    status = ("custom" if auto else "available") if person.available else "unavailable"
    return {
        **person_cut(person, base),
        "available": person.available,
        "availability_status": status,
        "language": person.language,
        "time_zone": zone or person.company.timezone,
        "wrap_up_time": row.flow.after_call_seconds if row is not None else 0,
    }


def team_shape(team: Team, base: str, members: Iterable[Person]) -> Shape:
    """Describe a team and who is in it."""
    return {
        "id": team.pk,
        "direct_link": f"{base}/v1/teams/{team.pk}",
        "name": team.name,
        "strategy": team.strategy,
        "users": [person_cut(each, base) for each in members],
    }


def _status(call: Call) -> str:
    if call.ended_at is not None:
        return "done"
    return "answered" if call.answered_at is not None else "initial"


def _number_status(*, always: bool, hand: Any) -> str:
    if hand is not None:
        return "open" if hand.open else "closed"
    return "open" if always else "custom"


def _duration(call: Call) -> int:
    ended = call.ended_at or timezone.now()
    return max(0, round((ended - call.started_at).total_seconds()))


def _seconds(at: datetime | None) -> int | None:
    return None if at is None else int(at.timestamp())

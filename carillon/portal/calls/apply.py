"""The switch's events -> rows of the history. Call inside one transaction with the cursor."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from django.db.models import F

from carillon.portal.calls.models import Call, CallEvent, CallParty, Recording, Trouble
from carillon.portal.companies.models import Company
from carillon.portal.extensions.models import Person
from carillon.portal.routing.models import Number
from carillon.schema import events as e
from carillon.schema.cdr import CallRecord, fold

log = logging.getLogger(__name__)


def apply_call_events(events: Sequence[e.CallEvent]) -> dict[str, int]:
    """Keep the events and fold every call they touch anew; a second time changes nothing.

    Return call id -> company id. Events of a call whose arrival was never told, or whose company is gone,
    are dropped.
    """
    known = _known_calls(events)
    kept = [event for event in events if event.call in known]
    CallEvent.everywhere.bulk_create(
        (_event_row(event, known[event.call]) for event in kept), ignore_conflicts=True
    )
    touched = dict.fromkeys(event.call for event in kept)
    stored: dict[str, list[e.CallEvent]] = defaultdict(list)
    for row in CallEvent.everywhere.filter(call__in=touched):
        stored[row.call_id].append(read_event(row))
    folded = {call: fold(stored[call]) for call in touched}
    _write(folded, known)
    companies = {known[call] for call in touched}
    Company.objects.filter(pk__in=companies).update(calls_version=F("calls_version") + 1)
    return known


def apply_trouble(event: e.TroubleBegan | e.TroubleEnded) -> None:
    """Open or close a trouble of the system."""
    if isinstance(event, e.TroubleBegan):
        facts = {"detail": event.detail[:400]}
        Trouble.objects.get_or_create(
            kind=event.kind[:60], began_at=moment(event.at), defaults=facts
        )
    else:
        open_ones = Trouble.objects.filter(kind=event.kind[:60], ended_at=None)
        open_ones.filter(began_at__lte=moment(event.at)).update(ended_at=moment(event.at))


def read_event(row: CallEvent) -> e.CallEvent:
    """Return a stored event as the switch told it."""
    document = {
        **row.facts,
        "type": row.kind,
        "call": row.call_id,
        "seq": row.seq,
        "at": row.at.timestamp(),
    }
    event: e.CallEvent = msgspec.convert(document, type=e.CallEvent)
    return event


def moment(at: float) -> datetime:
    """Return seconds since 1970 as an aware datetime."""
    return datetime.fromtimestamp(at, UTC)


def plan_id(key: str, prefix: str) -> int:
    """Return the row id in a plan id such as "n12"; 0 for anything else."""
    digits = key[len(prefix) :]
    fits = key.startswith(prefix) and digits.isascii() and digits.isdigit() and len(digits) < 19
    return int(digits) if fits else 0


def _known_calls(events: Sequence[e.CallEvent]) -> dict[str, int]:
    """Return call id -> company id of calls that have a row, making rows for those that arrive."""
    ids = {event.call for event in events}
    known = dict(Call.everywhere.filter(pk__in=ids).values_list("pk", "company_id"))
    arrivals = [x for x in events if isinstance(x, e.CallArrived) and x.call not in known]
    wanted = {plan_id(x.company, "c") for x in arrivals}
    companies = set(Company.objects.filter(pk__in=wanted).values_list("pk", flat=True))
    fresh = {x.call: x for x in arrivals if plan_id(x.company, "c") in companies}
    Call.everywhere.bulk_create(
        Call(id=x.call, company_id=plan_id(x.company, "c"), started_at=moment(x.at))
        for x in fresh.values()
    )
    known |= {x.call: plan_id(x.company, "c") for x in fresh.values()}
    for lost in ids - known.keys():
        log.warning("Call %s is unknown: its events are dropped", lost)
    return known


def _event_row(event: e.CallEvent, company: int) -> CallEvent:
    facts: dict[str, Any] = msgspec.to_builtins(event)
    kind = facts.pop("type")
    call, seq, at = facts.pop("call"), facts.pop("seq"), facts.pop("at")
    return CallEvent(
        company_id=company, call_id=call, seq=seq, at=moment(at), kind=kind, facts=facts
    )


def _write(folded: dict[str, CallRecord], companies: dict[str, int]) -> None:
    numbers = _existing(Number, {plan_id(f.number, "n") for f in folded.values()})
    people = _existing(Person, {plan_id(u, "u") for f in folded.values() for u in f.parties})
    calls, parties, recordings = [], [], []
    for pk, facts in folded.items():
        company = companies[pk]

        def own(found: dict[int, int], key: int, company: int = company) -> int | None:
            return key if found.get(key) == company else None

        call = _call_row(pk, company, facts)
        call.number_id = own(numbers, plan_id(facts.number, "n"))
        call.person_id = own(people, plan_id(facts.person, "u"))
        calls.append(call)
        mine = [own(people, plan_id(user, "u")) for user in facts.parties]
        parties += [
            CallParty(company_id=company, call_id=pk, person_id=p, started_at=call.started_at)
            for p in mine
            if p is not None
        ]
        recordings += _recording_rows(pk, company, facts)
    Call.everywhere.bulk_update(calls, FOLDED, batch_size=200)
    CallParty.everywhere.bulk_create(parties, ignore_conflicts=True)
    Recording.everywhere.bulk_create(
        recordings,
        update_conflicts=True,
        unique_fields=["id"],
        update_fields=["seconds", "complete", "partial", "reason"],
    )


FOLDED = [
    "direction",
    "caller",
    "caller_name",
    "called",
    "number",
    "person",
    "started_at",
    "answered_at",
    "ended_at",
    "waiting_seconds",
    "talking_seconds",
    "outcome",
    "ended_by",
    "detail",
    "plan_version",
    "recorded",
    "purpose",
]


def _existing(model: type[Number] | type[Person], ids: set[int]) -> dict[int, int]:
    """Return id -> company id of the rows that exist."""
    return dict(model.everywhere.filter(pk__in=ids).values_list("pk", "company_id"))


def _call_row(pk: str, company: int, facts: CallRecord) -> Call:
    return Call(
        id=pk,
        company_id=company,
        direction=facts.direction[:8],
        caller=facts.caller[:64],
        caller_name=facts.caller_name[:120],
        called=facts.called[:64],
        started_at=moment(facts.started_at),
        answered_at=None if facts.answered_at is None else moment(facts.answered_at),
        ended_at=None if facts.ended_at is None else moment(facts.ended_at),
        waiting_seconds=facts.waiting_seconds,
        talking_seconds=facts.talking_seconds,
        outcome=facts.outcome[:11],
        ended_by=facts.ended_by[:6],
        detail=facts.detail[:200],
        plan_version=facts.plan_version,
        purpose=facts.purpose[:16],
        recorded=any(found.kind == "call" for found in facts.recordings.values()),
    )


def _recording_rows(call: str, company: int, facts: CallRecord) -> list[Recording]:
    return [
        Recording(
            id=found.id,
            company_id=company,
            call_id=call,
            kind=found.kind[:9],
            box=found.box[:40],
            path=found.path[:255],
            seconds=found.seconds,
            complete=found.complete,
            partial=found.partial,
            reason=found.reason[:40],
        )
        for found in facts.recordings.values()
    ]

"""The switch's events -> what remains to be done. Call after the history has taken them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from carillon.portal.calls.apply import moment, plan_id
from carillon.portal.calls.models import Call, CallEvent
from carillon.portal.companies.models import Company
from carillon.portal.followup.actions import system_tag, tag_call
from carillon.portal.followup.models import Callback, CallTag, OwedTag
from carillon.portal.routing.current import current_plan, ring_nodes
from carillon.portal.routing.models import Number
from carillon.schema import events as e
from carillon.schema import plan as p

SEVERAL = frozenset({"call.joined", "call.merged"})


def apply_followup(events: Sequence[e.AnyEvent], companies: dict[str, int]) -> None:
    """Note callbacks that were asked for, those that were made, and calls that must be tagged."""
    told = [event for event in events if isinstance(event, TELLING) and _tells(event)]
    rows = Call.everywhere.select_related("company", "person")
    calls = rows.in_bulk([event.call for event in told])
    ended: list[Call] = []
    for event in told:
        call = calls.get(event.call)
        if call is None or call.company_id != companies.get(event.call):
            continue
        match event:
            case e.CallbackRequested():
                _requested(event, call)
            case e.CallEnded():
                ended.append(call)
            case _:
                tag_call(call, system_tag(call.company, "conference"), by=None)
    _ended(ended)


TELLING = (e.CallbackRequested, e.CallEnded, e.Decided)


def _tells(event: e.CallEvent) -> bool:
    return not isinstance(event, e.Decided) or event.reason in SEVERAL


def _requested(event: e.CallbackRequested, call: Call) -> None:
    number = plan_id(event.number, "n")
    wanted = _wanted(call.company, event.number)
    automatic = wanted.automatic if wanted else False
    at = moment(event.at)
    Callback.everywhere.get_or_create(
        call=call,
        defaults={
            "company": call.company,
            "number": Number.everywhere.filter(pk=number, company=call.company).first(),
            "e164": event.e164[:16],
            "asked_at": at,
            "since": call.started_at,
            "state": Callback.State.QUEUED if automatic else Callback.State.OPEN,
            "tries": wanted.tries if wanted and automatic else 0,
            "pause_minutes": wanted.pause_minutes if wanted else 15,
            "next_at": at if automatic else None,
        },
    )
    tag_call(call, system_tag(call.company, "callback-request"), by=None)


def _wanted(company: Company, number: str) -> p.Callback | None:
    nodes = ring_nodes(current_plan(company), number)
    return next((node.callback for node in nodes if node.callback is not None), None)


def _ended(calls: list[Call]) -> None:
    outbound = [call for call in calls if call.direction == Call.Direction.OUTBOUND]
    called = {call.called for call in outbound}
    rows = Callback.everywhere.filter(
        e164__in=called, state__in=(Callback.State.OPEN, Callback.State.QUEUED)
    )
    waiting = list(rows.select_related("call", "company")) if called else []
    for call in outbound:
        if call.outcome == Call.Outcome.ANSWERED and call.talking_seconds > 0:
            _reached(call, waiting)
        elif call.purpose == "callback":
            _missed_again(call)
    mandatory = {company: _mandatory(company) for company in {call.company for call in calls}}
    for call in calls:
        _owe(call, mandatory[call.company])


def _reached(call: Call, waiting: list[Callback]) -> None:
    """Somebody who waited to be called back has been, by whoever dialled the number."""
    for callback in waiting:
        same = (callback.company_id, callback.e164) == (call.company_id, call.called)
        if not same or callback.asked_at >= call.started_at or callback.done_at is not None:
            continue
        callback.state = Callback.State.DONE
        callback.attempts += 1
        callback.done_at, callback.next_at, callback.answered_by = call.ended_at, None, call
        callback.save()
        for each in (callback.call, call):
            tag_call(each, system_tag(callback.company, "called-back"), by=None)


def _missed_again(call: Call) -> None:
    """The system tried to call back in vain: try again later, or leave it to people."""
    arrived = CallEvent.everywhere.filter(call=call, kind="call-arrived").first()
    pk = plan_id(str(arrived.facts.get("callback", "")) if arrived else "", "cb")
    callback = Callback.everywhere.filter(
        pk=pk, company=call.company_id, state=Callback.State.QUEUED
    ).first()
    # Only a customer who was rung has been tried: an agent who did not take the turn does not count.
    if callback is None or not _rang_outside(call) or callback.answered_by_id == call.pk:
        return
    callback.attempts += 1
    callback.answered_by = call
    if callback.attempts >= callback.tries:
        callback.state, callback.next_at = Callback.State.OPEN, None
    else:
        ended = call.ended_at or call.started_at
        callback.next_at = ended + timedelta(minutes=callback.pause_minutes)
    callback.save()


def _rang_outside(call: Call) -> bool:
    legs = CallEvent.everywhere.filter(call=call, kind="leg-started")
    return any(row.facts.get("e164") for row in legs)


def _mandatory(company: Company) -> set[str]:
    """Return the numbers whose calls must be tagged (A26)."""
    return {number.id for number in current_plan(company).numbers if number.mandatory_tag}


def _owe(call: Call, numbers: set[str]) -> None:
    """A call of a number with mandatory tags is to be tagged by whoever talked."""
    if call.person is None or not call.talking_seconds or f"n{call.number_id}" not in numbers:
        return
    if not CallTag.everywhere.filter(call=call, by__isnull=False).exists():
        OwedTag.everywhere.get_or_create(
            call=call, defaults={"company": call.company, "person": call.person}
        )

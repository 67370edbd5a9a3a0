"""The switch's events -> what integrations are told. Call inside the journal's transaction."""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Count, Prefetch, Q
from django.utils import timezone

from carillon.flows.announcement import DICTATION
from carillon.portal import mail
from carillon.portal.calls.apply import moment
from carillon.portal.calls.models import Call
from carillon.portal.calls.shapes import call_shape
from carillon.portal.integrations.models import TEST, Delivery, Event, Integration
from carillon.portal.routing.models import Number
from carillon.schema import events as e
from carillon.schema.cdr import is_caller_leg

log = logging.getLogger(__name__)

MOST_WAITING = 1000
"""So many wait for one integration at most; what comes beyond is not told."""
OLDEST = timedelta(days=1)
"""What happened before is told no more: a journal read anew must not ring everybody's bells again."""


def tell_integrations(events: Iterable[e.AnyEvent], companies: Mapping[str, int]) -> None:
    """Note what each integration is to be told of these events."""
    recent = (timezone.now() - OLDEST).timestamp()
    told = [(name, x) for name, x in _named(events) if x.at > recent and x.call in companies]
    if not told:
        return
    try:
        # What cannot be told must not hold up the history.
        with transaction.atomic():
            wanted = _integrations({companies[event.call] for _name, event in told})
            if wanted:
                _write(told, wanted)
    except Exception:
        log.exception("integrations could not be told")


def write_test(integration: Integration) -> Delivery:
    """Note a test, sent like everything else."""
    facts = {"note": "A test of this webhook, sent from its page.", "name": integration.name}
    return Delivery.everywhere.create(
        company_id=integration.company_id,
        integration=integration,
        event=TEST,
        body=_body("integration", TEST, facts, timezone.now().timestamp()),
        next_try_at=timezone.now(),
    )


def _named(events: Iterable[e.AnyEvent]) -> Iterator[tuple[str, e.CallEvent]]:
    for event in events:
        match event:
            case e.CallArrived():
                yield Event.CREATED, event
            case e.LegAnswered(leg=leg) if not is_caller_leg(leg):
                yield Event.ANSWERED, event
            case e.MessageLeft(box=box) if not box.startswith(DICTATION):
                yield Event.VOICEMAIL, event
            case e.CallbackRequested():
                yield Event.CALLBACK, event
            case e.CallEnded():
                yield Event.ENDED, event


def _integrations(companies: set[int]) -> list[Integration]:
    waiting = Count("deliveries", filter=Q(deliveries__next_try_at__isnull=False))
    rows = Integration.everywhere.filter(company__in=companies, active=True)
    return list(
        rows.annotate(waiting=waiting).prefetch_related(
            Prefetch("numbers", Number.everywhere.all())
        )
    )


def _write(told: list[tuple[str, e.CallEvent]], wanted: list[Integration]) -> None:
    rows = Call.everywhere.select_related("number", "person__user")
    calls = rows.filter(purpose__in=e.SHOWN_PURPOSES).in_bulk({event.call for _, event in told})
    room = {each.pk: MOST_WAITING - getattr(each, "waiting", 0) for each in wanted}
    numbers = {each.pk: {number.pk for number in each.numbers.all()} for each in wanted}
    fresh = []
    for name, event in told:
        call = calls.get(event.call)
        # Of several who pick up, only the first answers the call.
        if call is None or (name == Event.ANSWERED and call.answered_at != moment(event.at)):
            continue
        body = ""
        for each in wanted:
            takes = each.all_numbers or call.number_id in numbers[each.pk]
            if each.company_id != call.company_id or name not in each.events or not takes:
                continue
            room[each.pk] -= 1
            if room[each.pk] < 0:
                continue
            body = body or _body("call", name, _data(call, event), event.at)
            fresh.append(_row(each, name, body))
    Delivery.everywhere.bulk_create(fresh)


def _row(integration: Integration, name: str, body: str) -> Delivery:
    return Delivery(
        company_id=integration.company_id,
        integration=integration,
        event=name,
        body=body,
        next_try_at=timezone.now(),
    )


def _data(call: Call, event: e.CallEvent) -> dict[str, Any]:
    facts = call_shape(call, mail.absolute(""))
    match event:
        case e.MessageLeft():
            facts["message"] = {
                "seconds": round(event.seconds),
                "urgent": event.urgent,
                "page": mail.absolute(f"/voicemail?box={event.box}"),
            }
        case e.CallbackRequested():
            facts["callback"] = {"e164_digits": event.e164, "page": mail.absolute("/callbacks")}
    return facts


def _body(resource: str, name: str, facts: dict[str, Any], at: float) -> str:
    document = {
        "id": str(uuid.uuid4()),
        "resource": resource,
        "event": name,
        "timestamp": int(at),
        "data": facts,
    }
    return json.dumps(document, ensure_ascii=False)

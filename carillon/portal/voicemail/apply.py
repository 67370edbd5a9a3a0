"""Messages the switch kept -> rows. Call inside one transaction with the cursor, after the calls."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from carillon.portal.calls.models import Call
from carillon.portal.voicemail.models import Message
from carillon.schema.events import MessageLeft


def apply_messages(events: Sequence[MessageLeft]) -> None:
    """Put messages into their boxes; a second time changes nothing."""
    ids = {event.call for event in events}
    companies = dict(Call.everywhere.filter(pk__in=ids).values_list("pk", "company_id"))
    Message.everywhere.bulk_create(
        (
            Message(
                company_id=companies[event.call],
                call_id=event.call,
                box=event.box[:40],
                recording=event.recording,
                at=datetime.fromtimestamp(event.at, UTC),
                seconds=event.seconds,
                urgent=event.urgent,
                partial=event.partial,
            )
            for event in events
            if event.call in companies
        ),
        ignore_conflicts=True,
    )

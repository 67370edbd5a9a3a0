"""Messages the switch kept -> rows. Call inside one transaction with the cursor, after the calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from carillon.flows.announcement import DICTATION
from carillon.portal.voicemail.models import Message
from carillon.portal.voicemail.notices import tell_of_messages
from carillon.schema.events import MessageLeft


def apply_messages(events: Sequence[MessageLeft], companies: Mapping[str, int]) -> None:
    """Put messages into their boxes; a second time changes nothing. `companies`: by call id."""
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
            if event.call in companies and not event.box.startswith(DICTATION)
        ),
        ignore_conflicts=True,
    )
    tell_of_messages(events, companies)

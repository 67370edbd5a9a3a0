"""A page of the switch's journal -> rows of every app, exactly once however often it is told."""

from __future__ import annotations

from collections.abc import Iterable
from typing import get_args

from django.db import transaction

from carillon.portal.calls.apply import apply_call_events, apply_trouble
from carillon.portal.calls.models import JournalCursor
from carillon.portal.extensions.apply import (
    apply_availability,
    apply_registration,
    forget_registrations,
)
from carillon.portal.voicemail.apply import apply_messages
from carillon.schema import events as e

SWITCH = "main"


def cursor() -> JournalCursor:
    """Return how far the switch's journal has been applied."""
    found, _ = JournalCursor.objects.get_or_create(switch=SWITCH)
    return found


@transaction.atomic
def apply_page(page: e.JournalPage) -> int:
    """Apply what is new on a page and move the cursor with it; return how many entries were new."""
    place = cursor()
    if place.journal != page.journal:
        _follow(place, page.journal)
    fresh = [entry for entry in page.entries if entry.cursor > place.position]
    if fresh:
        apply_events(entry.event for entry in fresh)
        place.position = fresh[-1].cursor
        place.save(update_fields=["position"])
    return len(fresh)


def apply_events(events: Iterable[e.AnyEvent]) -> None:
    """Give each app its events. Call inside a transaction."""
    told = list(events)
    kinds = get_args(e.CallEvent)
    companies = apply_call_events([event for event in told if isinstance(event, kinds)])
    apply_messages([event for event in told if isinstance(event, e.MessageLeft)], companies)
    for event in told:
        if isinstance(event, e.DeviceRegistered | e.DeviceLost):
            apply_registration(event)
        elif isinstance(event, e.AvailabilityChosen):
            apply_availability(event)
        elif isinstance(event, e.TroubleBegan | e.TroubleEnded):
            apply_trouble(event)


def _follow(place: JournalCursor, journal: str) -> None:
    """Begin another journal: the switch lost its disk, or is another one."""
    if place.journal:
        forget_registrations()
    place.journal, place.position = journal, 0
    place.save(update_fields=["journal", "position"])

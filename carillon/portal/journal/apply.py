"""A page of the switch's journal -> rows of every app, exactly once however often it is told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import get_args

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from carillon.flows.announcement import DICTATION
from carillon.portal.calls.apply import apply_call_events, apply_trouble
from carillon.portal.calls.emergencies import tell_emergencies
from carillon.portal.calls.models import JournalCursor, Recording
from carillon.portal.extensions.apply import (
    apply_availability,
    apply_registration,
    forget_registrations,
)
from carillon.portal.extensions.voices import keep_voice
from carillon.portal.followup.apply import apply_followup
from carillon.portal.integrations.writing import tell_integrations
from carillon.portal.routing.days import apply_override
from carillon.portal.routing.dictation import give_up, keep
from carillon.portal.sound import safe_path
from carillon.portal.voicemail.apply import apply_messages
from carillon.portal.voicemail.notices import tell_of_lost_calls
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
    tell_emergencies([event for event in told if isinstance(event, e.Decided)], companies)
    messages = [event for event in told if isinstance(event, e.MessageLeft)]
    apply_messages(messages, companies)
    _apply_dictations(messages, companies)
    apply_followup(told, companies)
    tell_integrations(told, companies)
    ended = [event for event in told if isinstance(event, e.CallEnded)]
    tell_of_lost_calls(ended, companies)
    give_up([event.call for event in ended])
    for event in told:
        if isinstance(event, e.DeviceRegistered | e.DeviceLost):
            apply_registration(event)
        elif isinstance(event, e.AvailabilityChosen):
            apply_availability(event)
        elif isinstance(event, e.HoursOverridden):
            apply_override(event)
        elif isinstance(event, e.TroubleBegan | e.TroubleEnded):
            apply_trouble(event)


def _apply_dictations(messages: Iterable[e.MessageLeft], companies: Mapping[str, int]) -> None:
    """Make prompts, greetings and names of what was recorded by phone: it is in no box."""
    dictated = {m.recording: m for m in messages if m.box.startswith(DICTATION)}
    if not dictated:
        return
    for row in Recording.everywhere.filter(pk__in=dictated, deleted_at=None):
        message = dictated[row.pk]
        path = safe_path(settings.CONFIG.recordings, row.path)
        name, company = message.box.removeprefix(DICTATION), companies.get(message.call, 0)
        kind, dot, user = name.partition(".")
        if keep_voice(kind, user, company, path) if dot else keep(name, company, path):
            row.deleted_at = timezone.now()
            row.save(update_fields=["deleted_at"])


def _follow(place: JournalCursor, journal: str) -> None:
    """Begin another journal: the switch lost its disk, or is another one."""
    if place.journal:
        forget_registrations()
    place.journal, place.position = journal, 0
    place.save(update_fields=["journal", "position"])

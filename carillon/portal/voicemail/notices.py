"""What is told by e-mail: a message in one's own or one's team's box, a call one's number or team lost."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.urls import reverse

from carillon.portal import mail
from carillon.portal.accounts.models import User
from carillon.portal.calls.models import Call, Recording
from carillon.portal.extensions.models import Person
from carillon.portal.sound import safe_path
from carillon.portal.voicemail.boxes import listeners
from carillon.portal.voicemail.models import Message, Notices
from carillon.portal.words import phone
from carillon.schema.events import CallEnded, MessageLeft

log = logging.getLogger(__name__)

LOST = (Call.Outcome.MISSED, Call.Outcome.ABANDONED)
LARGEST_SOUND = 8 << 20
MOST_ATTACHED = 20
"""A message is attached for so many people of a team at most; the others are told where it is."""


def notices_of(person: Person) -> Notices:
    """Return what somebody is told; the usual where they chose nothing."""
    return Notices.everywhere.filter(person=person).first() or Notices(
        person=person, company_id=person.company_id
    )


@transaction.atomic
def choose_notices(person: Person, *, message_mail: bool, missed_mail: bool) -> None:
    """Keep what somebody wants to be told. Theirs alone: nothing for the audit log."""
    facts = {"message_mail": message_mail, "missed_mail": missed_mail}
    Notices.everywhere.update_or_create(
        person=person, defaults=facts, create_defaults={**facts, "company_id": person.company_id}
    )


def tell_of_messages(events: Iterable[MessageLeft], companies: Mapping[str, int]) -> None:
    """Write to whoever has a new message or whose team has. Call inside the journal's transaction."""
    for event in events:
        if event.call not in companies:
            continue
        people, team = listeners(companies[event.call], event.box)
        row = Message.everywhere.filter(recording=event.recording).select_related("call").first()
        if row is None:
            continue
        silent = Notices.everywhere.filter(person__in=people, message_mail=False)
        unwilling = set(silent.values_list("person_id", flat=True))
        asked = (person for person in people if person.pk not in unwilling)
        for place, person in enumerate(asked):
            facts = {"seconds": row.seconds, "urgent": row.urgent, "box": row.box, "team": team}
            attach = place < MOST_ATTACHED
            _try(person, "new-message", row.call, **facts, attach=attach)


def tell_of_lost_calls(events: Iterable[CallEnded], companies: Mapping[str, int]) -> None:
    """Write once of each call nobody took to whoever its number rings and wants to know."""
    ended = [event.call for event in events if event.call in companies]
    calls = Call.everywhere.filter(pk__in=ended, direction=Call.Direction.INBOUND, outcome__in=LOST)
    for call in calls.exclude(number=None).select_related("number"):
        rung = Q(rungs__number=call.number_id) | Q(
            teams__rungs__number=call.number_id, teams__deleted_at=None
        )
        asked = Notices.everywhere.filter(company_id=call.company_id, missed_mail=True)
        people = Person.everywhere.filter(rung, pk__in=asked.values("person"), deleted_at=None)
        for person in people.distinct().select_related("user", "company"):
            _try(person, "lost-call", call)


def _try(person: Person, kind: str, call: Call, **more: object) -> None:
    user = person.user
    if user is None or not user.is_active or not user.email:
        return
    try:
        # A message that cannot be written must not hold up the history.
        with transaction.atomic():
            _write(person, user, kind, call, more)
    except Exception:
        log.exception("%s could not be told of call %s", person.key, call.pk)


def _write(person: Person, user: User, kind: str, call: Call, more: Mapping[str, object]) -> None:
    is_message = kind == "new-message"
    page = (
        f"{reverse('voicemail')}?box={more['box']}"
        if is_message
        else reverse("call", args=[call.pk])
    )
    facts = {
        "who": call.caller_name or phone(call.caller),
        "caller": phone(call.caller),
        "number": call.number,
        "at": call.started_at,
        "zone": user.timezone or person.company.timezone,
        "twelve_hours": user.twelve_hours,
        "link": mail.absolute(page),
        "settings": mail.absolute(reverse("me") + "#notices"),
        **more,
    }
    sound = _sound(call, str(more["box"])) if is_message and more["attach"] else None
    facts["attached"] = sound is not None
    mail.send(kind, user.email, user.language, facts, [sound] if sound else [])


def _sound(call: Call, box: str) -> mail.Attachment | None:
    """Return the message's sound as a file; None when it is too long, or not there."""
    kept = Recording.everywhere.filter(call=call, box=box, deleted_at=None).order_by("-id").first()
    if kept is None:
        return None
    path = safe_path(settings.CONFIG.recordings, kept.path)
    if not path.is_file() or path.stat().st_size > LARGEST_SOUND:
        return None
    content_type = "audio/mpeg" if path.suffix == ".mp3" else "audio/wav"
    return mail.Attachment(f"message{path.suffix}", content_type, path.read_bytes())

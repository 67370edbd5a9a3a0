"""What people do with messages."""

from __future__ import annotations

import secrets
import shutil
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from carillon.portal.accounts.models import User
from carillon.portal.calls.actions import erase_sound
from carillon.portal.calls.models import Recording
from carillon.portal.companies import audit
from carillon.portal.extensions.models import Person
from carillon.portal.sound import safe_path
from carillon.portal.voicemail.models import Message

DELETED_KEPT = timedelta(days=30)
MOST_ERASED = 1000
"""In one round of house-keeping; the next one goes on."""


@transaction.atomic
def mark_heard(message: Message, heard: bool) -> None:
    """Note that a message was heard, or is to be heard again."""
    message.heard_at = timezone.now() if heard else None
    message.save(update_fields=["heard_at"])


@transaction.atomic
def delete_message(message: Message, *, by: User | None) -> None:
    """Take a message out of its box. Can be undone for `DELETED_KEPT`."""
    message.deleted_at = timezone.now()
    message.save(update_fields=["deleted_at"])
    audit.write(message.company, by, "message-deleted", _thing(message))


@transaction.atomic
def restore_message(message: Message, *, by: User | None) -> None:
    """Put a message back into its box."""
    message.deleted_at = None
    message.save(update_fields=["deleted_at"])
    audit.write(message.company, by, "message-restored", _thing(message))


def erased_at(message: Message) -> datetime | None:
    """Return when a deleted message is erased; None of one that is not deleted."""
    return message.deleted_at + DELETED_KEPT if message.deleted_at is not None else None


def erase_deleted() -> int:
    """Erase what was deleted long ago, sound and all; return how many. The audit log keeps who did it."""
    before = timezone.now() - DELETED_KEPT
    gone = Message.everywhere.filter(deleted_at__lt=before).order_by("deleted_at")
    erased = 0
    for pk in gone.values_list("pk", flat=True)[:MOST_ERASED]:
        erased += _erase(pk, before)
    return erased


@transaction.atomic
def _erase(pk: int, before: datetime) -> bool:
    # Looked at once more: it may have been brought back a moment ago.
    message = Message.everywhere.select_for_update().filter(pk=pk, deleted_at__lt=before).first()
    if message is None:
        return False
    for sound in Recording.everywhere.filter(pk=message.recording, deleted_at=None):
        erase_sound(sound)
    message.delete()
    return True


@transaction.atomic
def forward_message(message: Message, to: Person, *, by: User | None) -> bool:
    """Put a copy of a message, sound and all, into a colleague's box; False when there is no sound."""
    sound = Recording.objects.filter(pk=message.recording, deleted_at=None).first()
    folder = settings.CONFIG.recordings
    if sound is None or not safe_path(folder, sound.path).is_file():
        return False
    name = secrets.token_hex(8)
    path = str(Path(sound.path).with_name(f"{name}.wav"))
    # A copy: whoever deletes theirs must not take it from the other.
    shutil.copyfile(safe_path(folder, sound.path), safe_path(folder, path))
    Recording.objects.create(
        id=name,
        call=message.call,
        kind=sound.kind,
        box=to.box,
        path=path,
        seconds=sound.seconds,
        complete=sound.complete,
        partial=sound.partial,
        reason=sound.reason,
    )
    Message.objects.create(
        box=to.box,
        recording=name,
        call=message.call,
        at=message.at,
        seconds=message.seconds,
        urgent=message.urgent,
        partial=message.partial,
    )
    audit.write(message.company, by, "message-forwarded", _thing(message), after={"to": to.name})
    return True


def _thing(message: Message) -> tuple[str, str]:
    return f"m{message.pk}", f"{message.call.caller} {message.at:%Y-%m-%d %H:%M}"

"""What people do with messages."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from carillon.portal.accounts.models import User
from carillon.portal.companies import audit
from carillon.portal.voicemail.models import Message


@transaction.atomic
def mark_heard(message: Message, heard: bool) -> None:
    """Note that a message was heard, or is to be heard again."""
    message.heard_at = timezone.now() if heard else None
    message.save(update_fields=["heard_at"])


@transaction.atomic
def delete_message(message: Message, *, by: User) -> None:
    """Take a message out of its box. Can be undone."""
    message.deleted_at = timezone.now()
    message.save(update_fields=["deleted_at"])
    audit.write(message.company, by, "message-deleted", _thing(message))


@transaction.atomic
def restore_message(message: Message, *, by: User) -> None:
    """Put a message back into its box."""
    message.deleted_at = None
    message.save(update_fields=["deleted_at"])
    audit.write(message.company, by, "message-restored", _thing(message))


def _thing(message: Message) -> tuple[str, str]:
    return f"m{message.pk}", f"{message.call.caller} {message.at:%Y-%m-%d %H:%M}"

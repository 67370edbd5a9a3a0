"""What people change in the history: only the sound, never what happened."""

from __future__ import annotations

import contextlib
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from carillon.portal.accounts.models import User
from carillon.portal.calls.models import Recording
from carillon.portal.companies import audit


@transaction.atomic
def delete_recording(recording: Recording, *, by: User) -> None:
    """Delete a recording's sound for good; the call stays in the history."""
    erase_sound(recording)
    thing = (recording.call_id, recording.call.caller or recording.call_id)
    audit.write(recording.company, by, "recording-deleted", thing, {"seconds": recording.seconds})


def erase_sound(recording: Recording) -> None:
    """Take the sound of a recording off the disk, once the enclosing transaction is certain."""
    # It may have been compressed since it was asked for: what counts is where it lies now.
    recording.refresh_from_db(fields=["path", "left_behind"])
    recording.deleted_at = timezone.now()
    recording.save(update_fields=["deleted_at"])
    transaction.on_commit(lambda: _forget(recording.path, recording.left_behind))


def _forget(*paths: str) -> None:
    root = Path(settings.CONFIG.recordings).resolve()
    for relative in filter(None, paths):
        path = (root / relative).resolve()
        if path.is_relative_to(root):
            with contextlib.suppress(OSError):
                path.unlink()

"""What people recorded by phone: the greeting of their voicemail, and their name as the directory says it."""

from __future__ import annotations

import logging
import wave
from pathlib import Path

from django.conf import settings
from django.db import transaction

from carillon.portal.companies import audit
from carillon.portal.companies.publish import bump_plan
from carillon.portal.extensions.models import Person, Voice

log = logging.getLogger(__name__)

KINDS = ("greeting", "name")


@transaction.atomic
def keep_voice(kind: str, user: str, company: int, recording: Path) -> bool:
    """Take a recording as somebody's greeting or name; False when it is nobody's or no sound.

    `user` is the plan's id. The recording itself is deleted once the change is certain.
    """
    digits = user.removeprefix("u")
    if kind not in KINDS or not (digits.isascii() and digits.isdigit() and len(digits) < 19):
        return False
    alive = Person.everywhere.filter(pk=int(digits), company=company, deleted_at=None)
    person = alive.select_related("company", "user").first()
    found = _import(recording) if person is not None else None
    if person is None or found is None:
        return False
    facts = {f"{kind}_key": found[0], f"{kind}_seconds": found[1]}
    Voice.everywhere.update_or_create(
        person=person, defaults=facts, create_defaults={**facts, "company": person.company}
    )
    audit.write(person.company, person.user, f"{kind}-recorded", (person.key, person.name))
    bump_plan(person.company)
    transaction.on_commit(lambda: recording.unlink(missing_ok=True))
    return True


def _import(recording: Path) -> tuple[str, float] | None:
    from carillon.speech.store import Store

    try:
        with wave.open(str(recording), "rb") as sound:
            seconds = sound.getnframes() / sound.getframerate()
        # Recordings of one side and prompts are written alike: 8 kHz, 16 bit, mono.
        return Store(settings.CONFIG.prompts).put(recording.read_bytes()), round(seconds, 2)
    except (OSError, ValueError, EOFError, wave.Error) as error:
        log.warning("a recording by phone cannot be used: %s", error)
        return None

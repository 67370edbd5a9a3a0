"""What people recorded by phone: the greeting of their voicemail, and names as telephones say them."""

from __future__ import annotations

import logging
import threading
import wave
from pathlib import Path

from django.conf import settings
from django.db import OperationalError, close_old_connections, transaction
from django.db.models import F, Q

from carillon.portal.accounts.models import User
from carillon.portal.companies import audit
from carillon.portal.companies.publish import bump_plan
from carillon.portal.extensions.models import Person, Team, Voice

log = logging.getLogger(__name__)

KINDS = ("greeting", "name")
ROUND_SECONDS = 20.0
NAMES_AT_ONCE = 20


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
    facts: dict[str, str | float] = {f"{kind}_key": found[0], f"{kind}_seconds": found[1]}
    facts |= {"name_text": ""} if kind == "name" else {}
    Voice.everywhere.update_or_create(
        person=person, defaults=facts, create_defaults={**facts, "company": person.company}
    )
    audit.write(person.company, person.user, f"{kind}-recorded", (person.key, person.name))
    bump_plan(person.company)
    transaction.on_commit(lambda: recording.unlink(missing_ok=True))
    return True


@transaction.atomic
def set_greeting(person: Person, key: str, seconds: float, *, by: User | None) -> None:
    """Use a prompt as the greeting of somebody's voicemail; "" for the usual words."""
    facts: dict[str, str | float] = {"greeting_key": key, "greeting_seconds": seconds}
    Voice.everywhere.update_or_create(
        person=person, defaults=facts, create_defaults={**facts, "company": person.company}
    )
    audit.write(person.company, by, "greeting-chosen", (person.key, person.name))
    bump_plan(person.company)


# -- names nobody recorded ---------------------------------------------------------------------------


def speak_names() -> int:
    """Read names aloud: teams', and those of people who have not recorded theirs; return how many."""
    return _speak_people() + _speak_teams()


def _speak_people() -> int:
    spoken = Q(voice__name_text=F("name")) | Q(voice__name_text="") & ~Q(voice__name_key="")
    wanted = Person.everywhere.filter(deleted_at=None).exclude(spoken).exclude(name="")
    people = list(wanted.select_related("company").order_by("pk")[:NAMES_AT_ONCE])
    for person in people:
        key, seconds = _spoken(person.name, person.language)
        facts = {"name_key": key, "name_seconds": seconds, "name_text": person.name[:120]}
        Voice.everywhere.update_or_create(
            person=person, defaults=facts, create_defaults={**facts, "company": person.company}
        )
    for company in {person.company for person in people}:
        bump_plan(company)
    return len(people)


def _speak_teams() -> int:
    wanted = Team.everywhere.filter(deleted_at=None).exclude(name_text=F("name"))
    teams = list(wanted.select_related("company").order_by("pk")[:NAMES_AT_ONCE])
    for team in teams:
        key, seconds = _spoken(team.name, team.company.language)
        # No more than this: its page may have been saved meanwhile.
        found = Team.everywhere.filter(pk=team.pk)
        found.update(name_key=key, name_seconds=seconds, name_text=team.name)
    for company in {team.company for team in teams}:
        bump_plan(company)
    return len(teams)


def _spoken(name: str, language: str) -> tuple[str, float]:
    from carillon.speech.store import Store
    from carillon.speech.synthesis import SpeechError

    try:
        return Store(settings.CONFIG.prompts).speak(name, language)
    except SpeechError as error:
        log.info("a name cannot be read aloud: %s", error)
        return "", 0.0


def follow() -> None:
    """Read names aloud for ever, in a thread of its own."""
    threading.Thread(target=_run, name="names", daemon=True).start()


def _run() -> None:
    pause = threading.Event()
    while True:
        pause.wait(ROUND_SECONDS)
        try:
            speak_names()
        except OperationalError as error:
            log.info("names are not read aloud now: %s", error)
        except Exception:
            log.exception("a fault of ours while reading names aloud")
        close_old_connections()


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

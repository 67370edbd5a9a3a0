"""The PIN with which somebody proves at a telephone who they are (R22–R24): voicemail asks for it."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from django.contrib.auth.hashers import check_password, make_password
from django.db import transaction
from django.utils import timezone

from carillon.portal.accounts.checking import pin_criteria, unmet
from carillon.portal.accounts.models import User
from carillon.portal.companies import audit
from carillon.portal.extensions.models import Person, Pin
from carillon.portal.refused import Refused

MOST_WRONG = 5
LOCKED_FOR = timedelta(minutes=15)
Verdict = Literal["ok", "wrong", "locked"]


@transaction.atomic
def set_pin(person: Person, pin: str, *, by: User | None) -> None:
    """Give somebody a PIN; ends a lock. Only its hash is kept."""
    said = unmet(pin_criteria(pin))
    if said:
        raise Refused("bad-pin", said)
    facts = {"hash": make_password(pin), "wrong": 0, "locked_until": None}
    Pin.everywhere.update_or_create(person=person, defaults={**facts, "company": person.company})
    audit.write(person.company, by, "pin-changed", (person.key, person.name))


@transaction.atomic
def check_pin(person: Person, pin: str) -> Verdict:
    """Say whether this is somebody's PIN; five wrong ones in a row lock it for 15 minutes.

    While it is locked even the right one is not looked at. Who has no PIN has none that is right.
    """
    row = Pin.everywhere.select_for_update().filter(person=person).first()
    if row is None:
        return "wrong"
    now = timezone.now()
    if row.locked_until is not None and row.locked_until > now:
        return "locked"
    if check_password(pin[:40], row.hash):
        if row.wrong or row.locked_until:
            row.wrong, row.locked_until = 0, None
            row.save(update_fields=["wrong", "locked_until"])
        return "ok"
    row.wrong = 1 if row.locked_until else row.wrong + 1
    row.locked_until = now + LOCKED_FOR if row.wrong >= MOST_WRONG else None
    row.save(update_fields=["wrong", "locked_until"])
    if row.locked_until is None:
        return "wrong"
    audit.write(person.company, None, "pin-locked", (person.key, person.name))
    return "locked"


@transaction.atomic
def unlock_pin(person: Person, *, by: User) -> None:
    """Let somebody try again at once."""
    changed = Pin.everywhere.filter(person=person).exclude(locked_until=None)
    if changed.update(wrong=0, locked_until=None):
        audit.write(person.company, by, "pin-unlocked", (person.key, person.name))


def has_pin(person: Person) -> bool:
    """Say whether somebody has chosen a PIN."""
    return Pin.everywhere.filter(person=person).exists()


def is_locked(person: Person) -> bool:
    """Say whether somebody's PIN is locked now."""
    return Pin.everywhere.filter(person=person, locked_until__gt=timezone.now()).exists()

"""Slows guessing: too many wrong passwords for one account or from one address, and both must wait."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Count, Q
from django.utils import timezone

from carillon.portal.accounts.models import SignInFailure

WINDOW = timedelta(minutes=15)
MOST_PER_PAIR = 5
MOST_PER_EMAIL = 20
MOST_PER_ADDRESS = 50
COUNTED_DIGITS = 8
"""Of a telephone number: with or without +33, 0 or spaces, its end is the same."""


def is_throttled(email: str, address: str | None) -> bool:
    """Say whether this attempt comes too soon, whatever its password.

    An account alone stands more than an account and address together, so that a stranger who guesses
    cannot lock its owner out at once.
    """
    recent = SignInFailure.objects.filter(at__gt=timezone.now() - WINDOW)
    counts = recent.aggregate(
        by_email=Count("pk", filter=Q(email=_key(email))),
        by_address=Count("pk", filter=Q(address=address)),
        by_both=Count("pk", filter=Q(email=_key(email), address=address)),
    )
    limits = {
        "by_both": MOST_PER_PAIR,
        "by_email": MOST_PER_EMAIL,
        "by_address": MOST_PER_ADDRESS,
    }
    return any(counts[name] >= most for name, most in limits.items())


def note_failure(email: str, address: str | None) -> None:
    """Remember a wrong password."""
    SignInFailure.objects.create(at=timezone.now(), email=_key(email), address=address)


def forget_failures(email: str, address: str | None) -> None:
    """The right password came: its owner begins anew from this address."""
    SignInFailure.objects.filter(email=_key(email), address=address).delete()


def _key(email: str) -> str:
    """Return one key for every way to write the same e-mail or telephone number."""
    name = email.strip().lower()[:254]
    digits = "".join(c for c in name if c.isdigit())
    return name if "@" in name or not digits else f"tel:{digits[-COUNTED_DIGITS:]}"

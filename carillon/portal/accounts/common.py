"""Passwords that guessers try first.

Django's own list (some 20,000 entries, in its package, BSD-3-Clause, from Royce Williams' gist of leaked
passwords), and what French keyboards and hearts add to it.
"""

from __future__ import annotations

from functools import lru_cache

from django.contrib.auth.password_validation import CommonPasswordValidator

FRENCH = frozenset(
    {
        "azerty",
        "azertyuiop",
        "qsdfgh",
        "motdepasse",
        "bonjour",
        "soleil",
        "doudou",
        "loulou",
        "chouchou",
        "marseille",
        "nicolas",
        "camille",
        "chocolat",
        "coucou",
        "princesse",
        "jetaime",
        "papillon",
        "bienvenue",
        "entreprise",
        "telephone",
        "standard",
        "administrateur",
        "secret",
        "carillon",
        "vacances",
        "famille",
        "football",
        "paris",
        "france",
        "lyon",
        "toulouse",
        "bordeaux",
    }
)
MOST_ADDED = 5


def is_common(password: str) -> bool:
    """Say whether it is such a password, or one with a few digits or marks after it: Bonjour2024!"""
    lower = password.lower()[:200]
    stem = lower.rstrip("0123456789!@#$%&*?.,;:+-_=")
    return any(word in _list() or word in FRENCH for word in {lower, _near(lower, stem)})


def _near(whole: str, stem: str) -> str:
    return stem if len(whole) - len(stem) <= MOST_ADDED else whole


@lru_cache(maxsize=1)
def _list() -> frozenset[str]:
    return frozenset(CommonPasswordValidator().passwords)

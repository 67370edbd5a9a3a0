"""The box "I am not a robot" (R14): the browser does some work, and nobody else is asked (ALTCHA)."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from urllib.parse import urlsplit

import altcha
from django.conf import settings
from django.utils import timezone

from carillon.portal.accounts import limits
from carillon.portal.cipher import derive_key

ALGORITHM = "PBKDF2/SHA-256"
COST = 2000
"""Iterations a try; 256 tries on average: about a second in a browser, 1 ms to check."""
LASTS = timedelta(minutes=20)
LONGEST_PAYLOAD = 4000


def is_needed() -> bool:
    """Say whether the box is asked for.

    Browsers do such work only on https pages and on this machine: on plain http in a network it could
    never be ticked, and the limits on tries are what is left.
    """
    address = urlsplit(settings.CONFIG.public_url)
    return address.scheme == "https" or address.hostname in ("127.0.0.1", "localhost", "::1")


def new_challenge() -> dict[str, object]:
    """Return work for a browser."""
    expires_at = timezone.now() + LASTS
    made = altcha.create_challenge(ALGORITHM, COST, expires_at=expires_at, hmac_secret=_secret())
    found: dict[str, object] = made.to_dict()
    return found


def is_solved(payload: str) -> bool:
    """Say whether the work was done, for a challenge of ours and for the first time."""
    if not is_needed():
        return True
    if not payload or len(payload) > LONGEST_PAYLOAD:
        return False
    try:
        if not altcha.verify_solution(payload, _secret()).verified:
            return False
        # One challenge can be written down in many ways; its signature is always the same.
        signature = json.loads(base64.b64decode(payload))["challenge"]["signature"]
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError):
        return False
    return limits.allows("altcha", str(signature), 1, LASTS)


def _secret() -> str:
    return derive_key(settings.CONFIG.secret(), "altcha").hex()

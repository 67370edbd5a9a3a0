"""Codes of authenticator apps (RFC 6238: SHA-1, 30 s, six digits). Pure: time comes in as a step's number."""

from __future__ import annotations

import base64
import hashlib
import hmac
from urllib.parse import quote

STEP_SECONDS = 30
DIGITS = 6
SECRET_BYTES = 20
DRIFT = 1
"""How many steps a clock may be wrong, either way."""


def code_of(secret: bytes, step: int) -> str:
    """Return the code of a time step."""
    digest = hmac.digest(secret, step.to_bytes(8, "big"), hashlib.sha1)
    # RFC 4226 §5.3: the last four bits say where the 31 bits are taken.
    start = digest[-1] & 15
    number = int.from_bytes(digest[start : start + 4], "big") & 0x7FFFFFFF
    return f"{number % 10**DIGITS:0{DIGITS}d}"


def step_of(secret: bytes, code: str, now: int, last: int) -> int | None:
    """Return the step whose code this is; None when it is wrong, or as old as the `last` one used."""
    for step in range(now - DRIFT, now + DRIFT + 1):
        if step > last and hmac.compare_digest(code_of(secret, step), code):
            return step
    return None


def address_of(secret: bytes, account: str) -> str:
    """Return what a QR code tells the app."""
    key = text_of(secret)
    return f"otpauth://totp/Carillon:{quote(account)}?secret={key}&issuer=Carillon"


def text_of(secret: bytes) -> str:
    """Return the secret as people type it."""
    return base64.b32encode(secret).decode()

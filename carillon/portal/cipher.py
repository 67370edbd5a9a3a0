"""Secrets at rest: encrypted with a key derived from the system's own (`Config.secret`)."""

from __future__ import annotations

import base64
import hashlib
import hmac
from functools import lru_cache

from cryptography.fernet import Fernet
from django.conf import settings


def derive_key(secret: str, purpose: str) -> bytes:
    """Return 32 bytes for one purpose; keys of different purposes tell nothing about each other."""
    return hmac.digest(secret.encode(), f"carillon:{purpose}".encode(), hashlib.sha256)


@lru_cache(maxsize=4)
def _fernet(secret: str) -> Fernet:
    return Fernet(base64.urlsafe_b64encode(derive_key(secret, "cipher")))


def encrypt(text: str) -> str:
    """Return what may be stored."""
    return _fernet(settings.CONFIG.secret()).encrypt(text.encode()).decode()


def decrypt(stored: str) -> str:
    """Return the text again; `cryptography.fernet.InvalidToken` when the system's secret has changed."""
    return _fernet(settings.CONFIG.secret()).decrypt(stored.encode()).decode()

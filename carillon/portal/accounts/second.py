"""The second step of signing in: an authenticator's codes, and recovery codes for the day it is lost."""

from __future__ import annotations

import base64
import hashlib
import secrets
import time

from django.db import transaction
from django.utils import timezone

from carillon.portal.accounts import totp
from carillon.portal.accounts.models import Authenticator, RecoveryCode, User
from carillon.portal.cipher import decrypt, encrypt

RECOVERY_CODES = 10
ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"


@transaction.atomic
def begin(user: User) -> bytes:
    """Return a new secret; it counts once a code of it was typed. One that counts already stays."""
    secret = secrets.token_bytes(totp.SECRET_BYTES)
    Authenticator.objects.filter(user=user, confirmed_at=None).delete()
    Authenticator.objects.create(user=user, secret_encrypted=encrypt(_text(secret)))
    return secret


def unconfirmed(user: User) -> bytes | None:
    """Return the secret that waits for its first code."""
    row = Authenticator.objects.filter(user=user, confirmed_at=None).first()
    return _secret(row) if row else None


@transaction.atomic
def confirm(user: User, code: str) -> list[str] | None:
    """Turn the second step on with a first code; return the recovery codes, which are shown once."""
    row = Authenticator.objects.select_for_update().filter(user=user, confirmed_at=None).first()
    if row is None or not _use(row, code):
        return None
    row.confirmed_at = timezone.now()
    row.save(update_fields=["confirmed_at"])
    return _new_codes(user)


@transaction.atomic
def passes(user: User, typed: str) -> bool:
    """Say whether this opens the second step: a code of the app, or a recovery code; each once."""
    typed = "".join(typed.lower().split())[:40]
    row = Authenticator.objects.select_for_update().filter(user=user).first()
    if row is None or row.confirmed_at is None:
        return False
    if _use(row, typed):
        return True
    unused = RecoveryCode.objects.filter(user=user, hash=_hash(user, typed), used_at=None)
    return bool(unused.update(used_at=timezone.now()))


@transaction.atomic
def turn_off(user: User) -> None:
    """Ask for no second step any more."""
    Authenticator.objects.filter(user=user).delete()
    RecoveryCode.objects.filter(user=user).delete()


def codes_left(user: User) -> int:
    """Return how many recovery codes are left."""
    return RecoveryCode.objects.filter(user=user, used_at=None).count()


def _use(row: Authenticator, code: str) -> bool:
    now = int(time.time()) // totp.STEP_SECONDS
    step = totp.step_of(_secret(row), code, now, row.last_step)
    if step is None:
        return False
    row.last_step = step
    row.save(update_fields=["last_step"])
    return True


def _new_codes(user: User) -> list[str]:
    RecoveryCode.objects.filter(user=user).delete()
    codes = ["-".join(_letters(4) for _ in range(3)) for _ in range(RECOVERY_CODES)]
    RecoveryCode.objects.bulk_create(
        RecoveryCode(user=user, hash=_hash(user, code)) for code in codes
    )
    return codes


def _letters(count: int) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(count))


def _hash(user: User, code: str) -> str:
    # 59 random bits, and few tries: a fast hash is enough.
    plain = code.replace("-", "")
    return hashlib.sha256(f"{user.pk}:{plain}".encode()).hexdigest()


def _secret(row: Authenticator) -> bytes:
    return base64.b64decode(decrypt(row.secret_encrypted))


def _text(secret: bytes) -> str:
    return base64.b64encode(secret).decode()

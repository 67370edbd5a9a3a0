"""Making, revoking and recognising keys."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Iterable
from datetime import timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from carillon.portal.accounts.models import User
from carillon.portal.api.models import ApiKey
from carillon.portal.companies import audit
from carillon.portal.companies.models import Company
from carillon.portal.refused import Refused

MOST_KEYS = 50
PREFIX = "carillon_"
"""So that a key found in a text or a log is known for what it is."""
LONGEST_HEADER = 300
USED_EVERY = timedelta(minutes=1)


@transaction.atomic
def create_key(
    company: Company, name: str, scopes: Iterable[str], *, by: User | None
) -> tuple[ApiKey, str]:
    """Make a key; return it with its secret, which is known now and never again."""
    if ApiKey.objects.filter(revoked_at=None).count() >= MOST_KEYS:
        raise Refused("too-many-keys", _("A company has at most 50 keys. Revoke some first."))
    secret, wanted = PREFIX + secrets.token_urlsafe(32), list(scopes)
    row = ApiKey.objects.create(
        name=name, hash=_hashed(secret), last_four=secret[-4:], scopes=wanted, created_by=by
    )
    audit.write(company, by, "key-created", (row.key, name), after={"scopes": wanted})
    return row, secret


@transaction.atomic
def revoke_key(key: ApiKey, *, by: User | None) -> None:
    """Let a key open nothing any more."""
    if key.revoked_at is not None:
        return
    key.revoked_at = timezone.now()
    key.save(update_fields=["revoked_at"])
    audit.write(key.company, by, "key-revoked", (key.key, key.name))


def key_of(header: str) -> ApiKey | None:
    """Return the key of an Authorization header, None where there is none that opens anything.

    `Bearer <secret>`, or Basic with the key's id as the name and the secret as the password.
    """
    kind, _space, given = header[:LONGEST_HEADER].strip().partition(" ")
    if kind.lower() == "bearer":
        return _found(given.strip(), "")
    if kind.lower() == "basic":
        name, colon, secret = _opened(given.strip()).partition(":")
        return _found(secret, name) if colon and name else None
    return None


def note_use(key: ApiKey) -> None:
    """Remember when a key was used; once a minute, so that reading does not become writing."""
    now = timezone.now()
    if key.used_at is None or now - key.used_at > USED_EVERY:
        ApiKey.everywhere.filter(pk=key.pk).update(used_at=now)


def _found(secret: str, name: str) -> ApiKey | None:
    hashed = _hashed(secret)
    rows = ApiKey.everywhere.filter(revoked_at=None).select_related("company")
    row = rows.filter(hash=hashed).first()
    # The index has found it by its hash, which tells a guesser nothing; compared once more, in constant time.
    if row is None or not hmac.compare_digest(row.hash, hashed):
        return None
    return row if name in ("", row.key) else None


def _opened(given: str) -> str:
    try:
        return base64.b64decode(given, validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        return ""


def _hashed(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()

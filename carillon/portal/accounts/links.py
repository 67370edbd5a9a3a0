"""Links sent by mail: 48 hours (an hour to set a new password), one use, kept as hashes (R8)."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta

from django.db.models import Q
from django.utils import timezone

from carillon.portal.accounts.models import LinkToken, User

Purpose = LinkToken.Purpose
LASTS = {
    Purpose.SIGN_UP: timedelta(hours=48),
    Purpose.ACTIVATE: timedelta(hours=48),
    Purpose.RESET: timedelta(hours=1),
}
LONGEST_TOKEN = 100


def make_link(user: User | None, purpose: str) -> tuple[LinkToken, str]:
    """Return a new link's row and its token, which is nowhere else."""
    token = secrets.token_urlsafe(32)
    expires_at = timezone.now() + LASTS[Purpose(purpose)]
    row = LinkToken.objects.create(
        user=user, purpose=purpose, hash=_hash(token), expires_at=expires_at
    )
    return row, token


def find_link(token: str, *purposes: str) -> LinkToken | None:
    """Return the link of a token, good or not; None when it is none of ours."""
    rows = LinkToken.objects.select_related("user").filter(purpose__in=purposes)
    return rows.filter(hash=_hash(token[:LONGEST_TOKEN])).first()


def is_good(link: LinkToken) -> bool:
    """Say whether a link may still be used."""
    active = link.user is None or link.user.is_active
    return active and link.used_at is None and link.expires_at > timezone.now()


def use_up(link: LinkToken) -> None:
    """End a link and every other of the same user and purpose."""
    same = Q(pk=link.pk)
    if link.user_id:
        same |= Q(user_id=link.user_id, purpose=link.purpose)
    LinkToken.objects.filter(same, used_at=None).update(used_at=timezone.now())


def _hash(token: str) -> str:
    # 256 random bits need no slow hash.
    return hashlib.sha256(token.encode()).hexdigest()

"""How often something may be done: so many times in a while, for one key."""

from __future__ import annotations

import hashlib
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from carillon.portal.accounts.models import Attempt

HOUR = timedelta(hours=1)


@transaction.atomic
def allows(kind: str, key: str | None, most: int, window: timedelta = HOUR) -> bool:
    """Count one more attempt, unless there were `most` already; say whether it may go on."""
    hashed = _hashed(key)
    now = timezone.now()
    if Attempt.objects.filter(kind=kind, key=hashed, at__gt=now - window).count() >= most:
        return False
    Attempt.objects.create(kind=kind, key=hashed, at=now)
    return True


def forget(kind: str, key: str | None) -> None:
    """It went well: the next one begins anew."""
    Attempt.objects.filter(kind=kind, key=_hashed(key)).delete()


def _hashed(key: str | None) -> str:
    return hashlib.sha256((key or "").strip().lower().encode()).hexdigest()

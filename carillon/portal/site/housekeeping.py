"""What must not grow for ever."""

from __future__ import annotations

from datetime import timedelta

from django.contrib.sessions.models import Session
from django.utils import timezone

from carillon.portal.accounts.models import SignInFailure

FAILURES_KEPT = timedelta(days=1)


def keep_house() -> None:
    """Delete sessions that ran out, and failed sign-ins that no longer count."""
    now = timezone.now()
    Session.objects.filter(expire_date__lt=now).delete()
    SignInFailure.objects.filter(at__lt=now - FAILURES_KEPT).delete()

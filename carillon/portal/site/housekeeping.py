"""What must not grow for ever."""

from __future__ import annotations

from datetime import timedelta

from django.contrib.sessions.models import Session
from django.utils import timezone

from carillon.portal.accounts.models import (
    Attempt,
    LinkToken,
    OpenSession,
    PhoneCheck,
    SignInFailure,
)
from carillon.portal.mail.delivery import KEPT
from carillon.portal.mail.models import MailMessage
from carillon.portal.routing.days import keep_calendars
from carillon.portal.voicemail.actions import erase_deleted

FAILURES_KEPT = timedelta(days=1)
LINKS_KEPT = timedelta(days=30)


def keep_house() -> None:
    """Delete what ran out: sessions, failed sign-ins, mail, deleted messages; keep plans' holidays coming."""
    now = timezone.now()
    keep_calendars()
    Session.objects.filter(expire_date__lt=now).delete()
    SignInFailure.objects.filter(at__lt=now - FAILURES_KEPT).delete()
    Attempt.objects.filter(at__lt=now - FAILURES_KEPT).delete()
    PhoneCheck.objects.filter(at__lt=now - FAILURES_KEPT).delete()
    LinkToken.objects.filter(expires_at__lt=now - LINKS_KEPT).delete()
    OpenSession.objects.exclude(key__in=Session.objects.values("session_key")).delete()
    MailMessage.objects.filter(created_at__lt=now - KEPT).delete()
    erase_deleted()

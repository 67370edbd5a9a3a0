"""Coming in: one door for passwords, links, passkeys and providers, so that every session is on the list."""

from __future__ import annotations

import ipaddress
import time
from urllib.parse import urlsplit

from django.contrib.auth import login, update_session_auth_hash
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import F
from django.http import HttpRequest

from carillon.portal.accounts.models import OpenSession, User

PENDING = "second_step"
PENDING_SECONDS = 600


def enter(request: HttpRequest, user: User) -> None:
    """Open a session."""
    request.session.pop(PENDING, None)
    login(request, user, backend="carillon.portal.accounts.backends.EmailOrPhone")
    if not request.session.session_key:
        request.session.save()
    OpenSession.objects.update_or_create(
        key=request.session.session_key or "",
        defaults={
            "user": user,
            "address": request.META.get("REMOTE_ADDR") or None,
            "agent": request.headers.get("User-Agent", "")[:200],
        },
    )


def needs_second_step(user: User) -> bool:
    """Say whether a password alone does not open this account."""
    return User.objects.filter(pk=user.pk, authenticator__confirmed_at__isnull=False).exists()


def wait_for_second_step(request: HttpRequest, user: User, leads_to: str) -> None:
    """Remember that the password was right; nobody is signed in yet."""
    request.session.cycle_key()
    request.session[PENDING] = {"user": user.pk, "at": time.time(), "next": leads_to}


def waiting(request: HttpRequest) -> tuple[User, str] | None:
    """Return whose password was right a moment ago, and where they were going."""
    pending = request.session.get(PENDING)
    if not pending or time.time() - pending["at"] > PENDING_SECONDS:
        return None
    user = User.objects.filter(pk=pending["user"], is_active=True).first()
    return (user, pending["next"]) if user else None


@transaction.atomic
def end_other_sessions(request: HttpRequest, user: User) -> None:
    """Sign out everywhere but here."""
    User.objects.filter(pk=user.pk).update(session_epoch=F("session_epoch") + 1)
    user.refresh_from_db(fields=["session_epoch"])
    others = OpenSession.objects.filter(user=user).exclude(key=request.session.session_key or "")
    Session.objects.filter(session_key__in=others.values("key")).delete()
    others.delete()
    keep_session(request, user)


def keep_session(request: HttpRequest, user: User) -> None:
    """Let this session outlive a change of password, under a new key."""
    old = request.session.session_key or ""
    update_session_auth_hash(request, user)
    OpenSession.objects.filter(key=old).update(key=request.session.session_key or "")


@transaction.atomic
def end_session(user: User, pk: int) -> None:
    """Sign out one device."""
    for row in OpenSession.objects.filter(user=user, pk=pk):
        Session.objects.filter(session_key=row.key).delete()
        row.delete()


def passkeys_possible(address: str) -> bool:
    """Say whether browsers make passkeys at an address: https and a name, or localhost; no digits."""
    parts = urlsplit(address)
    host = parts.hostname or ""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost" or parts.scheme == "https"
    return False

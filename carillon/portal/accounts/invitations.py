"""Links with which somebody chooses their first password, good for 48 hours and for one use."""

from __future__ import annotations

from django.contrib.auth.tokens import default_token_generator
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_decode, urlsafe_base64_encode

from carillon.portal.accounts.models import User


def invitation_path(user: User) -> str:
    """Return the path of a fresh link."""
    uid = urlsafe_base64_encode(force_bytes(user.pk))
    return reverse("welcome", args=[uid, default_token_generator.make_token(user)])


def invited_user(uid: str, token: str) -> User | None:
    """Return whose link it is; None when it is not ours, was used, or has expired."""
    try:
        pk = int(urlsafe_base64_decode(uid).decode("ascii"))
        user = User.objects.filter(pk=pk, is_active=True).first()
    except (ValueError, OverflowError):
        return None
    return user if user and default_token_generator.check_token(user, token) else None

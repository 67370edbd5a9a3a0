"""Who may come in with a password: by e-mail, or by telephone number (R43, R44)."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.http import HttpRequest

from carillon.portal.accounts.models import User
from carillon.portal.accounts.numbers import e164_of

MOST_WITH_ONE_NUMBER = 5
COUNTRIES = ("FR", "BE", "GB", "US")
"""How a number without +33 and the like may be meant."""


class EmailOrPhone(ModelBackend):
    """An e-mail, unless its owner signs in by number only; or a number, whoever of its owners it is."""

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **more: Any,
    ) -> User | None:
        """Return who it is; takes as long for nobody as for somebody."""
        if not username or password is None:
            return None
        users = _named(username)
        if not users:
            User().set_password(password)
            return None
        right = [user for user in users if user.check_password(password)]
        # Two people with one number and one password: nobody can say which of them this is.
        return right[0] if len(right) == 1 and self.user_can_authenticate(right[0]) else None


def _named(name: str) -> list[User]:
    if "@" in name:
        found = User.objects.filter(email=name.strip().lower(), email_sign_in=True)
        return list(found[:1])
    numbers = {e164 for country in COUNTRIES if (e164 := e164_of(name, country))}
    return list(User.objects.filter(mobile__in=numbers).order_by("pk")[:MOST_WITH_ONE_NUMBER])

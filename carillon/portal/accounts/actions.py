"""What changes one's own account."""

from __future__ import annotations

from django.db import transaction

from carillon.portal.accounts.models import User


@transaction.atomic
def choose_password(user: User, password: str) -> None:
    """Set a password; every other session of the user ends."""
    user.set_password(password)
    user.save(update_fields=["password"])


@transaction.atomic
def change_account(user: User, *, name: str, language: str, theme: str) -> None:
    """Set name, language and theme."""
    user.name, user.language, user.theme = name, language, theme
    user.save(update_fields=["name", "language", "theme"])


@transaction.atomic
def choose_theme(user: User, theme: str) -> None:
    """Set the theme."""
    user.theme = theme
    user.save(update_fields=["theme"])


@transaction.atomic
def choose_language(user: User, language: str) -> None:
    """Set the language of the pages."""
    user.language = language
    user.save(update_fields=["language"])

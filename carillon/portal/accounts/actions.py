"""What changes one's own account."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from carillon.portal.accounts.models import User
from carillon.portal.accounts.questions import hash_answer
from carillon.portal.refused import Refused


@transaction.atomic
def choose_password(user: User, password: str) -> None:
    """Set a password; every other session of the user ends."""
    user.set_password(password)
    user.activated_at = user.activated_at or timezone.now()
    user.save(update_fields=["password", "activated_at"])


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


@transaction.atomic
def choose_question(user: User, question: str, answer: str) -> None:
    """Set the security question; only the answer's hash is kept."""
    user.question, user.answer_hash = question, hash_answer(answer)
    user.save(update_fields=["question", "answer_hash"])


@transaction.atomic
def choose_reachability(user: User, *, mobile: str, email_sign_in: bool) -> None:
    """Set the contact number, and whether the e-mail signs in too (R43, R44)."""
    if not (email_sign_in or mobile):
        raise Refused(
            "no-way-in", _("Give a telephone number to sign in with, or keep the e-mail.")
        )
    if mobile != user.mobile:
        user.mobile_verified_at = None
    user.mobile, user.email_sign_in = mobile, email_sign_in
    user.save(update_fields=["mobile", "email_sign_in", "mobile_verified_at"])


@transaction.atomic
def choose_region(user: User, *, country: str, zone: str, twelve_hours: bool) -> None:
    """Set where somebody is and how times are shown to them (R57)."""
    user.country, user.timezone, user.twelve_hours = country, zone, twelve_hours
    user.save(update_fields=["country", "timezone", "twelve_hours"])

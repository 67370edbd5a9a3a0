"""The criteria as people read them, for the live list on the page and for the errors of the server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from carillon.portal.accounts import criteria
from carillon.portal.accounts.common import is_common
from carillon.portal.accounts.models import User

PASSWORD_TEXTS = {
    "letter": gettext_noop("At least one letter (Latin character)"),
    "digit": gettext_noop("At least one digit from 0 to 9, unless it is a phrase of three words"),
    "runs": gettext_noop("Nothing repeated or in sequence: no 777, no abc, no 321"),
    "account": gettext_noop("No account information: name, e-mail, company, number"),
    "capital": gettext_noop("A capital letter or a special character (!, @, $, #), or a phrase"),
    "length": gettext_noop("8 to 32 characters; a phrase of three words may have up to 128"),
    "common": gettext_noop("Not one of the passwords that guessers try first"),
}
PIN_TEXTS = {
    "digits": gettext_noop("Digits only"),
    "repeated": gettext_noop("No digit three times in a row"),
    "consecutive": gettext_noop("No three digits in sequence, up or down"),
    "length": gettext_noop("6 to 10 digits"),
}


@dataclass(frozen=True, slots=True)
class Criterion:
    """One line of the live list."""

    text: str
    met: bool


def password_criteria(
    password: str, user: User | None, more: tuple[str, ...] = ()
) -> list[Criterion]:
    """Return the list for a password. `more` facts: those of an account that is still to be made."""
    facts = (*facts_of(user), *more)
    met = criteria.judge_password(password, facts, common=is_common(password))
    return [Criterion(_(PASSWORD_TEXTS[name]), met[name]) for name in criteria.PASSWORD]


def pin_criteria(pin: str) -> list[Criterion]:
    """Return the list for a PIN."""
    met = criteria.judge_pin(pin)
    return [Criterion(_(PIN_TEXTS[name]), met[name]) for name in criteria.PIN]


def unmet(found: list[Criterion]) -> str:
    """Return what is still missing as one sentence, empty when nothing is."""
    missing = [criterion.text for criterion in found if not criterion.met]
    return _("Still missing: %(what)s.") % {"what": "; ".join(missing)} if missing else ""


def facts_of(user: User | None) -> tuple[str, ...]:
    """Return what of an account must not be in its password."""
    if user is None:
        return ()
    found = [user.name, user.email, user.mobile]
    if user.pk:
        found += user.memberships.values_list("company__name", flat=True)
    return tuple(fact for fact in found if fact)


class CriteriaValidator:
    """Django's door to the same criteria: forms, commands and the admin's own checks pass here."""

    def validate(self, password: str, user: Any = None) -> None:
        """Raise with everything that is missing."""
        said = unmet(password_criteria(password, user if isinstance(user, User) else None))
        if said:
            raise ValidationError(said, code="criteria")

    def get_help_text(self) -> str:
        """Return the criteria as a list."""
        return "; ".join(_(text) for text in PASSWORD_TEXTS.values())

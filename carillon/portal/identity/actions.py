"""What changes how somebody comes in: one transaction each, with a row in their companies' audit logs."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from carillon.portal.accounts import actions as accounts
from carillon.portal.accounts import links, second
from carillon.portal.accounts.models import LinkToken, Passkey, User
from carillon.portal.companies import audit
from carillon.portal.companies.models import Membership
from carillon.portal.extensions.models import Person
from carillon.portal.extensions.pins import set_pin
from carillon.portal.identity import passkeys


@transaction.atomic
def activate(link: LinkToken, user: User, secrets: dict[str, str], language: str) -> None:
    """Set password, question and PIN (if the user has an extension), and use the link up."""
    accounts.choose_password(user, secrets["password"])
    accounts.choose_language(user, language)
    accounts.choose_question(user, secrets["question"], secrets["answer"])
    if "pin" in secrets:
        set_pins(user, secrets["pin"])
    links.use_up(link)
    _note(user, "account-activated")


@transaction.atomic
def set_pins(user: User, pin: str) -> None:
    """Set the PIN of somebody's extensions, in whatever companies; these leave rows of their own."""
    for person in people_of(user):
        set_pin(person, pin, by=user)


@transaction.atomic
def change_password(user: User, password: str) -> None:
    """Set a password."""
    accounts.choose_password(user, password)
    _note(user, "password-changed")


@transaction.atomic
def reset_password(link: LinkToken, user: User, password: str) -> None:
    """Set a password with a link, which is used up."""
    accounts.choose_password(user, password)
    links.use_up(link)
    _note(user, "password-reset")


@transaction.atomic
def change_question(user: User, question: str, answer: str) -> None:
    """Set the security question."""
    accounts.choose_question(user, question, answer)
    _note(user, "question-changed")


@transaction.atomic
def change_reach(user: User, mobile: str, by_email: bool) -> None:
    """Set the contact number, and whether the e-mail signs in."""
    before = {"mobile": user.mobile, "e-mail signs in": user.email_sign_in}
    accounts.choose_reachability(user, mobile=mobile, email_sign_in=by_email)
    after = {"mobile": user.mobile, "e-mail signs in": user.email_sign_in}
    if before != after:
        _note(user, "sign-in-changed", before, after)


@transaction.atomic
def turn_second_step_on(user: User, code: str) -> list[str] | None:
    """Ask for a second step from now on; return the recovery codes, None when the code is wrong."""
    codes = second.confirm(user, code)
    if codes:
        _note(user, "second-step-on")
    return codes


@transaction.atomic
def turn_second_step_off(user: User) -> None:
    """Ask for a password alone."""
    second.turn_off(user)
    _note(user, "second-step-off")


@transaction.atomic
def add_passkey(user: User, answer: Any, challenge: str, name: str) -> bool:
    """Keep a passkey; False when it cannot be used."""
    kept = passkeys.keep(user, answer, challenge, name)
    if kept:
        _note(user, "passkey-added", after={"name": name})
    return kept


@transaction.atomic
def remove_passkey(user: User, pk: int) -> None:
    """Forget a passkey of this user's."""
    if Passkey.objects.filter(user=user, pk=pk).delete()[0]:
        _note(user, "passkey-removed")


def people_of(user: User) -> list[Person]:
    """Return somebody's extensions, in whatever companies."""
    return list(Person.everywhere.filter(user=user, deleted_at=None).select_related("company"))


def _note(
    user: User,
    action: str,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    for place in Membership.objects.filter(user=user).select_related("company"):
        audit.write(place.company, user, action, (f"a{user.pk}", user.name), before, after)

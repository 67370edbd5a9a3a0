"""From a sign-up to a company: asked for, confirmed by a link, made."""

from __future__ import annotations

from itertools import islice
from typing import Any

from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import override

from carillon.portal import mail
from carillon.portal.accounts import links
from carillon.portal.accounts.models import LinkToken, User
from carillon.portal.companies.actions import create_company
from carillon.portal.companies.forms import COUNTRY_DEFAULTS
from carillon.portal.companies.models import Company
from carillon.portal.companies.scope import within
from carillon.portal.extensions.actions import FIRST_EXTENSION
from carillon.portal.extensions.models import Person
from carillon.portal.extensions.welcome import write_invitation
from carillon.portal.identity.models import SignUp
from carillon.portal.mail.models import MailMessage
from carillon.portal.refused import Refused
from carillon.portal.routing import pool
from carillon.portal.routing.actions import add_number
from carillon.portal.routing.models import Number

NUMBERS_SHOWN = 6


def free_numbers(country: str, seed: str) -> list[str]:
    """Return a few main numbers to choose from."""
    taken = set(Number.everywhere.filter(deleted_at=None).values_list("e164", flat=True))
    found = (e164 for e164 in pool.candidates(country, seed) if e164 not in taken)
    return list(islice(found, NUMBERS_SHOWN))


@transaction.atomic
def ask(facts: dict[str, Any], language: str) -> MailMessage:
    """Keep what is asked for and write the activation mail (R7–R12).

    Whose e-mail is known gets another mail, and the page says the same: nobody learns who has an account.
    """
    email = facts["email"]
    known = User.objects.filter(email=email).first()
    if known is not None:
        context = {"name": known.name, "sign_in": _absolute("sign-in")}
        return mail.send("sign-up-known", email, known.language, context)
    link, token = links.make_link(None, LinkToken.Purpose.SIGN_UP)
    sign_up = SignUp.objects.create(link=link, language=language, **facts)
    return _write(sign_up, token)


@transaction.atomic
def send_again(link: LinkToken) -> MailMessage | None:
    """Write the mail anew with a fresh link; the old one is used up. None when there is nothing to do."""
    if link.purpose == LinkToken.Purpose.SIGN_UP:
        sign_up = SignUp.objects.filter(link=link).first()
        if sign_up is None or (link.user is not None and link.user.activated_at):
            return None
        links.use_up(link)
        fresh, token = links.make_link(link.user, LinkToken.Purpose.SIGN_UP)
        sign_up.link = fresh
        sign_up.save(update_fields=["link"])
        return _write(sign_up, token)
    if link.user is None or link.user.activated_at or not link.user.is_active:
        return None
    links.use_up(link)
    return write_invitation(link.user)


@transaction.atomic
def open_link(link: LinkToken) -> User | None:
    """Return whose link it is; a sign-up's company is made when its link is first opened."""
    if link.user is not None:
        return link.user
    sign_up = SignUp.objects.select_related("link").filter(link=link).first()
    # Somebody else may have proved this e-mail meanwhile: theirs is the account.
    if sign_up is None or User.objects.filter(email=sign_up.email).exists():
        return None
    user = _make(sign_up)
    link.user = user
    link.save(update_fields=["user"])
    return user


def _make(sign_up: SignUp) -> User:
    first = not User.objects.exists()
    language, zone = sign_up.language, COUNTRY_DEFAULTS[sign_up.country][1]
    user = User.objects.create_user(
        sign_up.email, name=sign_up.name, language=language, mobile=sign_up.mobile, is_staff=first
    )
    made = create_company(
        sign_up.company,
        owner=user,
        country=sign_up.country,
        language=language,
        timezone=zone,
        plan=sign_up.plan,
        lines=sign_up.lines,
    )
    with within(made), override(language):
        extension = str(FIRST_EXTENSION)
        Person.objects.create(user=user, name=user.name, extension=extension, language=language)
        _add_main_number(made, sign_up, user)
    return user


def _add_main_number(company: Company, sign_up: SignUp, user: User) -> None:
    name = _("Main number")
    try:
        add_number(company, name, sign_up.country, kind="attendant", e164=sign_up.e164, by=user)
    except Refused:
        add_number(company, name, sign_up.country, kind="attendant", by=user)


def _write(sign_up: SignUp, token: str) -> MailMessage:
    context = {"sign_up": sign_up, "link": _absolute("activate-link", token)}
    return mail.send("activation", sign_up.email, sign_up.language, context)


def _absolute(name: str, *args: object) -> str:
    return mail.absolute(reverse(name, args=args))

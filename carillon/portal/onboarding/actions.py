"""What makes an empty system somebody's."""

from __future__ import annotations

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import override

from carillon.portal.accounts.models import User
from carillon.portal.companies.actions import create_company
from carillon.portal.companies.forms import COUNTRY_DEFAULTS
from carillon.portal.companies.models import Company
from carillon.portal.companies.scope import within
from carillon.portal.extensions.actions import FIRST_EXTENSION
from carillon.portal.extensions.models import Person
from carillon.portal.refused import Refused
from carillon.portal.routing.actions import add_number


def is_empty() -> bool:
    """Say whether nobody has begun yet: then, and only then, a stranger may."""
    return not (Company.objects.exists() or User.objects.exists())


@transaction.atomic
def begin(*, company: str, country: str, name: str, email: str, password: str) -> User:
    """Make the first company, with a main number; its owner, with extension 101, is the system's operator."""
    if not is_empty():
        raise Refused("not-empty", _("This system is in use already: sign in."))
    language, zone = COUNTRY_DEFAULTS[country]
    user = User.objects.create_user(email, password, name=name, language=language, is_staff=True)
    made = create_company(company, owner=user, country=country, language=language, timezone=zone)
    with within(made):
        extension = str(FIRST_EXTENSION)
        Person.objects.create(user=user, name=name, extension=extension, language=language)
        with override(language):
            add_number(made, _("Main number"), country, kind="attendant", by=user)
    return user

"""What changes numbers: one transaction each, with its audit row and a new plan. Flows: `flows`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from msgspec.structs import replace

from carillon.portal.accounts.models import User
from carillon.portal.companies import audit
from carillon.portal.companies.models import Company
from carillon.portal.companies.publish import bump_plan
from carillon.portal.extensions.models import Person
from carillon.portal.refused import Refused
from carillon.portal.routing import flows, messages, pool
from carillon.portal.routing.documents import (
    Kind,
    NumberFlow,
    OpeningHours,
    Step,
    Target,
    default_menu,
)
from carillon.portal.routing.models import CompanyNumbers, Number, OutboundLine
from carillon.portal.routing.showing import may_show


@transaction.atomic
def add_number(
    company: Company,
    name: str,
    country: str,
    *,
    kind: Kind = "classic",
    e164: str = "",
    users: Sequence[Target] = (),
    by: User | None,
) -> Number:
    """Take a number of a country from the pool, or the one that is given, and open it always.

    A classic number rings `users`, one after the other.
    """
    found = pool.RANGES[country]
    at_home = country == company.country
    number = Number(
        company=company,
        name=name,
        country=country,
        e164=e164,
        language=company.language if at_home else found.language,
    )
    _take(number, [e164] if e164 else pool.candidates(country, company.slug))
    menu = default_menu(kind)
    if kind == "attendant":
        menu = replace(menu, message=messages.attendant_greeting(company, number.language))
    zone = company.timezone if at_home else found.timezone
    steps = tuple(Step(target) for target in users)
    flow = NumberFlow(kind=kind, hours=OpeningHours(zone=zone), steps=steps, menu=menu)
    flows.publish_flow(number, flow, by=by)
    audit.write(company, by, "number-added", _thing(number), after={"e164": number.e164})
    bump_plan(company)
    return number


@transaction.atomic
def change_number(number: Number, changes: dict[str, Any], *, by: User | None) -> None:
    """Set name or language, at once."""
    before = {field: getattr(number, field) for field in changes}
    if before == changes:
        return
    for field, value in changes.items():
        setattr(number, field, value)
    number.save(update_fields=list(changes))
    audit.write(number.company, by, "number-changed", _thing(number), before, changes)
    bump_plan(number.company)


@transaction.atomic
def release_number(number: Number, *, by: User) -> None:
    """Give the number back to the pool: callers are told that it is not in service."""
    number.deleted_at = timezone.now()
    number.save(update_fields=["deleted_at"])
    OutboundLine.objects.filter(number=number).delete()
    # Whoever has it next must not be taken for this company.
    CompanyNumbers.objects.filter(main=number).update(main=None)
    CompanyNumbers.objects.filter(fax=number.e164).update(fax="")
    audit.write(number.company, by, "number-released", _thing(number), {"e164": number.e164})
    bump_plan(number.company)


@transaction.atomic
def choose_line(person: Person, number: Number | None, *, by: User | None) -> None:
    """Choose the number a person shows when calling out; None lets the system choose."""
    if number is not None and not may_show(number, person):
        text = _("%(name)s may not call out with this number. See its page, Teams and users.")
        raise Refused("may-not-show", text % {"name": person.name})
    line = OutboundLine.objects.filter(person=person).select_related("number").first()
    before = {"number": line.number.e164 if line else ""}
    after = {"number": number.e164 if number else ""}
    if before == after:
        return
    OutboundLine.objects.filter(person=person).delete()
    if number is not None:
        OutboundLine.everywhere.create(company=person.company, person=person, number=number)
    audit.write(person.company, by, "line-chosen", (person.key, person.name), before, after)
    bump_plan(person.company)


def _take(number: Number, candidates: Any) -> None:
    """Save the number with the first candidate nobody has: two companies may ask at once."""
    taken = set(Number.everywhere.filter(deleted_at=None).values_list("e164", flat=True))
    for e164 in candidates:
        if e164 in taken:
            continue
        number.e164 = e164
        try:
            with transaction.atomic():
                number.save()
            return
        except IntegrityError:
            continue
    raise Refused("no-number", _("No number is free in this country. Choose another country."))


def _thing(number: Number) -> tuple[str, str]:
    return number.key, number.name

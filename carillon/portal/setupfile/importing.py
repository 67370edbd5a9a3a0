"""The file -> a company's rows, through the same actions people use: all of it or nothing.

The difference that is shown first is what a real import wrote into the audit log before it was taken back.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction
from django.utils.translation import gettext as _

from carillon.portal.accounts.models import User
from carillon.portal.companies.models import AuditRow, Company
from carillon.portal.refused import Refused
from carillon.portal.routing import actions as routing
from carillon.portal.routing import flows, pool
from carillon.portal.routing.models import Number
from carillon.portal.setupfile import checks
from carillon.portal.setupfile.company_in import take_company, take_main_number
from carillon.portal.setupfile.people_in import take_person, take_team, take_ways
from carillon.portal.setupfile.references import load_book
from carillon.portal.setupfile.shape import NumberEntry, SetupFile


@dataclass(frozen=True, slots=True)
class Change:
    """One thing an import changes, as the audit log tells it."""

    action: str
    name: str
    before: dict[str, object]
    after: dict[str, object]


class _TakenBack(Exception):
    """Ends the transaction of a dry run."""


def difference(company: Company, setup: SetupFile, *, by: User) -> list[Change]:
    """Return what an import would change; `Refused` says what is wrong. Nothing is kept."""
    found: list[Change] = []
    try:
        with transaction.atomic():
            found = apply(company, setup, by=by)
            raise _TakenBack
    except _TakenBack:
        return found


@transaction.atomic
def apply(company: Company, setup: SetupFile, *, by: User) -> list[Change]:
    """Make the company what the file says; call inside `within(company)`. Return what changed."""
    newest = AuditRow.objects.order_by("-id").values_list("pk", flat=True).first() or 0
    take_company(company, setup, by=by)
    for person in setup.people:
        take_person(company, person, by=by)
    for team in setup.teams:
        take_team(company, team, by=by)
    # All numbers before any flow, all flows before who may show them: each may name the others.
    for number in setup.numbers:
        _take(company, number, by)
    if setup.company is not None:
        take_main_number(company, setup.company, by=by)
    for number in setup.numbers:
        _number(company, number, by)
    for person in setup.people:
        take_ways(company, person, by=by)
    book = load_book(company)
    for number in setup.numbers:
        if number.tests is not None:
            checks.take_tests(Number.objects.get(e164=number.number), number, book, by=by)
    checks.take_integrations(company, setup.integrations, by=by)
    rows = AuditRow.objects.filter(pk__gt=newest).order_by("id")
    return [Change(row.action, row.object_name, row.before, row.after) for row in rows]


def _take(company: Company, entry: NumberEntry, by: User) -> None:
    """Take a number that is not there yet, where the sandbox carrier has it and nobody else does."""
    if Number.objects.filter(e164=entry.number).exists():
        return
    country = pool.country_of(entry.number)
    if country is None or Number.everywhere.filter(e164=entry.number, deleted_at=None).exists():
        text = _("%(number)s is not one of the company's numbers: add it first.")
        raise Refused("no-such", text % {"number": entry.number[:20]})
    routing.add_number(company, entry.name[:60], country, e164=entry.number, by=by)


def _number(company: Company, entry: NumberEntry, by: User) -> None:
    rows = Number.objects.select_related("published", "company")
    known = rows.get(e164=entry.number)
    wanted = {"name": entry.name, "language": entry.language}
    changes = {field: value for field, value in wanted.items() if getattr(known, field) != value}
    if changes:
        routing.change_number(known, changes, by=by)
    if entry.flow:
        try:
            flow = load_book(company).numbered(entry.flow, entry.language)
        except Refused as refused:
            raise Refused(refused.id, f"{entry.number}: {refused.text}") from refused
        if flow != known.flow:
            flows.publish_flow(known, flow, note=_("From a file"), by=by)

"""The file -> a company's rows, through the same actions people use: all of it or nothing.

The difference that is shown first is what a real import wrote into the audit log before it was taken back.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction
from django.utils.translation import gettext as _

from carillon.portal.accounts.models import User
from carillon.portal.companies.actions import change_company
from carillon.portal.companies.models import AuditRow, Company
from carillon.portal.extensions import actions as extensions
from carillon.portal.extensions.models import Person, Team
from carillon.portal.refused import Refused
from carillon.portal.routing import actions as routing
from carillon.portal.routing import flows
from carillon.portal.routing.models import Number
from carillon.portal.setupfile.references import load_book
from carillon.portal.setupfile.shape import NumberEntry, PersonEntry, SetupFile, TeamEntry


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
    if setup.company is not None:
        facts = {
            "name": setup.company.name,
            "language": setup.company.language,
            "timezone": setup.company.timezone,
        }
        change_company(company, facts, by=by)
    for person in setup.people:
        _person(company, person, by)
    for team in setup.teams:
        _team(company, team, by)
    for number in setup.numbers:
        _number(company, number, by)
    rows = AuditRow.objects.filter(pk__gt=newest).order_by("id")
    return [Change(row.action, row.object_name, row.before, row.after) for row in rows]


def _person(company: Company, entry: PersonEntry, by: User) -> None:
    known = Person.objects.filter(extension=entry.extension).first()
    language = entry.language or company.language
    if known is None:
        extensions.add_person(
            company,
            name=entry.name,
            extension=_extension(entry.extension),
            email=entry.email,
            language=language,
            call_waiting=entry.call_waiting,
            invite=bool(entry.email),
            by=by,
        )
        return
    wanted = {"name": entry.name, "language": language, "call_waiting": entry.call_waiting}
    changes = {field: value for field, value in wanted.items() if getattr(known, field) != value}
    if changes:
        extensions.change_person(known, changes, by=by)


def _extension(text: str) -> str:
    if not (text.isascii() and text.isdigit() and 2 <= len(text) <= 6):
        raise Refused("bad-extension", _("“%(text)s” is not an extension.") % {"text": text[:20]})
    return text


def _team(company: Company, entry: TeamEntry, by: User) -> None:
    people = {row.extension: row for row in Person.objects.filter(extension__in=entry.members)}
    missing = [each for each in entry.members if each not in people]
    if missing:
        text = _("Team %(team)s: nobody has extension %(extension)s.")
        raise Refused("no-such", text % {"team": entry.name, "extension": missing[0][:20]})
    members = [people[each] for each in dict.fromkeys(entry.members)]
    known = Team.objects.filter(name=entry.name).first()
    if known is None:
        extensions.create_team(company, entry.name[:120], members, by=by)
    elif set(known.members.all()) != set(members):
        extensions.change_team(known, entry.name, members, by=by)


def _number(company: Company, entry: NumberEntry, by: User) -> None:
    rows = Number.objects.select_related("published", "company")
    known = rows.filter(e164=entry.number).first()
    if known is None:
        text = _("%(number)s is not one of the company's numbers: add it first.")
        raise Refused("no-such", text % {"number": entry.number[:20]})
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

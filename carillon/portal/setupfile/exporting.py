"""A company's rows -> the file."""

from __future__ import annotations

from carillon.portal.companies.models import Company
from carillon.portal.extensions.models import Person, Team
from carillon.portal.routing.models import Number
from carillon.portal.setupfile.references import load_book
from carillon.portal.setupfile.shape import (
    FORMAT,
    CompanyEntry,
    NumberEntry,
    PersonEntry,
    SetupFile,
    TeamEntry,
)


def export(company: Company) -> SetupFile:
    """Return the company's set-up, without passwords of any kind; call inside `within(company)`."""
    book = load_book(company)
    teams = Team.objects.order_by("name").prefetch_related("members")
    numbers = Number.objects.select_related("published").order_by("e164")
    return SetupFile(
        carillon=FORMAT,
        company=CompanyEntry(company.name, company.language, company.timezone),
        people=[
            PersonEntry(
                extension=row.extension,
                name=row.name,
                email=row.user.email if row.user else "",
                language=row.language,
                call_waiting=row.call_waiting,
            )
            for row in Person.objects.select_related("user").order_by("extension")
        ],
        teams=[
            TeamEntry(
                row.name, sorted(m.extension for m in row.members.all() if m.pk in book.people)
            )
            for row in teams
        ],
        numbers=[
            NumberEntry(row.e164, row.name, row.language, book.named(row.flow)) for row in numbers
        ],
    )

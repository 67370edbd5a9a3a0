"""A company's rows -> the file."""

from __future__ import annotations

from typing import Any

from carillon.portal.companies.models import Company, Membership
from carillon.portal.extensions.models import Device, Person, Team, Voice
from carillon.portal.followup.models import Tag
from carillon.portal.routing import company_numbers, limits
from carillon.portal.routing.models import (
    BlockedCaller,
    CallLimits,
    CompanyDay,
    CompanySound,
    Number,
    OutboundLine,
    PersonalRow,
)
from carillon.portal.setupfile import checks
from carillon.portal.setupfile.references import Book, load_book
from carillon.portal.setupfile.shape import (
    FORMAT,
    BlockedEntry,
    CompanyEntry,
    DayEntry,
    LimitsEntry,
    NumberEntry,
    PersonEntry,
    PhoneEntry,
    SetupFile,
    TagEntry,
    TeamEntry,
)


def export(company: Company) -> SetupFile:
    """Return the company's set-up, without passwords of any kind; call inside `within(company)`."""
    book = load_book(company)
    numbers = Number.objects.select_related("published").prefetch_related("tests").order_by("e164")
    return SetupFile(
        carillon=FORMAT,
        company=_company(company, book),
        limits=_limits(),
        days=[
            DayEntry(
                row.first.isoformat(),
                row.last.isoformat(),
                row.name,
                [(int(start), int(end)) for start, end in row.slots],
            )
            for row in CompanyDay.objects.order_by("first", "last", "name", "id")
        ],
        blocked=[
            BlockedEntry(row.pattern, row.note) for row in BlockedCaller.objects.order_by("pattern")
        ],
        tags=[
            TagEntry(row.name, row.colour) for row in Tag.objects.filter(system="").order_by("name")
        ],
        people=_people(company, book),
        teams=_teams(book),
        numbers=[
            NumberEntry(
                row.e164,
                row.name,
                row.language,
                book.named(row.flow),
                checks.tests_of(row, book) or None,
            )
            for row in numbers
        ],
        integrations=checks.integrations(),
    )


def _company(company: Company, book: Book) -> CompanyEntry:
    sound, main = CompanySound.current(company), company_numbers.main_number()
    return CompanyEntry(
        company.name,
        company.language,
        company.timezone,
        country=company.country,
        music=[words for words in (book.words(key) for key in sound.music) if words],
        block_anonymous=sound.block_anonymous,
        main_number=main.e164 if main else None,
        fax=company_numbers.fax_number(),
    )


def _limits() -> LimitsEntry | None:
    found = CallLimits.objects.first()
    if found is None:
        return None  # what every company begins with, which may change with a release
    facts: dict[str, Any] = {name: getattr(found, name) for name in limits.FIELDS}
    return LimitsEntry(**facts)


def _teams(book: Book) -> list[TeamEntry]:
    return [
        TeamEntry(
            row.name,
            sorted(m.extension for m in row.members.all() if m.pk in book.people),
            row.strategy,
            row.member_seconds,
        )
        for row in Team.objects.order_by("name").prefetch_related("members")
    ]


def _people(company: Company, book: Book) -> list[PersonEntry]:
    places = Membership.objects.filter(company=company)
    roles = dict(places.values_list("user_id", "role"))
    phones: dict[int, list[Device]] = {}
    for device in Device.objects.filter(browser=False).order_by("id"):
        phones.setdefault(device.person_id, []).append(device)
    reached = {row.person_id: row.flow for row in PersonalRow.objects.all()}
    greetings = dict(Voice.objects.values_list("person_id", "greeting_key"))
    lines = dict(OutboundLine.objects.values_list("person_id", "number__e164"))
    found = []
    for row in Person.objects.select_related("user").order_by("extension"):
        own, flow = phones.get(row.pk, []), reached.get(row.pk)
        found.append(
            PersonEntry(
                extension=row.extension,
                name=row.name,
                email=row.user.email if row.user else "",
                language=row.language,
                call_waiting=row.call_waiting,
                role=roles.get(row.user_id) if row.user_id else None,
                available=row.available,
                phones=[PhoneEntry(device.label, device.encryption) for device in own],
                shows=lines.get(row.pk, ""),
                # What was recorded by telephone has no words: the file does not mention it.
                greeting=book.words(greetings.get(row.pk, "")) or None,
                reached=None if flow is None else book.reached(flow, [d.pk for d in own]),
            )
        )
    return found

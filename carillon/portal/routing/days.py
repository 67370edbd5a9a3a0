"""What opens or closes numbers at once, without publishing: the company's exceptions, and overrides."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from carillon.portal.accounts.models import User
from carillon.portal.companies import audit
from carillon.portal.companies.models import Company
from carillon.portal.companies.publish import bump_plan, tell_switch
from carillon.portal.companies.scope import within
from carillon.portal.extensions.models import Person
from carillon.portal.refused import Refused
from carillon.portal.routing.documents import Special
from carillon.portal.routing.models import CompanyDay, HolidayYear, HoursOverride, Number
from carillon.schema.events import HoursOverridden

MOST_DAYS = 100


@transaction.atomic
def override_hours(
    company: Company,
    number: Number | None,
    *,
    open: bool | None,
    until: datetime | None = None,
    by: User | None,
    by_name: str = "",
) -> None:
    """Open or close a number, or without one the whole company, until then; None: follow the hours again."""
    rows = HoursOverride.objects.filter(number=number)
    before = _facts(rows.first())
    rows.delete()
    made = None
    if open is not None:
        name = by_name or (by.name if by else "")
        made = HoursOverride.everywhere.create(
            company=company, number=number, open=open, until=until, by_name=name[:120]
        )
    after = _facts(made)
    if before == after:
        return
    thing = (number.key, number.name) if number else (company.key, company.name)
    audit.write(company, by, "hours-overridden", thing, before, after)
    bump_plan(company)


@transaction.atomic
def add_company_day(company: Company, special: Special, *, by: User | None) -> None:
    """Close the whole company on some days, or open it at other hours."""
    if CompanyDay.objects.count() >= MOST_DAYS:
        raise Refused("too-many-days", "100")
    day = CompanyDay.everywhere.create(
        company=company,
        first=date.fromisoformat(special.first),
        last=date.fromisoformat(special.last),
        name=special.name,
        slots=[list(slot) for slot in special.slots],
    )
    audit.write(company, by, "company-day-added", (company.key, special.name), {}, _day(day))
    bump_plan(company)


@transaction.atomic
def remove_company_day(day: CompanyDay, *, by: User | None) -> None:
    """Follow the week again on these days."""
    company = day.company
    audit.write(company, by, "company-day-removed", (company.key, day.name), _day(day), {})
    day.delete()
    bump_plan(company)


def apply_override(event: HoursOverridden) -> None:
    """Open or close the company as somebody did from a phone."""
    if not (event.company[1:].isdecimal() and event.user[1:].isdecimal()):
        return
    company = Company.objects.filter(pk=int(event.company[1:])).first()
    if company is None:
        return
    with within(company):
        person = Person.objects.filter(pk=int(event.user[1:])).select_related("user").first()
        if person is None:
            return
        until = datetime.fromtimestamp(event.until, UTC) if event.until else None
        override_hours(
            company,
            None,
            open=event.open,
            until=until,
            by=person.user,
            by_name=person.name,
        )


@transaction.atomic
def keep_calendars() -> None:
    """Forget overrides that ended, and compile every plan anew once a year, before its holidays run out."""
    ended = HoursOverride.everywhere.filter(until__lt=timezone.now())
    stale = set(ended.values_list("company_id", flat=True))
    ended.delete()
    companies = Company.objects.filter(pk__in=stale)
    _, new_year = HolidayYear.objects.get_or_create(year=timezone.localdate().year)
    if new_year:
        companies = Company.objects.all()
    if companies.update(plan_version=F("plan_version") + 1):
        transaction.on_commit(tell_switch)


def _facts(row: HoursOverride | None) -> dict[str, Any]:
    if row is None:
        return {}
    until = timezone.localtime(row.until).strftime("%Y-%m-%d %H:%M") if row.until else ""
    return {"open": row.open, "until": until}


def _day(day: CompanyDay) -> dict[str, Any]:
    return {"first": day.first.isoformat(), "last": day.last.isoformat(), "slots": day.slots}

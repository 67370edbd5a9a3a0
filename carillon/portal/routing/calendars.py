"""When a number is open: its document, the company's exceptions, public holidays, and who overrode it all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from django.db.models import Q
from django.utils import timezone
from msgspec import structs

from carillon.portal.companies.models import Company
from carillon.portal.countries import NAMES
from carillon.portal.routing.documents import NumberFlow, OpeningHours, Special
from carillon.portal.routing.models import CompanyDay, HoursOverride
from carillon.schema import plan as p

YEARS_AHEAD = 2
"""So many years after this one are in a plan: a switch that is cut off from the portal knows them."""


@dataclass(frozen=True, slots=True)
class Holiday:
    """A public holiday: `name` in its country's own language, which stays; `shown` in the reader's."""

    date: str
    name: str
    shown: str


@dataclass(frozen=True, slots=True)
class Calendar:
    """What opening hours need besides a number's document. `overrides` by number, 0: the whole company."""

    year: int = 2026
    language: str = "fr"
    days: tuple[p.SpecialDay, ...] = ()
    overrides: Mapping[int, p.Override] = field(default_factory=dict)


def load_calendar(company: Company) -> Calendar:
    """Read the current company's exceptions and what overrides them now."""
    now = timezone.now()
    rows = HoursOverride.objects.filter(Q(until=None) | Q(until__gt=now))
    return Calendar(
        year=timezone.localtime(now).year,
        language=company.language,
        days=tuple(_day(row.special) for row in CompanyDay.objects.order_by("first", "id")),
        overrides={row.number_id or 0: _override(row) for row in rows},
    )


def flow_hours(flow: NumberFlow, calendar: Calendar, number: int = 0) -> p.Hours:
    """Return when a number is open, as the flows understand it."""
    overrides = calendar.overrides
    return structs.replace(
        week_hours(flow.hours),
        special=_special(flow.hours, calendar),
        override=overrides.get(number) or overrides.get(0),
    )


def week_hours(hours: OpeningHours) -> p.Hours:
    """Return the hours of the week alone."""
    return p.Hours(
        timezone=hours.zone,
        always_open=hours.always,
        slots=tuple(
            p.Slot(tuple(int(day) for day in slot.days), slot.start, slot.end)
            for slot in hours.slots
        ),
    )


def countries() -> list[tuple[str, str]]:
    """Return the countries whose holidays are known."""
    import holidays

    known = holidays.list_supported_countries(include_aliases=False)
    return sorted(((c, str(name)) for c, name in NAMES.items() if c in known), key=lambda c: c[1])


@lru_cache(maxsize=512)
def regions(country: str) -> tuple[tuple[str, str], ...]:
    """Return a country's regions that have holidays of their own: code and name."""
    import holidays

    try:
        found = holidays.country_holidays(country)
    except NotImplementedError:
        return ()
    names: dict[str, str] = {}
    for alias, code in found.subdivisions_aliases.items():
        names[code] = max(names.get(code, ""), alias, key=len)
    return tuple((code, names.get(code, code)) for code in found.subdivisions)


@lru_cache(maxsize=1024)
def public_holidays(country: str, region: str, language: str, year: int) -> tuple[Holiday, ...]:
    """Return the holidays of a year and of those ahead, in order; none where nothing is known."""
    import holidays

    if region and region not in dict(regions(country)):
        region = ""
    years = range(year, year + YEARS_AHEAD + 1)
    place: dict[str, Any] = {"subdiv": region or None, "years": years}
    try:
        known = holidays.country_holidays(country)
        spoken = _language(known, language)
        shown = holidays.country_holidays(country, **place, language=spoken)
    except NotImplementedError:
        return ()
    named = shown
    if spoken != known.default_language:
        named = holidays.country_holidays(country, **place, language=known.default_language)
    return tuple(
        Holiday(day.isoformat(), named.get(day) or name, name)
        for day, name in sorted(shown.items())
    )


def _language(known: object, language: str) -> str | None:
    supported = tuple(getattr(known, "supported_languages", ()))
    wanted = [each for each in supported if each == language or each.startswith(f"{language}_")]
    return wanted[0] if wanted else getattr(known, "default_language", None)


@lru_cache(maxsize=2048)
def _closed_days(
    country: str, region: str, language: str, year: int, worked: tuple[str, ...]
) -> tuple[p.SpecialDay, ...]:
    return tuple(
        p.SpecialDay(day.date, day.date, day.shown, public_holiday=True)
        for day in public_holidays(country, region, language, year)
        if day.name not in worked
    )


def _special(hours: OpeningHours, calendar: Calendar) -> tuple[p.SpecialDay, ...]:
    """Return the exceptions in the order that decides: the number's, the company's, the country's."""
    own = tuple(_day(special) for special in hours.special)
    company = calendar.days if hours.company_days else ()
    if not hours.country:
        return own + company
    holidays = _closed_days(
        hours.country, hours.region, calendar.language, calendar.year, hours.worked
    )
    return own + company + holidays


def _day(special: Special) -> p.SpecialDay:
    return p.SpecialDay(special.first, special.last, special.name, special.slots)


def _override(row: HoursOverride) -> p.Override:
    until = row.until.timestamp() if row.until else 0.0
    return p.Override(row.open, until, row.by_name)

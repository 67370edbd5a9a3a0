"""Which calls a page of the history shows: read from the address, so that it can be shared."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.db.models import Q, QuerySet
from django.http import QueryDict
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

from carillon.flows.outgoing import normalise
from carillon.portal.calls.models import Call
from carillon.portal.routing.compile import DIAL_RULES
from carillon.schema.plan import DialRules

CALLS_PER_PAGE = 50
MOST_COUNTED = 1000
PERIODS = {"today": 0, "7": 6, "30": 29}


@dataclass(frozen=True, slots=True)
class Filters:
    """What was asked for; empty means everything."""

    direction: str = ""
    outcome: str = ""
    number: str = ""
    person: str = ""
    q: str = ""
    period: str = ""
    since: date | None = None
    until: date | None = None

    @property
    def is_set(self) -> bool:
        """Say whether anything is filtered."""
        return bool(self.query())

    def query(self) -> str:
        """Return the filters as they stand in an address."""
        shown: dict[str, Any] = {
            "direction": self.direction,
            "outcome": self.outcome,
            "number": self.number,
            "person": self.person,
            "q": self.q,
            "period": self.period,
            "since": self.since or "",
            "until": self.until or "",
        }
        return urlencode({name: value for name, value in shown.items() if value})


def read_filters(asked: QueryDict) -> Filters:
    """Read the address; what makes no sense is passed over."""

    def one_of(name: str, known: list[str]) -> str:
        return asked.get(name, "") if asked.get(name, "") in known else ""

    def digits(name: str) -> str:
        text = asked.get(name, "")
        return text if text.isascii() and text.isdigit() and len(text) < 18 else ""

    return Filters(
        direction=one_of("direction", Call.Direction.values),
        outcome=one_of("outcome", [*filter(None, Call.Outcome.values), "progress"]),
        number=digits("number"),
        person=digits("person"),
        q=asked.get("q", "").strip()[:60],
        period=one_of("period", list(PERIODS)),
        since=_day(asked.get("since", "")),
        until=_day(asked.get("until", "")),
    )


def narrow(calls: QuerySet[Call], f: Filters, country: str) -> QuerySet[Call]:
    """Keep the calls the filters let through."""
    if f.direction:
        calls = calls.filter(direction=f.direction)
    if f.outcome:
        calls = calls.filter(outcome="" if f.outcome == "progress" else f.outcome)
    if f.number:
        calls = calls.filter(number=int(f.number))
    if f.person:
        calls = calls.filter(parties__person=int(f.person))
    if f.q:
        calls = calls.filter(_search(f.q, country))
    since, until = _span(f)
    if since:
        calls = calls.filter(started_at__gte=since)
    if until:
        calls = calls.filter(started_at__lt=until)
    return calls


def after_place(calls: QuerySet[Call], place: str) -> QuerySet[Call]:
    """Keep the calls older than a place: the time and id of the last call of the page before."""
    moment_text, _, pk = place.partition("~")
    try:
        moment = parse_datetime(moment_text)
    except ValueError:
        moment = None
    if moment is None or timezone.is_naive(moment):
        return calls
    return calls.filter(started_at__lte=moment).exclude(started_at=moment, pk__gte=pk)


def place_of(call: Call) -> str:
    """Return where a page ends, for the next one to begin."""
    return f"{call.started_at.isoformat()}~{call.pk}"


def _search(text: str, country: str) -> Q:
    digits = "".join(c for c in text if c.isdigit())
    if not digits or any(c.isalpha() for c in text):
        return Q(caller_name__icontains=text) | Q(person__name__icontains=text)
    rules = DIAL_RULES.get(country, DialRules())
    whole = normalise(text, rules)
    if whole is not None:
        return Q(caller=whole) | Q(called=whole)
    if text.startswith(rules.national_prefix):
        digits = digits[len(rules.national_prefix) :]
    return Q(caller__contains=digits) | Q(called__contains=digits)


def _span(f: Filters) -> tuple[datetime | None, datetime | None]:
    if f.period:
        first = timezone.localdate() - timedelta(days=PERIODS[f.period])
        return _midnight(first), None
    until = f.until + timedelta(days=1) if f.until else None
    return _midnight(f.since), _midnight(until)


def _midnight(day: date | None) -> datetime | None:
    if day is None:
        return None
    return timezone.make_aware(datetime(day.year, day.month, day.day))  # noqa: DTZ001


def _day(text: str) -> date | None:
    try:
        found = parse_date(text)
    except ValueError:
        return None
    return found if found and 2000 <= found.year <= 2200 else None

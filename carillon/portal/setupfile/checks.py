"""What watches over a company's calls from outside its flows: kept tests, and programs that are told."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from carillon.flows.outgoing import is_e164
from carillon.portal.accounts.models import User
from carillon.portal.calls.models import Call
from carillon.portal.companies.models import Company
from carillon.portal.fields import refuse_breaks, refuse_unseen
from carillon.portal.integrations.actions import (
    add_integration,
    change_integration,
    pause_integration,
)
from carillon.portal.integrations.forms import IntegrationForm
from carillon.portal.integrations.models import Integration
from carillon.portal.refused import Refused
from carillon.portal.routing.models import Number
from carillon.portal.setupfile.references import GONE, Book
from carillon.portal.setupfile.shape import IntegrationEntry, NumberEntry, TestEntry
from carillon.portal.trials.actions import keep_test, remove_test
from carillon.portal.trials.forms import KEYS
from carillon.portal.trials.models import FlowTest

A_MONDAY = date(2024, 1, 1)
"""Of a test that holds every week only the weekday counts."""
LETTERS = {"person": "u", "team": "t"}
"""How whom a test expects to be rung is kept: u12, t3."""


# -- out -----------------------------------------------------------------------------------------


def tests_of(number: Number, book: Book) -> list[TestEntry]:
    """Return a number's kept tests, by name."""
    rows = sorted(number.tests.all(), key=lambda row: (row.name, row.pk))
    return [_test_entry(row, book) for row in rows]


def _test_entry(row: FlowTest, book: Book) -> TestEntry:
    return TestEntry(
        row.name,
        row.time.isoformat("minutes"),
        _expects(row, book),
        weekday=row.weekday,
        date=row.on_date.isoformat() if row.on_date else None,
        caller=row.caller,
        keys=row.keys,
        everybody=row.everybody,
    )


def _expects(row: FlowTest, book: Book) -> dict[str, str]:
    if row.expects == FlowTest.Expects.OUTCOME:
        return {"outcome": row.expected}
    for kind, known in (("person", book.people), ("team", book.teams)):
        if row.expected.startswith(LETTERS[kind]):
            return {kind: known.get(int(row.expected[1:]), GONE)}
    return {"outside": row.expected}


def integrations() -> list[IntegrationEntry]:
    """Return the company's integrations, by name, without their secrets."""
    return [
        IntegrationEntry(
            row.name,
            row.url,
            list(row.events),
            row.active,
            None if row.all_numbers else sorted(each.e164 for each in row.numbers.all()),
        )
        for row in Integration.objects.order_by("name", "id").prefetch_related("numbers")
    ]


# -- in ------------------------------------------------------------------------------------------


def take_tests(number: Number, entry: NumberEntry, book: Book, *, by: User) -> None:
    """Make a number's kept tests those of the file."""
    wanted = list(entry.tests or ())
    for row in number.tests.order_by("id"):
        known = _test_entry(row, book)
        if known in wanted:
            wanted.remove(known)
        else:
            remove_test(row, by=by)
    for each in wanted:
        try:
            _keep(number, each, book, by)
        except (ValueError, OverflowError) as error:
            text = _("The test “%(name)s” cannot be kept: %(why)s")
            raise Refused("bad-test", text % {"name": each.name[:80], "why": error}) from error


def _keep(number: Number, entry: TestEntry, book: Book, by: User) -> None:
    every_week = entry.weekday is not None
    if every_week == (entry.date is not None) or entry.weekday not in (None, *range(7)):
        raise ValueError("weekday, date")
    day = (
        A_MONDAY + timedelta(days=entry.weekday)
        if entry.weekday is not None
        else date.fromisoformat(str(entry.date))
    )
    fits = {
        "name": 0 < len(entry.name.strip()) <= 80 and _is_one_line(entry.name),
        "caller": not entry.caller or is_e164(entry.caller),
        "keys": len(entry.keys) <= 40 and KEYS.issuperset(entry.keys),
        "everybody": entry.everybody in FlowTest.Everybody.values,
    }
    wrong = [name for name, good in fits.items() if not good]
    if wrong:
        raise ValueError(", ".join(wrong))
    keep_test(
        number,
        entry.name,
        datetime.combine(day, time.fromisoformat(entry.time)),
        _expected(entry, book),
        every_week=every_week,
        caller=entry.caller,
        keys=entry.keys,
        people=entry.everybody,
        by=by,
    )


def _is_one_line(text: str) -> bool:
    try:
        refuse_unseen(text)
        refuse_breaks(text)
    except ValidationError:
        return False
    return True


def _expected(entry: TestEntry, book: Book) -> str:
    """Return what must come of it, as tests are kept."""
    match list(entry.expects.items()):
        case [("outcome", outcome)] if outcome in Call.Outcome.values:
            return f"outcome:{outcome}"
        case [("outside", e164)] if is_e164(e164):
            return f"rings:{e164}"
        case [("person" | "team" as kind, name)]:
            return f"rings:{LETTERS[kind]}{book.id_of(kind, name)}"
        case _:
            raise ValueError(f"expects: {entry.expects}"[:120])


def take_integrations(company: Company, entries: list[IntegrationEntry], *, by: User) -> None:
    """Add integrations, or change those of the same name; others stay."""
    left = list(Integration.objects.order_by("name", "id"))
    for entry in entries:
        known = next((row for row in left if row.name == entry.name), None)
        facts = _facts(entry)
        if known is None:
            known, _secret = add_integration(company, **facts, by=by)
        else:
            left.remove(known)
            change_integration(known, **facts, by=by)
        pause_integration(known, entry.active, by=by)


def _facts(entry: IntegrationEntry) -> dict[str, Any]:
    """Return what its page would have taken; `Refused` says what it would not."""
    numbers = Number.objects.filter(e164__in=entry.numbers or ())
    missing = set(entry.numbers or ()) - {row.e164 for row in numbers}
    if missing:
        raise Refused("no-such", f"{entry.name[:60]}: {min(missing)[:20]}")
    form = IntegrationForm(
        {
            "name": entry.name,
            "url": entry.url,
            "events": entry.events,
            "which": "all" if entry.numbers is None else "some",
            "numbers": [row.pk for row in numbers],
        }
    )
    if not form.is_valid():
        field, errors = next(iter(form.errors.items()))
        raise Refused("bad-integration", f"{entry.name[:60]}: {field}: {errors[0]}")
    return form.facts()

"""Keeping tests of flows, and giving them up."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from carillon.portal.accounts.models import User
from carillon.portal.companies import audit
from carillon.portal.refused import Refused
from carillon.portal.routing.models import Number
from carillon.portal.trials.models import FlowTest

MOST_TESTS = 50


@transaction.atomic
def keep_test(
    number: Number,
    name: str,
    at: datetime,
    expected: str,
    *,
    every_week: bool = True,
    caller: str = "",
    keys: str = "",
    people: str = FlowTest.Everybody.SILENT,
    by: User | None,
) -> FlowTest:
    """Keep a trial as a test. `expected`: `rings:u12`, `rings:+33…` or `outcome:voicemail`."""
    if FlowTest.objects.filter(number=number).count() >= MOST_TESTS:
        raise Refused("too-many-tests", _("A number has at most 50 tests. Remove some first."))
    expects, _colon, value = expected.partition(":")
    test = FlowTest.everywhere.create(
        company=number.company,
        number=number,
        name=name,
        weekday=at.weekday() if every_week else None,
        on_date=None if every_week else at.date(),
        time=at.time(),
        caller=caller,
        keys=keys,
        everybody=people,
        expects=expects,
        expected=value,
    )
    audit.write(number.company, by, "test-kept", _thing(number), after={"test": name})
    return test


@transaction.atomic
def remove_test(test: FlowTest, *, by: User | None) -> None:
    """Check this no more."""
    audit.write(test.company, by, "test-removed", _thing(test.number), {"test": test.name})
    test.delete()


def _thing(number: Number) -> tuple[str, str]:
    return number.key, number.name

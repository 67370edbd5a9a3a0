"""The PIN of a voicemail box: hashed, locked after five wrong ones, unlocked by time or an administrator."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from carillon.portal.companies.models import AuditRow
from carillon.portal.extensions.models import Pin
from carillon.portal.extensions.pins import MOST_WRONG, check_pin, is_locked, set_pin
from carillon.portal.refused import Refused
from tests.portal.conftest import Cast

RIGHT, WRONG = "481526", "481527"


def test_the_right_pin_is_right_and_is_kept_as_a_hash_alone(cast: Cast):
    ben = cast.people["user"]
    assert check_pin(ben, RIGHT) == "wrong", "nobody has a PIN from the start"
    set_pin(ben, RIGHT, by=cast.users["user"])
    assert check_pin(ben, RIGHT) == "ok"
    assert check_pin(ben, WRONG) == "wrong"
    assert RIGHT not in Pin.everywhere.get().hash
    assert AuditRow.everywhere.get(action="pin-changed").after == {}


def test_five_wrong_ones_lock_even_the_right_one_for_a_quarter_of_an_hour(cast: Cast):
    ben = cast.people["user"]
    set_pin(ben, RIGHT, by=None)
    verdicts = [check_pin(ben, WRONG) for _ in range(MOST_WRONG)]
    assert verdicts == ["wrong"] * (MOST_WRONG - 1) + ["locked"]
    assert check_pin(ben, RIGHT) == "locked"
    Pin.everywhere.update(locked_until=timezone.now() - timedelta(seconds=1))
    assert check_pin(ben, RIGHT) == "ok"
    assert check_pin(ben, WRONG) == "wrong"


def test_a_thousand_wrong_codes_are_five_tries(cast: Cast):
    ben = cast.people["user"]
    set_pin(ben, RIGHT, by=None)
    verdicts = [check_pin(ben, f"{code:06d}") for code in range(481000, 482000)]
    assert verdicts.count("locked") == 1000 - (MOST_WRONG - 1)
    assert "ok" not in verdicts, "the right one was among them"


def test_a_right_one_in_between_forgives(cast: Cast):
    ben = cast.people["user"]
    set_pin(ben, RIGHT, by=None)
    for _ in range(3):
        assert [check_pin(ben, pin) for pin in [WRONG] * 4 + [RIGHT]] == ["wrong"] * 4 + ["ok"]


def test_an_administrator_unlocks_and_a_new_pin_does_too(cast: Cast):
    ben = cast.people["user"]
    set_pin(ben, RIGHT, by=None)
    for _ in range(MOST_WRONG):
        check_pin(ben, WRONG)
    assert cast.client("supervisor").post(f"/people/{ben.pk}/unlock-pin").status_code == 403
    cast.client("administrator").post(f"/people/{ben.pk}/unlock-pin")
    assert check_pin(ben, RIGHT) == "ok"
    for _ in range(MOST_WRONG):
        check_pin(ben, WRONG)
    assert is_locked(ben)
    set_pin(ben, "260194", by=None)
    assert check_pin(ben, "260194") == "ok"


@pytest.mark.parametrize("pin", ["12345", "111111", "123456", "48152a"])
def test_a_pin_that_is_easy_to_guess_is_refused(cast: Cast, pin: str):
    with pytest.raises(Refused):
        set_pin(cast.people["user"], pin, by=None)

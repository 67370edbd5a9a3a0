from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from carillon.flows.hours import opening
from carillon.schema.plan import Hours, Slot

PARIS = ZoneInfo("Europe/Paris")
OFFICE = Hours("Europe/Paris", always_open=False, slots=(Slot((0, 1, 2, 3, 4), 540, 1080),))
minutes = st.integers(0, 24 * 60 - 1)
days = st.sets(st.integers(0, 6)).map(lambda chosen: tuple(sorted(chosen)))
moments = st.integers(1_700_000_000, 1_830_000_000).map(
    lambda seconds: datetime.fromtimestamp(seconds, UTC)
)


def paris(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=PARIS)


def test_a_number_opens_at_nine_and_closes_at_six_on_weekdays() -> None:
    assert opening(OFFICE, paris("2026-11-23T09:00")).is_open
    assert not opening(OFFICE, paris("2026-11-23T08:59")).is_open
    assert opening(OFFICE, paris("2026-11-23T17:59")).is_open
    assert not opening(OFFICE, paris("2026-11-23T18:00")).is_open
    assert not opening(OFFICE, paris("2026-11-22T12:00")).is_open


def test_the_answer_names_the_number_s_own_time() -> None:
    answer = opening(OFFICE, datetime(2026, 7, 20, 6, 30, tzinfo=UTC))
    assert (answer.is_open, answer.reason, answer.local_time) == (False, "hours.closed", "08:30")


def test_nine_is_nine_on_both_sides_of_the_clock_change() -> None:
    for day in ("2026-03-27", "2026-03-30", "2026-10-23", "2026-10-26"):
        assert opening(OFFICE, paris(f"{day}T09:00")).is_open
        assert not opening(OFFICE, paris(f"{day}T08:59")).is_open


def test_a_slot_past_midnight_belongs_to_the_evening_s_day() -> None:
    night = Hours("Europe/Paris", always_open=False, slots=(Slot((4,), 22 * 60, 2 * 60),))
    assert opening(night, paris("2026-11-20T23:00")).is_open
    assert opening(night, paris("2026-11-21T01:59")).is_open
    assert not opening(night, paris("2026-11-21T23:00")).is_open
    assert not opening(night, paris("2026-11-20T01:00")).is_open


def test_an_unknown_time_zone_is_read_as_utc() -> None:
    lost = Hours("Mars/Olympus", always_open=False, slots=OFFICE.slots)
    assert opening(lost, datetime(2026, 11, 23, 9, 0, tzinfo=UTC)).is_open


@given(moments, days, minutes, minutes)
def test_a_slot_and_what_is_left_of_its_days_never_both_hold(
    at: datetime, chosen: tuple[int, ...], start: int, end: int
) -> None:
    if start >= end:
        start, end = end, start + 1
    other = tuple(day for day in range(7) if day not in chosen)
    slot = Hours("Europe/Paris", always_open=False, slots=(Slot(chosen, start, end),))
    rest = (Slot(chosen, 0, start),) if start else ()
    rest += (Slot(chosen, end, 1440),) if end < 1440 else ()
    complement = Hours("Europe/Paris", always_open=False, slots=(*rest, Slot(other, 0, 1440)))
    assert opening(slot, at).is_open != opening(complement, at).is_open


@given(moments)
def test_a_number_that_is_always_open_is_open(at: datetime) -> None:
    assert opening(Hours("Asia/Tokyo"), at).is_open
    assert opening(Hours("Asia/Tokyo"), at + timedelta(days=1)).reason == "hours.always-open"

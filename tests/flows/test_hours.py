from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from carillon.flows.hours import opening
from carillon.flows.reasons import REASONS
from carillon.schema.plan import Hours, Override, Slot, SpecialDay

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


# -- holidays and overrides ----------------------------------------------------------------------

FEAST = SpecialDay("2026-07-14", "2026-07-14", "Bastille Day", public_holiday=True)
SALES = SpecialDay("2026-11-22", "2026-11-22", "Sales Sunday", slots=((600, 720), (840, 1140)))


def test_a_public_holiday_is_closed_and_says_its_name() -> None:
    holiday = structs.replace(OFFICE, special=(FEAST,))
    answer = opening(holiday, paris("2026-07-14T10:00"))
    assert (answer.is_open, answer.reason, answer.name) == (False, "hours.holiday", "Bastille Day")
    assert opening(holiday, paris("2026-07-15T10:00")).reason == "hours.open"
    always = Hours("Europe/Paris", special=(FEAST,))
    assert not opening(always, paris("2026-07-14T10:00")).is_open


def test_a_special_day_has_hours_of_its_own_whatever_the_week_says() -> None:
    sales = structs.replace(OFFICE, special=(SALES,))
    assert opening(sales, paris("2026-11-22T10:30")).reason == "hours.special-open"
    assert opening(sales, paris("2026-11-22T12:30")).reason == "hours.special-closed"
    assert opening(sales, paris("2026-11-23T10:30")).reason == "hours.open"


def test_the_first_special_day_that_fits_decides() -> None:
    both = structs.replace(OFFICE, special=(SALES, SpecialDay("2026-11-01", "2026-12-01", "Works")))
    assert opening(both, paris("2026-11-22T10:30")).name == "Sales Sunday"
    assert opening(both, paris("2026-11-24T10:30")).name == "Works"


def test_an_override_comes_before_everything_and_ends_by_itself() -> None:
    until = paris("2026-07-14T12:00").timestamp()
    hours = structs.replace(OFFICE, special=(FEAST,), override=Override(True, until))
    assert opening(hours, paris("2026-07-14T11:59")).reason == "hours.override-open"
    assert opening(hours, paris("2026-07-14T12:00")).reason == "hours.holiday"
    endless = structs.replace(OFFICE, override=Override(False))
    assert opening(endless, paris("2036-11-24T10:00")).reason == "hours.override-closed"


spans = st.lists(st.tuples(minutes, st.integers(0, 1440)), max_size=3).map(tuple)
slots = st.lists(
    st.tuples(days, minutes, st.integers(0, 1440)).map(lambda each: Slot(*each)), max_size=4
).map(tuple)
FIRST = date(2026, 3, 20)
near = st.integers(0, 20).map(lambda n: FIRST + timedelta(days=n))
specials = st.lists(
    st.tuples(near, st.integers(-1, 3), spans, st.booleans()).map(
        lambda each: SpecialDay(
            each[0].isoformat(),
            (each[0] + timedelta(days=each[1])).isoformat(),
            f"from {each[0]}",
            each[2],
            each[3],
        )
    ),
    max_size=3,
).map(tuple)
# The clocks go forward on the 29th of March 2026 in Paris, and on the 8th in New York; Lord Howe is odd.
zones = st.sampled_from(["Europe/Paris", "America/New_York", "Australia/Lord_Howe", "Asia/Tokyo"])
instants = st.integers(0, 20 * 1440).map(
    lambda n: datetime(2026, 3, 20, tzinfo=UTC) + timedelta(minutes=n)
)
overrides = st.none() | st.builds(
    Override, st.booleans(), st.just(0.0) | instants.map(lambda at: at.timestamp())
)


def painted(hours: Hours) -> dict[tuple[date, int], bool]:
    """Paint every minute of every wall-clock day: the oracle, which knows no tails and no cleverness."""
    special: dict[date, SpecialDay] = {}
    for each in reversed(hours.special):
        for n in range(-2, 26):
            day = FIRST + timedelta(days=n)
            if each.first <= day.isoformat() <= each.last:
                special[day] = each
    minute_open: dict[tuple[date, int], bool] = {}
    for n in range(-2, 26):
        day = FIRST + timedelta(days=n)
        for minute in range(1440) if hours.always_open and day not in special else ():
            minute_open[day, minute] = True
        mine = [(s.start_minute, s.end_minute) for s in hours.slots if day.weekday() in s.days]
        if day in special:
            mine = list(special[day].slots)
        for start, end in mine:
            length = (end - start) % 1440 or 1440
            if (start, end) == (0, 1440):
                length = 1440
            for k in range(length):
                on = day + timedelta(days=(start + k) // 1440)
                if on == day or day in special or on not in special:
                    minute_open[on, (start + k) % 1440] = True
    return minute_open


@settings(max_examples=300, deadline=None)
@given(
    zones, st.booleans(), slots, specials, overrides, st.lists(instants, min_size=1, max_size=40)
)
def test_hours_agree_with_every_minute_painted_by_hand(
    zone: str,
    always: bool,
    weekly: tuple[Slot, ...],
    special: tuple[SpecialDay, ...],
    override: Override | None,
    moments: list[datetime],
) -> None:
    hours = Hours(zone, always, weekly, special, override)
    expected = painted(hours)
    for at in moments:
        local = at.astimezone(ZoneInfo(zone))
        answer = opening(hours, at)
        if override is not None and (override.until == 0 or at.timestamp() < override.until):
            assert answer.is_open == override.open
            assert answer.reason.startswith("hours.override-")
            continue
        shown = expected.get((local.date(), local.hour * 60 + local.minute), False)
        assert answer.is_open == shown, (at, answer)
        assert answer.reason in REASONS

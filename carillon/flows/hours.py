"""The hours node: is a number open at this moment, and why (A18, A30).

One order decides: somebody's override while it lasts, then the special days (the first that fits), then the
weekly slots. On the dates of a special day the weekly slots do not count, not even one of the evening before;
a slot past midnight belongs to the day it begins on.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from carillon.schema.plan import Hours, Override, SpecialDay

Span = tuple[int, int]
"""From and to, in minutes of the day; one that ends at or before its start runs into the next day."""


class Opening(msgspec.Struct, frozen=True):
    """The answer: `reason` is a key of `flows.reasons`, `local_time` what the number's clock shows.

    `name` is the special day's, where one decides.
    """

    is_open: bool
    reason: str
    local_time: str
    name: str = ""


def local_time(timezone: str, at: datetime) -> datetime:
    """Return `at` on the wall clock of a time zone; UTC when the zone is unknown."""
    try:
        return at.astimezone(ZoneInfo(timezone))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return at.astimezone(UTC)


def opening(hours: Hours, at: datetime) -> Opening:
    """Say whether a number is open at `at` (aware).

    Wall-clock minutes decide, so a slot of 9:00 opens at 9:00 on the days the clocks change too.
    """
    local = local_time(hours.timezone, at)
    shown = f"{local:%H:%M}"
    override = hours.override
    if override is not None and is_in_force(override, at):
        reason = "hours.override-open" if override.open else "hours.override-closed"
        return Opening(override.open, reason, shown)
    minute = local.hour * 60 + local.minute
    today = local.date()
    yesterday = today - timedelta(days=1)
    special, before = special_day(hours, today), special_day(hours, yesterday)
    if before is not None and _tail(before.slots, minute):
        return Opening(True, "hours.special-open", shown, before.name)
    if special is not None:
        return _special(special, minute, shown)
    if hours.always_open:
        return Opening(True, "hours.always-open", shown)
    is_open = _covers(_weekly(hours, today), minute)
    if before is None:
        is_open = is_open or _tail(_weekly(hours, yesterday), minute)
    return Opening(is_open, "hours.open" if is_open else "hours.closed", shown)


def is_in_force(override: Override, at: datetime) -> bool:
    """Say whether an override still counts."""
    return not override.until or at.timestamp() < override.until


def special_day(hours: Hours, day: date) -> SpecialDay | None:
    """Return the special day a date is in."""
    text = day.isoformat()
    # ISO dates are in order as texts, too.
    return next((each for each in hours.special if each.first <= text <= each.last), None)


def _special(special: SpecialDay, minute: int, shown: str) -> Opening:
    if _covers(special.slots, minute):
        return Opening(True, "hours.special-open", shown, special.name)
    reason = "hours.holiday" if special.public_holiday else "hours.special-closed"
    return Opening(False, reason, shown, special.name)


def _weekly(hours: Hours, day: date) -> list[Span]:
    """Return what begins on a day of the week."""
    weekday = day.weekday()
    return [(s.start_minute, s.end_minute) for s in hours.slots if weekday in s.days]


def _covers(spans: Iterable[Span], minute: int) -> bool:
    """Say whether one of the day's own slots covers a minute of that day."""
    return any(start <= minute and (minute < end or end <= start) for start, end in spans)


def _tail(spans: Iterable[Span], minute: int) -> bool:
    """Say whether one of yesterday's slots runs past midnight to cover a minute of today."""
    return any(end <= start and minute < end for start, end in spans)

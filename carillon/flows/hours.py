"""The hours node: is a number open at this moment, and why (A18, A30)."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from carillon.schema.plan import Hours, Slot


class Opening(msgspec.Struct, frozen=True):
    """The answer: `reason` is a key of `flows.reasons`, `local_time` what the number's clock shows."""

    is_open: bool
    reason: str
    local_time: str


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
    if hours.always_open:
        return Opening(True, "hours.always-open", shown)
    minute = local.hour * 60 + local.minute
    is_open = any(_covers(slot, local.weekday(), minute) for slot in hours.slots)
    return Opening(is_open, "hours.open" if is_open else "hours.closed", shown)


def _covers(slot: Slot, weekday: int, minute: int) -> bool:
    if slot.start_minute < slot.end_minute:
        return weekday in slot.days and slot.start_minute <= minute < slot.end_minute
    # Past midnight: the evening belongs to the slot's day, the small hours to the day after.
    if weekday in slot.days and minute >= slot.start_minute:
        return True
    return (weekday - 1) % 7 in slot.days and minute < slot.end_minute

"""When something is open: weekly slots, special days, and what somebody said for a while."""

from __future__ import annotations

import msgspec


class Slot(msgspec.Struct, frozen=True):
    """Open from `start_minute` to `end_minute` of the local day, on `days` (0 = Monday).

    A slot that ends at or before its start runs into the next day.
    """

    days: tuple[int, ...]
    start_minute: int
    end_minute: int


class SpecialDay(msgspec.Struct, frozen=True):
    """From `first` to `last` (ISO dates, both included) the weekly slots do not count.

    Open in `slots` (minutes of the day, from and to), closed all day where there are none.
    """

    first: str
    last: str
    name: str
    slots: tuple[tuple[int, int], ...] = ()
    public_holiday: bool = False


class Override(msgspec.Struct, frozen=True):
    """Somebody opened or closed for a while, whatever the hours say. `until`: epoch seconds, 0: no end."""

    open: bool
    until: float = 0.0
    by: str = ""


class Hours(msgspec.Struct, frozen=True):
    """When a number is open, in its own time zone.

    One order decides: the override, then special days (the first that fits), then the weekly slots.
    """

    timezone: str
    always_open: bool = True
    slots: tuple[Slot, ...] = ()
    special: tuple[SpecialDay, ...] = ()
    override: Override | None = None

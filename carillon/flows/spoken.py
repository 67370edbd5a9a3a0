"""Numbers, days and times as names of the system's sentences."""

from __future__ import annotations

from datetime import datetime

SPOKEN = (*range(10, 24), 30, 40, 50)
"""Numbers with a sentence of their own; those between are put together, digits are `digit-n`."""
MOST = 59


def number_names(number: int) -> tuple[str, ...]:
    """Return the sentences that say a number up to 59; more is said digit by digit."""
    if number < 0 or number > MOST:
        return tuple(f"digit-{digit}" for digit in str(abs(number)))
    if number < 10:
        return (f"digit-{number}",)
    if number in SPOKEN:
        return (f"number-{number}",)
    tens, digit = divmod(number, 10)
    whole = ("number-20" if tens == 2 else f"number-{tens}0",)
    return (*whole, f"digit-{digit}")


def moment_names(then: datetime, now: datetime) -> tuple[str, ...]:
    """Return the sentences that say when something was, both on the listener's clock."""
    days = (now.date() - then.date()).days
    if days <= 0:
        day: tuple[str, ...] = ("today",)
    elif days == 1:
        day = ("yesterday",)
    else:
        day = ("days-ago", *number_names(days), "days-ago-end")
    minutes = number_names(then.minute) if then.minute else ()
    if 0 < then.minute < 10:
        minutes = ("digit-0", *minutes)
    return (*day, "at", *number_names(then.hour), "hours", *minutes)

"""Opening hours in words and pictures."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.dates import WEEKDAYS, WEEKDAYS_ABBR
from django.utils.translation import gettext as _

from carillon.flows.hours import local_time, opening
from carillon.portal.routing.difference import clock
from carillon.portal.routing.documents import OpeningHours
from carillon.schema.plan import Hours

LOOK_AHEAD_DAYS = 8


@dataclass(frozen=True, slots=True)
class Status:
    """Whether a number is open now, in a few words."""

    is_open: bool
    text: str


def status(hours: Hours, at: datetime) -> Status:
    """Say whether a number is open at `at`, and when that changes."""
    now = opening(hours, at).is_open
    if hours.always_open:
        return Status(True, _("Always open"))
    change = _next_change(hours, at, now)
    if change is None:
        return Status(now, _("Open") if now else _("Closed"))
    local = local_time(hours.timezone, change)
    facts = {"time": f"{local:%H:%M}", "day": str(WEEKDAYS[local.weekday()])}
    if local.date() == local_time(hours.timezone, at).date():
        text = _("Open · closes at %(time)s") if now else _("Closed · opens at %(time)s")
    else:
        text = (
            _("Open · closes on %(day)s at %(time)s")
            if now
            else _("Closed · opens on %(day)s at %(time)s")
        )
    return Status(now, text % facts)


def hours_lines(hours: OpeningHours) -> list[str]:
    """Write when a number is open, one line for each set of days."""
    if hours.always:
        return [_("Always open")]
    if not hours.slots:
        return [_("Never open: add opening hours")]
    by_days: dict[str, list[str]] = {}
    for slot in sorted(hours.slots, key=lambda slot: slot.start):
        by_days.setdefault(slot.days, []).append(f"{clock(slot.start)} – {clock(slot.end)}")
    return [f"{days_text(days)} · {', '.join(times)}" for days, times in sorted(by_days.items())]


def days_text(days: str) -> str:
    """Write days: "Mon – Fri" for a run of three or more, else one by one."""
    numbers = [int(day) for day in days]
    if len(numbers) > 2 and numbers[-1] - numbers[0] == len(numbers) - 1:
        return f"{WEEKDAYS_ABBR[numbers[0]]} – {WEEKDAYS_ABBR[numbers[-1]]}"
    return ", ".join(str(WEEKDAYS_ABBR[number]) for number in numbers)


def week(hours: OpeningHours, at: datetime) -> list[str]:
    """Return the classes of seven bars, Monday first: on when open that day, now for today."""
    today = local_time(hours.zone, at).weekday()
    open_days = {int(day) for slot in hours.slots for day in slot.days}
    return [
        ("on" if hours.always or day in open_days else "") + (" now" if day == today else "")
        for day in range(7)
    ]


def _next_change(hours: Hours, at: datetime, now: bool) -> datetime | None:
    local = local_time(hours.timezone, at)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    minutes = sorted({minute for s in hours.slots for minute in (s.start_minute, s.end_minute)})
    for day in range(LOOK_AHEAD_DAYS):
        for minute in minutes:
            # Wall-clock arithmetic: the aware value keeps its zone, so 9:00 is 9:00 on every day.
            moment = midnight + timedelta(days=day, minutes=minute)
            if moment > local and opening(hours, moment).is_open != now:
                return moment
    return None

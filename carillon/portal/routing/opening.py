"""Opening hours in words and pictures."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.utils import formats
from django.utils.dates import WEEKDAYS, WEEKDAYS_ABBR
from django.utils.translation import gettext as _

from carillon.flows.hours import Opening, local_time, opening
from carillon.portal.routing.difference import clock
from carillon.portal.routing.documents import OpeningHours
from carillon.schema.plan import Hours, Override

LOOK_AHEAD_DAYS = 8


@dataclass(frozen=True, slots=True)
class Status:
    """Whether a number is open now, in a few words."""

    is_open: bool
    text: str


def status(hours: Hours, at: datetime) -> Status:
    """Say whether a number is open at `at`, why, and when that changes."""
    now = opening(hours, at)
    if now.reason in ("hours.override-open", "hours.override-closed") and hours.override:
        return Status(now.is_open, _by_hand(hours, hours.override))
    why = _why(now)
    if why:
        return Status(now.is_open, why)
    change = _next_change(hours, at, now.is_open)
    if change is None:
        if hours.always_open and now.is_open:
            return Status(True, _("Always open"))
        return Status(now.is_open, _("Open") if now.is_open else _("Closed"))
    return Status(now.is_open, _until(hours, at, change, now.is_open))


def _why(now: Opening) -> str:
    match now.reason:
        case "hours.holiday":
            return _("Closed: %(name)s, public holiday") % {"name": now.name}
        case "hours.special-closed":
            return _("Closed: %(name)s") % {"name": now.name}
        case "hours.special-open":
            return _("Open: %(name)s") % {"name": now.name}
    return ""


def _by_hand(hours: Hours, override: Override) -> str:
    if not override.until:
        return _("Open by hand") if override.open else _("Closed by hand")
    local = local_time(hours.timezone, datetime.fromtimestamp(override.until, UTC))
    facts = {"time": f"{formats.date_format(local, 'j N')}, {local:%H:%M}"}
    text = _("Open by hand until %(time)s") if override.open else _("Closed by hand until %(time)s")
    return text % facts


def _until(hours: Hours, at: datetime, change: datetime, now: bool) -> str:
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
    return text % facts


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
    spans = [(s.start_minute, s.end_minute) for s in hours.slots]
    near = (local + timedelta(days=LOOK_AHEAD_DAYS)).date().isoformat()
    special = [s for s in hours.special if local.date().isoformat() <= s.last and s.first <= near]
    spans += [span for each in special for span in each.slots]
    minutes = sorted({minute for span in spans for minute in span} | ({0} if special else set()))
    for day in range(LOOK_AHEAD_DAYS):
        for minute in minutes:
            # Wall-clock arithmetic: the aware value keeps its zone, so 9:00 is 9:00 on every day.
            moment = midnight + timedelta(days=day, minutes=minute)
            if moment > local and opening(hours, moment).is_open != now:
                return moment
    return None

"""How facts are written for people, in their language."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime, timedelta
from functools import lru_cache

from django import template
from django.contrib.messages.storage.base import Message
from django.utils import formats, timezone
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from carillon.portal.countries import NAMES

register = template.Library()

OUTCOME_LOOKS = {
    "": "call",
    "answered": "ok",
    "voicemail": "acw",
    "missed": "dnd",
    "abandoned": "dnd",
    "failed": "dnd",
    "interrupted": "dnd",
}


@register.filter
def phone(number: str) -> str:
    """Write a telephone number with its spaces; extensions and names stay as they are."""
    if not number or number in ("anonymous", "unknown"):
        return _("Private number")
    return _international(number) if number.startswith("+") else number


@register.filter
def duration(seconds: float | None) -> str:
    """Write seconds as 0:07, 12:45 or 1:02:09."""
    whole = round(seconds or 0)
    hours, minutes = whole // 3600, whole % 3600 // 60
    if hours:
        return f"{hours}:{minutes:02d}:{whole % 60:02d}"
    return f"{minutes}:{whole % 60:02d}"


@register.filter
def when(at: datetime | None, place: str = "") -> str:
    """Write a moment as people say it: the time today, the day before that. `place`: "inside" a sentence."""
    if at is None:
        return ""
    local, today = timezone.localtime(at), timezone.localdate()
    time = clock(at)
    if local.date() == today:
        return time
    if local.date() == today - timedelta(days=1):
        yesterday = pgettext("inside a sentence", "yesterday %(time)s")
        return (yesterday if place else _("Yesterday %(time)s")) % {"time": time}
    day = formats.date_format(local, "j N" if local.year == today.year else "j N Y")
    return f"{day}, {time}"


_twelve_hours: ContextVar[bool] = ContextVar("twelve_hours", default=False)


@contextmanager
def clock_of(*, twelve_hours: bool) -> Iterator[None]:
    """Write times with a.m. and p.m., or on a clock of 24 hours."""
    token = _twelve_hours.set(twelve_hours)
    try:
        yield
    finally:
        _twelve_hours.reset(token)


@register.filter
def clock(at: datetime | None) -> str:
    """Write the time of day, on the reader's kind of clock."""
    if at is None:
        return ""
    local = timezone.localtime(at)
    return formats.time_format(local, "g:i A") if _twelve_hours.get() else f"{local:%H:%M}"


@register.filter
def clock_seconds(at: datetime | None) -> str:
    """Write the time of day to the second."""
    if at is None:
        return ""
    local = timezone.localtime(at)
    return formats.time_format(local, "g:i:s A") if _twelve_hours.get() else f"{local:%H:%M:%S}"


@register.filter
def outcome_look(outcome: str) -> str:
    """Return the colour class of a call's outcome."""
    return OUTCOME_LOOKS.get(outcome, "")


@register.filter
def country_name(code: str) -> str:
    """Write a country's name."""
    return str(NAMES.get(code, code))


@register.filter
def device_name(agent: str) -> str:
    """Name a browser and its machine by what it says of itself."""
    browsers = ("Firefox", "Edg", "OPR", "Chrome", "Safari", "curl")
    machines = ("Android", "iPhone", "iPad", "Windows", "Macintosh", "Linux")
    known = {"Edg": "Edge", "OPR": "Opera", "Macintosh": "Mac"}
    found = [next((n for n in names if n in agent), "") for names in (browsers, machines)]
    return " · ".join(known.get(n, n) for n in found if n) or _("Unknown device")


@register.filter
def undo(message: Message) -> str:
    """Return where a toast's Undo goes, empty when it has none."""
    tags = message.extra_tags or ""
    return tags.removeprefix("undo:") if tags.startswith("undo:") else ""


@lru_cache(maxsize=4096)
def _international(number: str) -> str:
    import phonenumbers

    try:
        parsed = phonenumbers.parse(number, None)
    except phonenumbers.NumberParseException:
        return number
    return str(phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL))

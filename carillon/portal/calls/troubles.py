"""What is wrong with the system, in words for who looks after the company, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from carillon.portal.calls.models import Trouble
from carillon.portal.companies.models import Company
from carillon.schema.events import CALLERS_FLOOD

SENTENCES: dict[str, tuple[Promise, Promise]] = {
    "recordings-disk-full": (
        _("Recordings cannot be saved: the disk is full"),
        _("Calls go on, but messages and recordings are incomplete. Free space on this machine."),
    ),
    "media-lost": (
        _("The sound of calls is interrupted"),
        _("It usually comes back within a second. If not, look at the log of the system."),
    ),
    "recordings-not-compressed": (
        _("Some recordings cannot be made smaller"),
        _("They are kept as they are and tried again every hour. Is there space on the disk?"),
    ),
    "plan-refused": (
        _("The latest settings could not be taken over"),
        _("Calls follow the settings before. Update the system, or look at its log."),
    ),
}
NOT_COMPRESSED = "recordings-not-compressed"
OWN = (NOT_COMPRESSED,)
"""What the portal finds out itself."""
TOLD_APART = ("plan-refused",)
"""What each company is told of its own plan alone."""
TRUNK_DOWN = "trunk-down:"
"""What the name of a trunk that does not work follows."""


@dataclass(frozen=True, slots=True)
class Told:
    """A trouble and how it is said."""

    row: Trouble
    title: str | Promise
    advice: str | Promise


def told(row: Trouble) -> Told:
    """Put a trouble into words; one that has none keeps its name."""
    if row.kind.startswith(TRUNK_DOWN):
        name = row.kind.removeprefix(TRUNK_DOWN)
        title = gettext("The carrier behind “%(name)s” cannot be used") % {"name": name}
        return Told(row, title, gettext("Calls take another trunk if there is one. See Trunks."))
    if row.kind.startswith(CALLERS_FLOOD):
        advice = gettext(
            "%(who)s: so many calls a minute are refused. "
            "If it does not end, block the number under Company, Blocked callers."
        )
        return Told(row, gettext("Somebody calls without end"), advice % {"who": row.detail})
    sentence = SENTENCES.get(row.kind, (row.kind, row.detail))
    return Told(row, *sentence)


def open_troubles(company: Company) -> list[Told]:
    """Return what is wrong now for a company, the newest first."""
    rows = Trouble.objects.filter(ended_at=None).exclude(kind__in=TOLD_APART)
    of_others = rows.filter(kind__startswith=CALLERS_FLOOD).exclude(
        kind=CALLERS_FLOOD + company.key
    )
    return [told(row) for row in rows.exclude(pk__in=of_others).order_by("-began_at")[:5]]


def end_earlier(switch_started_at: float) -> None:
    """End what a switch told that has died since: what is still wrong, the running one has told again."""
    started = datetime.fromtimestamp(switch_started_at, UTC)
    old = Trouble.objects.filter(ended_at=None, began_at__lt=started).exclude(kind__in=OWN)
    old.update(ended_at=started)

"""Telling the administrators: the list on the first page, and one e-mail for all that began."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.urls import reverse
from django.utils import translation

from carillon.portal import mail
from carillon.portal.attention.finding import PLAN, Found, find, refused_plan
from carillon.portal.attention.models import Finding
from carillon.portal.calls.models import CallEvent
from carillon.portal.companies.models import Company, Membership

TOLD = (Membership.Role.OWNER, Membership.Role.ADMINISTRATOR)
MOST_IN_A_LETTER = 20
MOST_ON_THE_PAGE = 10
MET = {
    "empty-team": ("ring.skip-nobody", "ring.nobody-left", "ring.empty"),
    "gone": ("ring.skip-gone", "user.gone", "number.gone", "ring.empty"),
    "no-message": ("menu.none",),
}
"""How the timeline of a call tells that it met a trouble of this kind."""
BEFORE = timedelta(minutes=1)
"""A trouble may be older than its row by what passes between two looks."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A trouble as it is now, since when, and how many calls met it."""

    row: Finding
    found: Found
    met: int


def needs_attention() -> list[Shown]:
    """Return what is wrong now in the current company, the newest first; what was mended is left out."""
    rows = list(Finding.objects.filter(ended_at=None).order_by("-began_at", "-id"))
    return _shown(rows)[:MOST_ON_THE_PAGE] if rows else []


def tell(company: Company, rows: Sequence[Finding]) -> None:
    """Write one letter about all of them to each owner and administrator. Call in a transaction."""
    runs = Membership.objects.filter(company=company, role__in=TOLD).select_related("user")
    letters: dict[str, dict[str, Any]] = {}
    for user in (place.user for place in runs):
        if not user.is_active or not user.email:
            continue
        if user.language not in letters:
            letters[user.language] = _letter(company, rows, user.language)
        if letters[user.language]["troubles"]:
            mail.send("attention", user.email, user.language, letters[user.language])


def _letter(company: Company, rows: Sequence[Finding], language: str) -> dict[str, Any]:
    with translation.override(language):
        troubles = _shown(rows)
    return {
        "company": company.name,
        "count": len(troubles),
        "first": troubles[0].found.title if troubles else "",
        "troubles": [(each, mail.absolute(each.found.url)) for each in troubles[:MOST_IN_A_LETTER]],
        "more": max(0, len(troubles) - MOST_IN_A_LETTER),
        "zone": company.timezone,
        "link": mail.absolute(reverse("home")),
    }


def _shown(rows: Sequence[Finding]) -> list[Shown]:
    now = {each.key: each for each in find()}
    found = (
        (row, refused_plan(row.detail) if row.key == PLAN else now.get(row.key)) for row in rows
    )
    return [Shown(row, each, _met(row, each)) for row, each in found if each is not None]


def _met(row: Finding, found: Found) -> int:
    reasons = MET.get(row.kind)
    if reasons is None or found.number is None:
        return 0
    events = CallEvent.objects.filter(
        call__number=found.number,
        call__started_at__gte=row.began_at - timedelta(hours=1),
        at__gte=row.began_at - BEFORE,
        kind="decided",
        facts__reason__in=reasons,
    )
    return events.values("call").distinct().count()

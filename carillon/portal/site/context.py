"""What the frame around every page shows."""

from __future__ import annotations

from functools import cache
from typing import Any

from django.http import HttpRequest

from carillon.portal.accounts.models import User
from carillon.portal.companies.access import RIGHTS, memberships
from carillon.portal.companies.models import Membership
from carillon.portal.extensions.models import Person
from carillon.portal.followup import access as followup
from carillon.portal.routing.models import PersonalRow
from carillon.portal.voicemail import access as voicemail

OWN_PAGES = ("me", "me-forwarding", "calls", "voicemail")
"""Where the side bar stays one's own once somebody has gone to their own extension."""


def frame(request: HttpRequest) -> dict[str, Any]:
    """Return the reader's company, rights, own extension and unheard messages; lazily where it costs."""
    user = getattr(request, "user", None)
    membership: Membership | None = getattr(request, "membership", None)
    found: dict[str, Any] = {
        "theme": user.theme if isinstance(user, User) else request.COOKIES.get("theme", "auto"),
        "rights": RIGHTS[membership.role] if membership else frozenset(),
        "company": membership.company if membership else None,
        "own_pages": OWN_PAGES,
        "side": request.session.get("side", "") if hasattr(request, "session") else "",
    }
    if membership is not None and isinstance(user, User):
        # Templates call functions, so that a fragment without the frame asks the database for nothing.
        found["me"] = cache(lambda: Person.objects.filter(user=user).first())
        found["unheard"] = cache(lambda: voicemail.unheard(request))
        found["to_call_back"] = cache(lambda: followup.waiting(request))
        found["owed"] = cache(lambda: followup.owed(request))
        found["ringtone"] = cache(lambda: _ringtone(membership, user))
        found["companies"] = cache(lambda: list(memberships(user)))
    return found


def _ringtone(membership: Membership, user: User) -> str:
    """Return what the reader's browser rings with, "" for those that stay silent."""
    if "see-own" not in RIGHTS[membership.role]:
        return ""
    row = PersonalRow.objects.filter(person__user=user, person__deleted_at=None).first()
    return row.flow.ringtone if row else ""

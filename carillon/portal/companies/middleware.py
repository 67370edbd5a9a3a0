"""Every request of somebody who belongs to a company happens inside that company."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from zoneinfo import ZoneInfo

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone, translation

from carillon.portal.accounts.models import User
from carillon.portal.companies.access import memberships
from carillon.portal.companies.models import Membership
from carillon.portal.companies.scope import within
from carillon.portal.words import clock_of

Answer = Callable[[HttpRequest], HttpResponseBase]


class InCompany:
    """Sets the company, its clock and the reader's language for the time of one request."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer the request inside its company, if it has one."""
        user = request.user
        if not isinstance(user, User):
            return self._answer(request)
        with ExitStack() as stack:
            stack.enter_context(translation.override(user.language))
            membership = chosen(request, user)
            if membership is not None:
                zone = user.timezone or membership.company.timezone
                stack.enter_context(timezone.override(ZoneInfo(zone)))
                stack.enter_context(clock_of(twelve_hours=user.twelve_hours))
                stack.enter_context(within(membership.company))
                vars(request).update(membership=membership, company=membership.company)
            response = self._answer(request)
            response.headers["Content-Language"] = user.language
        return response


def chosen(request: HttpRequest, user: User) -> Membership | None:
    """Return the company the user last chose, or their first, or None."""
    places = list(memberships(user))
    wanted = request.session.get("company")
    return next((place for place in places if place.company_id == wanted), None) or (
        places[0] if places else None
    )

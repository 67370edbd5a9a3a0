"""The only door to a company's rows for its keys, and to the keys for people."""

from __future__ import annotations

from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest
from django.shortcuts import get_object_or_404

from carillon.portal.api.models import ApiKey
from carillon.portal.calls.access import shown
from carillon.portal.calls.models import Call
from carillon.portal.companies.access import enter
from carillon.portal.extensions.models import Person, Team
from carillon.portal.routing.models import Number

# For programs: always inside `within` the company of their key.


def calls() -> QuerySet[Call]:
    """Return the calls of the history."""
    return shown().select_related("person__user")


def numbers() -> QuerySet[Number]:
    """Return the numbers in use, oldest first."""
    return Number.objects.select_related("published", "company").order_by("id")


def people() -> QuerySet[Person]:
    """Return everybody with an extension, oldest first."""
    return Person.objects.select_related("user", "personal_row", "company").order_by("id")


def teams() -> QuerySet[Team]:
    """Return the teams with their members, oldest first."""
    members = Prefetch("members", people())
    return Team.objects.prefetch_related(members).order_by("id")


# For people, who make and revoke keys.


def keys(request: HttpRequest) -> QuerySet[ApiKey]:
    """Return the keys that open something, newest first."""
    enter(request, to="edit")
    return ApiKey.objects.filter(revoked_at=None).select_related("created_by").order_by("-id")


def key(request: HttpRequest, pk: int) -> ApiKey:
    """Return one key of the reader's company."""
    enter(request)
    found = get_object_or_404(ApiKey.objects.select_related("company"), pk=pk)
    enter(request, to="edit")
    return found

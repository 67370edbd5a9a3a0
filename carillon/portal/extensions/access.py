"""The only door to people, teams and phones."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest
from django.shortcuts import get_object_or_404
from django.utils import timezone

from carillon.portal.companies.access import enter, may
from carillon.portal.extensions.models import Device, Person, Team


def people(request: HttpRequest, to: str = "see") -> QuerySet[Person]:
    """Return the company's people by extension."""
    enter(request, to)
    return Person.objects.select_related("user").order_by("extension")


def me(request: HttpRequest) -> Person | None:
    """Return the reader's own person, None when they have no extension."""
    company = enter(request)
    return Person.objects.filter(user=company.user).first()


def person(request: HttpRequest, pk: int, to: str = "see") -> Person:
    """Return one person; everybody may see themselves."""
    company = enter(request)
    found = get_object_or_404(Person.objects.select_related("user"), pk=pk)
    if found.user_id != company.user.pk or to == "edit":
        enter(request, to)
    return found


def own_or_edited_person(request: HttpRequest, pk: int) -> Person:
    """Return a person whose availability the reader may set: their own, or anybody's with the right."""
    company = enter(request)
    found = get_object_or_404(Person.objects.all(), pk=pk)
    if found.user_id != company.user.pk and not may(request, "edit"):
        raise PermissionDenied("availability")
    return found


def deleted_person(request: HttpRequest, pk: int) -> Person:
    """Return a person removed a moment ago, to bring them back."""
    company = enter(request, "edit").company
    return get_object_or_404(Person.everywhere.exclude(deleted_at=None), company=company, pk=pk)


def teams(request: HttpRequest, to: str = "see") -> QuerySet[Team]:
    """Return the company's teams by name."""
    enter(request, to)
    return Team.objects.order_by("name")


def team(request: HttpRequest, pk: int, to: str = "see") -> Team:
    """Return one team."""
    enter(request)
    found = get_object_or_404(Team.objects.all(), pk=pk)
    enter(request, to)
    return found


def deleted_team(request: HttpRequest, pk: int) -> Team:
    """Return a team removed a moment ago, to bring it back."""
    company = enter(request, "edit").company
    return get_object_or_404(Team.everywhere.exclude(deleted_at=None), company=company, pk=pk)


def device(request: HttpRequest, pk: int, to: str = "edit") -> Device:
    """Return one phone."""
    enter(request)
    found = get_object_or_404(Device.objects.select_related("person"), pk=pk)
    enter(request, to)
    return found


def desk_device(request: HttpRequest, pk: int) -> Device:
    """Return one phone that somebody types an account into: not one in a browser."""
    found = device(request, pk)
    if found.browser:
        raise Http404("nobody types it")
    return found


def deleted_device(request: HttpRequest, pk: int) -> Device:
    """Return a phone removed a moment ago, to bring it back."""
    company = enter(request, "edit").company
    return get_object_or_404(
        Device.everywhere.exclude(deleted_at=None), company=company, pk=pk, browser=False
    )


def devices_on_line(request: HttpRequest) -> int:
    """Return how many phones are registered now."""
    enter(request)
    return Device.objects.filter(registered_at__lte=timezone.now()).count()

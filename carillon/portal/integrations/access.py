"""The only door to integrations and what was sent to them."""

from __future__ import annotations

from django.db.models import Prefetch, Q, QuerySet
from django.http import HttpRequest
from django.shortcuts import get_object_or_404

from carillon.portal.companies.access import enter
from carillon.portal.integrations.models import Delivery, Integration
from carillon.portal.routing.models import Number

MOST_SHOWN = 50


def integrations(request: HttpRequest) -> QuerySet[Integration]:
    """Return the company's integrations by name, with their numbers."""
    enter(request, to="edit")
    numbers = Prefetch("numbers", Number.objects.order_by("name"))
    return Integration.objects.order_by("name", "id").prefetch_related(numbers)


def integration(request: HttpRequest, pk: int) -> Integration:
    """Return one integration."""
    enter(request)
    found = get_object_or_404(Integration.objects.select_related("company"), pk=pk)
    enter(request, to="edit")
    return found


def deliveries(integration: Integration) -> QuerySet[Delivery]:
    """Return what was sent to one last, newest first."""
    rows = Delivery.objects.filter(integration=integration)
    return rows.order_by("-id")[:MOST_SHOWN]


def delivery(request: HttpRequest, pk: int) -> Delivery:
    """Return one thing that was sent."""
    enter(request)
    found = get_object_or_404(Delivery.objects.select_related("integration"), pk=pk)
    enter(request, to="edit")
    return found


def of_number(number: Number) -> QuerySet[Integration]:
    """Return the integrations that take a number's calls."""
    takes = Q(all_numbers=True) | Q(numbers=number)
    return Integration.objects.filter(takes).distinct().order_by("name", "id")

"""The only door to numbers, their steps and their prompts."""

from __future__ import annotations

from django.db.models import QuerySet
from django.http import Http404, HttpRequest
from django.shortcuts import get_object_or_404

from carillon.portal.companies.access import enter
from carillon.portal.routing.models import Number, Prompt, RingStep, Slot, SystemPrompt


def numbers(request: HttpRequest, to: str = "see") -> QuerySet[Number]:
    """Return the company's numbers by country and name, with their hours."""
    enter(request, to)
    return Number.objects.order_by("country", "name", "id").prefetch_related("slots")


def number(request: HttpRequest, pk: int, to: str = "see") -> Number:
    """Return one number."""
    enter(request)
    rows = Number.objects.select_related("greeting", "no_answer", "closed")
    found = get_object_or_404(rows, pk=pk)
    enter(request, to)
    return found


def steps(number: Number) -> QuerySet[RingStep]:
    """Return whom a number rings, in order."""
    return RingStep.objects.filter(number=number).select_related("person", "team")


def slots(number: Number) -> QuerySet[Slot]:
    """Return when a number is open."""
    return Slot.objects.filter(number=number)


def step(request: HttpRequest, number_pk: int, pk: int) -> RingStep:
    """Return one ring step of a number, to change it."""
    enter(request)
    rows = RingStep.objects.select_related("number", "person", "team")
    found = get_object_or_404(rows.filter(number__deleted_at=None), number_id=number_pk, pk=pk)
    enter(request, "edit")
    return found


def prompt(request: HttpRequest, pk: int) -> Prompt:
    """Return one prompt, to hear it."""
    enter(request)
    found = get_object_or_404(Prompt.objects.all(), pk=pk)
    enter(request, "see")
    return found


def sentence(request: HttpRequest, language: str, name: str) -> SystemPrompt:
    """Return one of the system's own sentences, to hear it."""
    enter(request, "see")
    found = SystemPrompt.objects.filter(language=language, name=name).first()
    if found is None:
        raise Http404("no such sentence")
    return found

"""The only door to numbers, their flows' versions and their prompts."""

from __future__ import annotations

from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest
from django.shortcuts import get_object_or_404
from django.utils import timezone

from carillon.portal.companies.access import enter
from carillon.portal.routing.models import (
    BlockedCaller,
    CompanyDay,
    FlowVersion,
    HoursOverride,
    MusicPiece,
    Number,
    Prompt,
    SystemPrompt,
)


def numbers(request: HttpRequest, to: str = "see") -> QuerySet[Number]:
    """Return the company's numbers by country and name, with their flows."""
    enter(request, to)
    return Number.objects.order_by("country", "name", "id").select_related("published")


def number(request: HttpRequest, pk: int, to: str = "see") -> Number:
    """Return one number."""
    enter(request)
    rows = Number.objects.select_related("published", "draft_by", "company")
    found = get_object_or_404(rows, pk=pk)
    enter(request, to)
    return found


def version(request: HttpRequest, number_pk: int, version: int, to: str = "see") -> FlowVersion:
    """Return one version of a number's flow."""
    enter(request)
    rows = FlowVersion.objects.select_related(
        "number__published", "number__company", "published_by"
    )
    found = get_object_or_404(
        rows.filter(number__deleted_at=None), number_id=number_pk, version=version
    )
    enter(request, to)
    return found


def versions(number: Number) -> QuerySet[FlowVersion]:
    """Return a number's versions, newest first."""
    return FlowVersion.objects.filter(number=number).select_related("published_by")


def override(number: Number) -> HoursOverride | None:
    """Return what overrides a number's hours now: its own, or the company's."""
    now = timezone.now()
    rows = HoursOverride.objects.filter(Q(number=number) | Q(number=None))
    lasting = [row for row in rows if row.until is None or row.until > now]
    return next((row for row in lasting if row.number_id), lasting[0] if lasting else None)


def company_override(request: HttpRequest) -> HoursOverride | None:
    """Return what overrides the hours of the whole company now."""
    enter(request, to="edit")
    row = HoursOverride.objects.filter(number=None).first()
    return row if row and (row.until is None or row.until > timezone.now()) else None


def company_days(request: HttpRequest) -> QuerySet[CompanyDay]:
    """Return the exceptions of the whole company."""
    enter(request, to="edit")
    return CompanyDay.objects.order_by("first", "id")


def company_day(request: HttpRequest, pk: int) -> CompanyDay:
    """Return one of them, to remove it."""
    enter(request)
    found = get_object_or_404(CompanyDay.objects.select_related("company"), pk=pk)
    enter(request, "edit")
    return found


def blocked_callers(request: HttpRequest) -> QuerySet[BlockedCaller]:
    """Return who is hung up on."""
    enter(request, to="edit")
    return BlockedCaller.objects.select_related("by").order_by("pattern")


def blocked_caller(request: HttpRequest, pk: int) -> BlockedCaller:
    """Return one of them, to let them through."""
    enter(request)
    found = get_object_or_404(BlockedCaller.objects.select_related("company"), pk=pk)
    enter(request, "edit")
    return found


def piece(request: HttpRequest, pk: int) -> MusicPiece:
    """Return a piece of music of the company's own, to remove it."""
    enter(request)
    found = get_object_or_404(MusicPiece.objects.select_related("company"), pk=pk)
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
    # Music has no language; "-" stands for that in addresses.
    spoken = language.removeprefix("-")
    found = SystemPrompt.objects.filter(language=spoken, name=name).first()
    if found is None:
        raise Http404("no such sentence")
    return found

"""The only door to calls and their sound."""

from __future__ import annotations

from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.shortcuts import get_object_or_404

from carillon.portal.calls.models import Call, CallParty, Recording
from carillon.portal.companies.access import enter, may
from carillon.portal.extensions.models import Person
from carillon.schema.events import SHOWN_PURPOSES


def shown() -> QuerySet[Call]:
    """Return the calls of a company that are shown to anybody, newest first."""
    rows = Call.objects.filter(purpose__in=SHOWN_PURPOSES)
    return rows.select_related("number", "person").order_by("-started_at", "-id")


def calls(request: HttpRequest) -> QuerySet[Call]:
    """Return the calls the reader may see, newest first: everybody's, or those they took part in."""
    inside = enter(request)
    found = shown()
    if may(request, "see"):
        return found
    mine = CallParty.objects.filter(person__in=Person.objects.filter(user=inside.user))
    return found.filter(pk__in=mine.values("call_id"))


def named(rows: QuerySet[Call]) -> QuerySet[Call]:
    """Give calls inside the company `called_name`: who has the extension that was dialled, and was rung.

    Whoever has got that extension since then was not.
    """
    rung = CallParty.objects.filter(call=OuterRef("pk"), person__extension=OuterRef("called"))
    return rows.annotate(called_name=Subquery(rung.values("person__name")[:1]))


def call(request: HttpRequest, pk: str) -> Call:
    """Return one call."""
    return get_object_or_404(named(calls(request)), pk=pk)


def recordings(call: Call) -> QuerySet[Recording]:
    """Return what was recorded of a call."""
    return Recording.objects.filter(call=call).order_by("id")


def recording(request: HttpRequest, pk: str, to: str = "see-own") -> Recording:
    """Return one recording of a call the reader may see."""
    enter(request)
    rows = Recording.objects.select_related("call")
    found = get_object_or_404(rows.filter(call__in=calls(request)), pk=pk)
    enter(request, to)
    return found

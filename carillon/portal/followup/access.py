"""The only door to tags and callbacks."""

from __future__ import annotations

from django.db.models import QuerySet
from django.http import HttpRequest
from django.shortcuts import get_object_or_404

from carillon.flows.people import members
from carillon.portal.companies.access import enter, may
from carillon.portal.extensions.models import Person
from carillon.portal.followup.models import Callback, OwedTag, Tag
from carillon.portal.routing.current import current_plan, ring_nodes

WAITING = (Callback.State.OPEN, Callback.State.QUEUED)


def tags(request: HttpRequest) -> QuerySet[Tag]:
    """Return the tags that can be put on calls, by name; the system's own first."""
    enter(request)
    return Tag.objects.order_by("-system", "name")


def tag(request: HttpRequest, pk: int) -> Tag:
    """Return one tag for being changed."""
    enter(request, to="edit")
    return get_object_or_404(Tag.objects.all(), pk=pk)


def callbacks(request: HttpRequest) -> QuerySet[Callback]:
    """Return who is to be called back: everybody's, or those of numbers that ring the reader."""
    inside = enter(request)
    found = Callback.objects.select_related("number", "call", "done_by", "answered_by__person")
    if may(request, "see"):
        return found
    return found.filter(number__in=_numbers_of(request) if inside.user else [])


def callback(request: HttpRequest, pk: int) -> Callback:
    """Return one of them."""
    return get_object_or_404(callbacks(request), pk=pk)


def waiting(request: HttpRequest) -> int:
    """Return how many people wait to be called back by the reader."""
    if not may(request, "see-own"):
        return 0
    return callbacks(request).filter(state__in=WAITING).count()


def owed(request: HttpRequest) -> OwedTag | None:
    """Return the call the reader must tag before another one rings."""
    if not may(request, "see-own"):
        return None
    user = enter(request).user
    mine = OwedTag.objects.filter(person__user=user).select_related("call")
    return mine.order_by("call__started_at").first()


def _numbers_of(request: HttpRequest) -> list[int]:
    inside = enter(request)
    me = Person.objects.filter(user=inside.user).first()
    if me is None:
        return []
    plan = current_plan(inside.company)
    return [
        int(number.id.removeprefix("n"))
        for number in plan.numbers
        for node in ring_nodes(plan, number.id)
        if any(me.key in members(plan, step.target) for step in node.steps)
    ]

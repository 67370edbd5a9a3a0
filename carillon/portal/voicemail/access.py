"""The only door to voicemail messages and their boxes."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count, Q, QuerySet
from django.http import Http404, HttpRequest
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _

from carillon.portal.companies.access import enter, may
from carillon.portal.extensions.models import Person, Team
from carillon.portal.routing.models import Number
from carillon.portal.voicemail.models import Message


@dataclass(frozen=True, slots=True)
class Box:
    """A box the reader may open."""

    key: str
    name: str
    icon: str
    unheard: int = 0


def boxes(request: HttpRequest) -> list[Box]:
    """Return the boxes of numbers, teams and people.

    A user's: their own, those of their teams, and those of numbers that ring them.
    """
    enter(request)
    # Their names alone: a company has a thousand.
    numbers = Number.objects.only("name").order_by("name")
    people = Person.objects.only("name").order_by("name")
    teams = Team.objects.only("name").order_by("name")
    if not may(request, "see"):
        me = Person.objects.filter(user=enter(request).user).first()
        rings_me = Q(rungs__person=me) | Q(rungs__team__members=me, rungs__team__deleted_at=None)
        numbers = numbers.filter(rings_me).distinct() if me else numbers.none()
        teams = teams.filter(members=me) if me else teams.none()
        people = people.filter(pk=me.pk) if me else people.none()
    counts = dict(
        Message.objects.filter(heard_at=None).values_list("box").annotate(Count("pk")).order_by()
    )
    return [
        Box(row.box, name % {"name": row.name}, icon, counts.get(row.box, 0))
        for icon, name, rows in (
            ("hash", "%(name)s", numbers),
            ("users", _("Team %(name)s"), teams),
            ("user", "%(name)s", people),
        )
        for row in rows
    ]


def messages(request: HttpRequest) -> QuerySet[Message]:
    """Return the messages the reader may hear, newest first."""
    found = Message.objects.select_related("call").order_by("-at", "-id")
    if may(request, "see"):
        return found
    return found.filter(box__in=[box.key for box in boxes(request)])


def message(request: HttpRequest, pk: int) -> Message:
    """Return one message."""
    enter(request)
    return get_object_or_404(messages(request), pk=pk)


def deleted(request: HttpRequest) -> QuerySet[Message]:
    """Return what was deleted and is not erased yet, last deleted first."""
    found = Message.everywhere.exclude(deleted_at=None).filter(company=enter(request).company)
    found = found.select_related("call").order_by("-deleted_at", "-id")
    if may(request, "see"):
        return found
    return found.filter(box__in=[box.key for box in boxes(request)])


def deleted_message(request: HttpRequest, pk: int) -> Message:
    """Return a deleted message, to bring it back."""
    return get_object_or_404(deleted(request), pk=pk)


def unheard(request: HttpRequest) -> int:
    """Return how many messages wait for the reader."""
    return messages(request).filter(heard_at=None).count()


def sound_place(request: HttpRequest, pk: int) -> str:
    """Return where a message's sound lies, relative to the recordings; 404 when there is none."""
    enter(request)
    # Who wonders whether to bring one back may hear it.
    found = messages(request).filter(pk=pk).first() or deleted_message(request, pk)
    kept = found.call.recordings.filter(pk=found.recording, deleted_at=None).first()
    if kept is None:
        raise Http404("no sound")
    return kept.path

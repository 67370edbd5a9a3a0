"""The figures of the day, and what is left to set up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Avg, Count, Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from carillon.portal.calls.models import Call
from carillon.portal.companies.models import Company
from carillon.portal.extensions import access
from carillon.portal.extensions.models import Device, Person
from carillon.portal.routing.models import Number, Rung

MISSED = ("missed", "abandoned")


@dataclass(frozen=True, slots=True)
class Task:
    """One line of the set-up checklist."""

    text: str
    done: bool
    url: str


@dataclass(frozen=True, slots=True)
class Hour:
    """One bar of the day: how many calls were taken and missed, and their heights in percent."""

    hour: int
    taken: int
    missed: int
    taken_height: int
    missed_height: int


def figures(calls: QuerySet[Call]) -> dict[str, Any]:
    """Return today's counts of the calls a reader may see."""
    midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    inbound = Q(direction="inbound")
    found = (
        calls.filter(started_at__gte=midnight)
        .order_by()
        .aggregate(
            all=Count("pk"),
            inbound=Count("pk", filter=inbound),
            answered=Count("pk", filter=inbound & Q(outcome="answered")),
            missed=Count("pk", filter=inbound & Q(outcome__in=MISSED)),
            voicemail=Count("pk", filter=inbound & Q(outcome="voicemail")),
            blocked=Count("pk", filter=inbound & Q(outcome="blocked")),
            live=Count("pk", filter=Q(outcome="")),
            waiting=Avg("waiting_seconds", filter=inbound & Q(outcome="answered")),
        )
    )
    open_calls = found["inbound"] - found["live"] - found["blocked"]
    found["share"] = round(100 * found["answered"] / open_calls) if open_calls > 0 else None
    return found


def hours(calls: QuerySet[Call], now: datetime) -> list[Hour]:
    """Return the day's calls hour by hour, as bars."""
    midnight = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)
    rows = calls.filter(started_at__gte=midnight, started_at__lt=midnight + timedelta(days=1))
    counts = {hour: [0, 0] for hour in range(7, 21)}
    for started, outcome in rows.order_by().values_list("started_at", "outcome"):
        hour = timezone.localtime(started).hour
        if hour in counts:
            counts[hour][outcome in MISSED] += 1
    most = max((sum(pair) for pair in counts.values()), default=0) or 1
    return [
        Hour(hour, taken, missed, round(100 * taken / most), round(100 * missed / most))
        for hour, (taken, missed) in counts.items()
    ]


def checklist(request: HttpRequest, company: Company) -> list[Task]:
    """Return what makes a company reachable, done or not."""
    first = Number.objects.order_by("id").first()
    number_url = reverse("number", args=[first.pk]) if first else reverse("new-number")
    flows = [number.flow for number in Number.objects.select_related("published")]
    has_greeting = any(flow.greeting or flow.menu.message for flow in flows)
    tasks = [
        Task(_("Add your colleagues"), Person.objects.count() > 1, reverse("people")),
        Task(_("Add a number"), first is not None, reverse("new-number")),
        Task(_("Choose who it rings"), Rung.objects.exists(), f"{number_url}?step=ring"),
        Task(_("Write a greeting"), has_greeting, f"{number_url}?step=greeting"),
        Task(
            _("Connect a phone"),
            Device.objects.exclude(registered_at=None).exists(),
            reverse("phone" if access.me(request) else "people"),
        ),
    ]
    return [] if all(task.done for task in tasks) or company.demo else tasks

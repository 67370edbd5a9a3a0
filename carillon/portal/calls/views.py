"""The history, one call, and its sound."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from carillon.portal.calls import access, actions, controls, filters
from carillon.portal.calls.apply import read_event
from carillon.portal.calls.endings import ending
from carillon.portal.calls.models import Call, CallEvent, Recording
from carillon.portal.calls.timeline import Teller, names_of
from carillon.portal.companies.access import enter, may
from carillon.portal.extensions.models import Person
from carillon.portal.routing.models import Number
from carillon.portal.sound import CALL_BARS, answer_sound, open_below, peaks, safe_path


@require_GET
def calls(request: HttpRequest) -> HttpResponse:
    """List the calls the filters let through, newest first."""
    inside = enter(request)
    wanted = filters.read_filters(request.GET)
    found = filters.narrow(access.calls(request), wanted, inside.company.country)
    counted = found.order_by()[: filters.MOST_COUNTED + 1].count()
    shown = filters.after_place(found, request.GET.get("before", ""))
    rows = list(access.named(shown)[: filters.CALLS_PER_PAGE + 1])
    more = len(rows) > filters.CALLS_PER_PAGE
    rows = rows[: filters.CALLS_PER_PAGE]
    context: dict[str, Any] = {
        "calls": rows,
        "filters": wanted,
        "counted": min(counted, filters.MOST_COUNTED),
        "more_than_counted": counted > filters.MOST_COUNTED,
        "next": filters.place_of(rows[-1]) if more else "",
        "begins": "before" not in request.GET,
        "outcomes": [choice for choice in Call.Outcome.choices if choice[0]],
        "directions": Call.Direction.choices,
        "numbers": Number.objects.order_by("name").only("name"),
        "people": Person.objects.order_by("name").only("name") if may(request, "see") else (),
        "nav": "calls",
    }
    return render(request, "calls/calls.html", context)


@require_GET
def call(request: HttpRequest, pk: str) -> HttpResponse:
    """Tell one call."""
    found = access.call(request, pk)
    events = [read_event(row) for row in CallEvent.objects.filter(call=found).order_by("seq")]
    teller = Teller(found, names_of(found.company_id, events))
    context = {
        "call": found,
        "detail": ending(found.detail),
        "lines": teller.tell(events),
        "sounds": [_drawn(row) for row in access.recordings(found)],
        "nav": "calls",
        **controls.context_of(request, found),
    }
    return render(request, "calls/call.html", context)


@require_GET
def recording_sound(request: HttpRequest, pk: str) -> HttpResponseBase:
    """Play a recording; where it lies comes from its row, never from the address."""
    found = access.recording(request, pk)
    file = open_below(settings.CONFIG.recordings, found.path)
    kind = Path(found.path).suffix
    return answer_sound(request, file, f"{found.call.started_at:%Y-%m-%d-%H%M}{kind}")


@require_POST
def delete_recording(request: HttpRequest, pk: str) -> HttpResponse:
    """Delete a recording's sound for good."""
    found = access.recording(request, pk, to="edit")
    actions.delete_recording(found, by=enter(request).user)
    messages.success(request, _("The recording is deleted."))
    return redirect("call", found.call_id)


def _drawn(row: Recording) -> dict[str, Any]:
    file = safe_path(settings.CONFIG.recordings, row.path)
    return {"row": row, "heights": row.heights or peaks(file, CALL_BARS)}


@require_GET
def call_json(request: HttpRequest, pk: str) -> JsonResponse:
    """Tell one call to a program: its facts, and every decision with its reason and the plan's version."""
    found = access.call(request, pk)
    events = [read_event(row) for row in CallEvent.objects.filter(call=found).order_by("seq")]
    lines = Teller(found, names_of(found.company_id, events)).tell(events)
    return JsonResponse(
        {
            "id": found.pk,
            "direction": found.direction,
            "caller": found.caller,
            "called": found.called,
            "number": found.number.e164 if found.number else None,
            "started_at": found.started_at,
            "answered_at": found.answered_at,
            "ended_at": found.ended_at,
            "outcome": found.outcome or None,
            "plan_version": found.plan_version,
            "timeline": [{"at": line.at, "text": line.text, "minor": line.minor} for line in lines],
            "events": [msgspec.to_builtins(event) for event in events],
        }
    )

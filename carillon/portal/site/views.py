"""Pages about the whole portal: home, search, the operator's page, health, errors."""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from carillon.portal.attention.telling import needs_attention
from carillon.portal.calls import access as calls
from carillon.portal.calls.models import JournalCursor, Trouble
from carillon.portal.calls.troubles import open_troubles, told
from carillon.portal.companies.access import enter, may, staff
from carillon.portal.companies.models import Company
from carillon.portal.routing.internal import plan_index
from carillon.portal.site import today
from carillon.portal.site.health import look
from carillon.portal.site.search import search as find
from carillon.portal.wizard.frame import is_open

RECENT_CALLS = 8
RECENT_TROUBLES = 20


@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """Show today."""
    if getattr(request, "membership", None) is None:
        return render(request, "no_company.html", {"nav": "home"})
    if not may(request, "see-own"):
        return redirect("billing")
    inside = enter(request)
    request.session.pop("side", None)
    found = calls.calls(request)
    context = {
        "figures": today.figures(found),
        "hours": today.hours(found, timezone.now()),
        "calls": list(calls.named(found)[:RECENT_CALLS]),
        "set_up_open": is_open(inside.company, inside.user),
        "tasks": today.checklist(request, inside.company) if may(request, "edit") else [],
        "attention": needs_attention() if may(request, "edit") else [],
        "troubles": open_troubles(inside.company) if may(request, "edit") else [],
        "nav": "home",
    }
    return render(request, "home.html", context)


@require_GET
def search(request: HttpRequest) -> HttpResponse:
    """Answer the lines of the Ctrl K dialog."""
    enter(request)
    text = request.GET.get("q", "").strip()[:60]
    return render(request, "_found.html", {"groups": find(request, text), "q": text})


@require_GET
def operator(request: HttpRequest) -> HttpResponse:
    """Show the system to who runs it."""
    staff(request)
    health = look()
    context: dict[str, Any] = {
        "health": health,
        "since": _moment(health.status.started_at) if health.status else None,
        "live": [(call, _moment(call.started_at)) for call in _live(health.status)],
        "canary_at": _moment(health.canary.at) if health.canary else None,
        "troubles": [told(row) for row in Trouble.objects.order_by("-began_at")[:RECENT_TROUBLES]],
        "cursor": JournalCursor.objects.first(),
        "trunks": plan_index().trunks,
        "companies": Company.objects.order_by("name"),
        "config": settings.CONFIG,
        "nav": "operator",
    }
    return render(request, "operator.html", context)


@login_not_required
@never_cache
@require_GET
def healthz(request: HttpRequest) -> HttpResponse:
    """Answer monitors: 200 when a call would go through, else 503 and why."""
    health = look()
    canary = health.canary
    facts = {
        "healthy": not health.reasons,
        "reasons": [str(reason) for reason in health.reasons],
        "switch": health.status is not None,
        "media": bool(health.status and health.status.media_connected),
        "canary_age_seconds": None if health.canary_age is None else round(health.canary_age, 1),
        "canary_setup_ms": canary.setup_ms if canary else None,
    }
    status = HTTPStatus.SERVICE_UNAVAILABLE if health.reasons else HTTPStatus.OK
    return JsonResponse(facts, status=status)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Say who can grant what is missing."""
    return render(request, "403.html", status=403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Say that nothing is here, and offer the ways on."""
    return render(request, "404.html", status=404)


def server_error(request: HttpRequest) -> HttpResponse:
    """Say that it is our fault, without asking the database for anything."""
    body = (settings.PORTAL / "site" / "templates" / "500.html").read_text()
    return HttpResponse(body, status=500)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Say that the form is too old, and what to do."""
    return render(request, "403_csrf.html", status=403)


def _live(status: Any) -> Any:
    return status.calls if status else ()


def _moment(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)

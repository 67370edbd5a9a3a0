"""Stage 3 of the set-up: everything once more, then a call that proves it (R70–R74)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from carillon.portal import mail
from carillon.portal.accounts.models import User
from carillon.portal.companies.access import enter, may
from carillon.portal.extensions.models import Person
from carillon.portal.routing.company_numbers import fax_number, main_number
from carillon.portal.routing.models import Trunk
from carillon.portal.wizard import company, frame
from carillon.portal.wizard.steps import step_named

PEOPLE_SHOWN = 12
APPOINTMENT_HOUR = 9


def review(request: HttpRequest) -> HttpResponse:
    """Show every setting with a way to change it (R70); confirm (R72)."""
    inside = frame.enter_step(request, "review")
    if request.method == "POST":
        return frame.go_on(request, "review")
    context: dict[str, Any] = {"manager": may(request, "edit"), "me": frame.me(request)}
    if context["manager"]:
        number = main_number()
        context |= {
            "number": number,
            "fax": fax_number(),
            "people": Person.objects.select_related("user").order_by("extension")[:PEOPLE_SHOWN],
            "people_count": Person.objects.count(),
            "operator": company.operator_of(number) if number else None,
            "greeting": company.greeting_of(number) if number else None,
            "company_row": inside.company,
        }
        context["heights"] = company.peaks_of(context["greeting"])
    context["sections"] = [each(request) for each in SECTIONS]
    return frame.show(request, "review", "wizard/review.html", context)


SECTIONS: list[Any] = []
"""What the steps of the second stage have to show: each returns title, url and lines."""


@require_http_methods(["GET", "POST"])
def everywhere(request: HttpRequest) -> HttpResponse:
    """Show where the phone can be used (R73); the set-up ends here."""
    frame.enter_step(request, "apps")
    if request.method == "POST":
        frame.go_on(request, "apps")
        return frame.finish(request)
    context = {"me": frame.me(request), "sip_port": settings.CONFIG.sip_port}
    return frame.show(request, "apps", "wizard/apps.html", context)


@require_GET
def done(request: HttpRequest) -> HttpResponse:
    """Congratulations (R74): a test call, an appointment, and what is left."""
    enter(request)
    row = frame.progress(request)
    context = {
        "number": main_number(),
        "sandbox": not Trunk.objects.exists(),
        "manager": may(request, "edit"),
        "skipped": [step_named(name) for name in row.skipped],
    }
    return render(request, "wizard/done.html", context)


# -- the appointment -----------------------------------------------------------------------------


@require_http_methods(["POST"])
def appointment(request: HttpRequest) -> HttpResponse:
    """Ask the operator of this system for a conversation: a calendar file, and an e-mail to them."""
    inside = enter(request)
    day = timezone.localtime() + timedelta(days=1)
    while day.weekday() >= 5:
        day += timedelta(days=1)
    begins = day.replace(hour=APPOINTMENT_HOUR, minute=0, second=0, microsecond=0)
    context = {
        "who": inside.user.name,
        "company": inside.company.name,
        "email": inside.user.email,
        "mobile": inside.user.mobile,
        "begins": begins,
    }
    for operator in User.objects.filter(is_staff=True, is_active=True).order_by("id")[:5]:
        mail.send("appointment", operator.email, operator.language, context)
    text = _calendar(begins, _("Carillon: first steps with %(company)s") % context)
    answer = HttpResponse(text, content_type="text/calendar; charset=utf-8")
    answer["Content-Disposition"] = 'attachment; filename="carillon.ics"'
    return answer


def _calendar(begins: datetime, title: str) -> str:
    """Return one event of half an hour as iCalendar (RFC 5545)."""
    form = "%Y%m%dT%H%M%SZ"
    start, end = begins.astimezone(UTC), (begins + timedelta(minutes=30)).astimezone(UTC)
    summary = title.replace("\\", "\\\\").replace(";", r"\;").replace(",", r"\,").replace("\n", " ")
    lines = (
        *("BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Carillon//Set-up//EN", "BEGIN:VEVENT"),
        f"UID:{start:%Y%m%dT%H%M%S}-carillon",
        f"DTSTAMP:{timezone.now().astimezone(UTC):{form}}",
        f"DTSTART:{start:{form}}",
        f"DTEND:{end:{form}}",
        f"SUMMARY:{summary}",
        *("END:VEVENT", "END:VCALENDAR", ""),
    )
    return "\r\n".join(lines)

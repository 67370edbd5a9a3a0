"""The page that is a phone: whoever has an extension answers and places calls without any device."""

from __future__ import annotations

from urllib.parse import urlsplit

from csp.constants import SELF
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.templatetags.static import static
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from carillon.portal.companies.access import enter
from carillon.portal.extensions import access, browsers
from carillon.portal.extensions.credentials import REALM
from carillon.portal.extensions.models import Person
from carillon.portal.routing.models import PersonalRow
from carillon.portal.softphone.words import words

MOST_COLLEAGUES = 6
USUAL_RINGTONE = "classic"
"""Of whoever chose none: an open page may stay silent, a telephone may not."""


@require_GET
@never_cache
def phone(request: HttpRequest) -> HttpResponse:
    """Show the phone: a window of its own, so that calls outlive the pages behind it."""
    person = access.me(request)
    if person is None:
        return redirect("home")
    row = PersonalRow.objects.filter(person=person).first()
    facts = {
        "url": _switch_url(request),
        "ringtone": (row.flow.ringtone if row else "") or USUAL_RINGTONE,
        "on": reverse("phone-on"),
        "off": reverse("phone-off"),
        "colleagues": reverse("phone-colleagues", args=[person.pk]),
        "person": person.pk,
        "extension": person.extension,
        "icon": static("app/phone-192.png"),
        "words": words(),
    }
    # A browser trusts no certificate of our own making, and says nothing of it to the page.
    untrusted = request.is_secure() and settings.CONFIG.tls_cert is None
    context = {"person": person, "facts": facts, "untrusted": untrusted}
    response = render(request, "softphone/phone.html", context)
    response._csp_update = {"connect-src": [SELF, _switch_url(request)]}  # type: ignore[attr-defined]  # django-csp reads it
    return response


@require_POST
@never_cache
def turn_on(request: HttpRequest) -> JsonResponse:
    """Give the browser of the person themselves what its phone signs in with."""
    person = _myself(request)
    device = browsers.turn_on(person, by=enter(request).user)
    return JsonResponse(
        {
            "username": device.username,
            "ha1": device.ha1_md5,
            "realm": REALM,
            "domain": settings.CONFIG.host,
        }
    )


@require_POST
def turn_off(request: HttpRequest) -> HttpResponse:
    """Make what the phone signs in with worthless."""
    browsers.turn_off(_myself(request), by=enter(request).user)
    return HttpResponse(status=204)


@require_GET
@never_cache
def colleagues(request: HttpRequest, pk: int) -> JsonResponse:
    """Return whom a few letters mean, as a company's own directory does: names and extensions only.

    `pk`: whose phone asks; 404 once the reader is somebody else, in another company of theirs.
    """
    person, text = _myself(request), request.GET.get("q", "").strip()[:60]
    if person.pk != pk:
        raise Http404("another person's phone")
    found = Person.objects.exclude(pk=person.pk).order_by("name")
    matches = found.filter(Q(name__icontains=text) | Q(extension__startswith=text))
    rows = matches.values("name", "extension")[:MOST_COLLEAGUES] if text else ()
    return JsonResponse({"found": list(rows)})


@require_GET
@login_not_required
def manifest(request: HttpRequest) -> JsonResponse:
    """Describe the phone as an app that can be put on a desktop or a home screen."""
    icons = [
        {"src": static(f"app/phone-{size}.png"), "sizes": f"{size}x{size}", "type": "image/png"}
        for size in (192, 512)
    ]
    vector = {"src": static("app/favicon.svg"), "sizes": "any", "type": "image/svg+xml"}
    about = {
        "name": _("Carillon phone"),
        "short_name": "Carillon",
        "start_url": reverse("phone"),
        "scope": "/",
        "id": "/phone",
        "display": "standalone",
        "background_color": "#0b6069",
        "theme_color": "#0b6069",
        "icons": [*icons, vector],
    }
    return JsonResponse(about, content_type="application/manifest+json")


def _switch_url(request: HttpRequest) -> str:
    """Return where the switch takes WebSockets, at the name this page was reached by."""
    host = urlsplit(f"//{request.get_host()}").hostname or settings.CONFIG.host
    host = f"[{host}]" if ":" in host else host
    if request.is_secure():
        return f"wss://{host}:{settings.CONFIG.sip_wss_port}"
    return f"ws://{host}:{settings.CONFIG.sip_ws_port}"


def _myself(request: HttpRequest) -> Person:
    person = access.me(request)
    if person is None:
        raise Http404("no extension")
    return person

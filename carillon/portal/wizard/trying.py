"""The call that proves the set-up: an outside phone calls the company, heard while it goes on.

The browser is that phone: it plays what comes, has its keys, and hangs up. Only in the sandbox.
"""

from __future__ import annotations

from asgiref.sync import sync_to_async
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from carillon.portal import pretend
from carillon.portal.companies.access import enter
from carillon.portal.routing.company_numbers import main_number
from carillon.portal.routing.models import Number, Trunk

OUTSIDE_PHONE = "+33639980123"
LONGEST_SECONDS = 180.0
KEYS = ("1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "0", "#")
CALL = "test-call"
"""In the session: the outside phone this browser is."""


@never_cache
@require_http_methods(["GET", "POST"])
def test_call(request: HttpRequest) -> HttpResponse:
    """Place the call, or say how it is."""
    number = _number(request)
    phone = _phone(request)
    state = _state(phone)
    if request.method == "POST" and state in ("", "over", "failed"):
        made = pretend.dial(number.e164, OUTSIDE_PHONE, LONGEST_SECONDS)
        phone, state = (made.phone, made.state) if made else (0, "failed")
        request.session[CALL] = phone
    context = {"state": state, "number": number, "keys": KEYS}
    return render(request, "wizard/_test_call.html", context)


@never_cache
@require_GET
def test_call_state(request: HttpRequest) -> HttpResponse:
    """Say how the call is; once it is over, the whole panel with its keys gives way."""
    number = _number(request)
    state = _state(_phone(request)) or "failed"
    context = {"state": state, "number": number, "keys": KEYS}
    if state in ("ringing", "talking"):
        return render(request, "wizard/_test_state.html", context)
    response = render(request, "wizard/_test_call.html", context)
    response.headers["HX-Retarget"] = "#test-call"
    return response


@require_POST
def use_test_call(request: HttpRequest) -> HttpResponse:
    """Press a key, or hang up."""
    _number(request)
    key = request.POST.get("key", "")
    if key in KEYS:
        pretend.do(_phone(request), "press", key)
    elif request.POST.get("do") == "hang-up":
        pretend.do(_phone(request), "hang-up")
    asked_by_page = "HX-Request" in request.headers
    return HttpResponse(status=204) if asked_by_page else redirect("wizard-done")


@never_cache
async def test_call_sound(request: HttpRequest) -> HttpResponseBase:
    """Stream what the outside phone hears."""
    phone = await sync_to_async(_heard_phone)(request)
    response = StreamingHttpResponse(pretend.sound(phone), content_type="audio/wav")
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Accel-Buffering"] = "no"
    return response


def _heard_phone(request: HttpRequest) -> int:
    enter(request, to="edit")
    phone = _phone(request)
    if not _state(phone):
        raise Http404("no test call")
    return phone


def _number(request: HttpRequest) -> Number:
    enter(request, to="edit")
    number = main_number()
    if number is None or Trunk.objects.exists():
        raise Http404("no sandbox")
    return number


def _phone(request: HttpRequest) -> int:
    return int(request.session.get(CALL, 0))


def _state(phone: int) -> str:
    """Return ringing, talking, over, failed when nobody answered, or "" when there was no call."""
    found = pretend.do(phone, "look") if phone else None
    if found is None:
        return ""
    return "failed" if found.state == "over" and found.status != 200 else found.state

"""The frame of every address under /v1: who asks, how often, whether they may, and errors of one shape.

An error is `{"error": "<id>", "message": "<what to do, in the asker's language>"}`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import wraps
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt

from carillon.portal.api.allowance import MOST_A_MINUTE, Taken, take
from carillon.portal.api.keys import key_of, note_use
from carillon.portal.api.models import ApiKey
from carillon.portal.companies.scope import within
from carillon.portal.refused import Refused

LONGEST_LANGUAGES = 200
STATUSES = {"no-switch": 503, "bad-number": 400, "bad-value": 400}
"""Of what is refused: 409 where nothing else is said, for what another moment would allow."""
View = Callable[..., HttpResponse]


def endpoint(scope: str = "", method: str = "GET") -> Callable[[View], View]:
    """Make a view an address of the API. `scope`: what the key must be allowed to do, "" for nothing."""

    def decorate(view: View) -> View:
        @csrf_exempt
        @login_not_required
        @wraps(view)
        def answer(request: HttpRequest, **wanted: Any) -> HttpResponse:
            with translation.override(_language(request)):
                response = _answer(view, request, wanted, scope, method)
            response.headers["Cache-Control"] = "no-store"
            response.headers["Vary"] = "Authorization, Accept-Language"
            return response

        return answer

    return decorate


def base_of(request: HttpRequest) -> str:
    """Return the portal's address: the configured one, else the one the asker used."""
    return settings.CONFIG.url or f"{request.scheme}://{request.get_host()}"


def fail(status: int, error: str, text: str) -> HttpResponse:
    """Answer an error."""
    return JsonResponse({"error": error, "message": text}, status=status)


def _answer(
    view: View, request: HttpRequest, wanted: dict[str, Any], scope: str, method: str
) -> HttpResponse:
    key = key_of(request.headers.get("Authorization", ""))
    if key is None:
        refusal = fail(401, "no-key", _("Send a valid key: Authorization: Bearer <key>."))
        refusal.headers["WWW-Authenticate"] = 'Bearer realm="Carillon", Basic realm="Carillon"'
        return refusal
    taken = take(key.hash)
    response = _allowed(view, request, key, wanted, scope, method) if taken.allowed else _later()
    return _counted(response, taken)


def _allowed(
    view: View, request: HttpRequest, key: ApiKey, wanted: dict[str, Any], scope: str, method: str
) -> HttpResponse:
    note_use(key)
    if method and request.method != method:
        wrong = fail(405, "wrong-method", _("This address wants another method."))
        wrong.headers["Allow"] = method
        return wrong
    if scope and scope not in key.scopes:
        return fail(403, "no-scope", _("This key may not do this: make one that may."))
    with ExitStack() as stack:
        stack.enter_context(within(key.company))
        stack.enter_context(timezone.override(ZoneInfo(key.company.timezone)))
        try:
            return view(request, **wanted)
        except Http404:
            return fail(404, "not-found", _("There is nothing here: check the address and the id."))
        except Refused as refused:
            return fail(STATUSES.get(refused.id, 409), refused.id, refused.text)


def _later() -> HttpResponse:
    text = _("Too many requests: a key may ask %(most)s times a minute.") % {"most": MOST_A_MINUTE}
    return fail(429, "too-many-requests", text)


def _counted(response: HttpResponse, taken: Taken) -> HttpResponse:
    """Say in the headers what is left of the minute."""
    wait = max(1, round(taken.resets_in))
    response.headers["X-RateLimit-Limit"] = str(MOST_A_MINUTE)
    response.headers["X-RateLimit-Remaining"] = str(taken.left)
    response.headers["X-RateLimit-Reset"] = str(int(time.time()) + wait)
    if not taken.allowed:
        response.headers["Retry-After"] = str(wait)
    return response


def _language(request: HttpRequest) -> str:
    """Return the first language asked for that there is; English where there is none."""
    asked = request.headers.get("Accept-Language", "")[:LONGEST_LANGUAGES]
    known = dict(settings.LANGUAGES)
    for part in asked.split(","):
        tag = part.split(";")[0].strip().lower()[:2]
        if tag in known:
            return tag
    return "en"

"""The addresses under /v1."""

from __future__ import annotations

from typing import Any

import msgspec
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _

from carillon.portal.api import access
from carillon.portal.api.answering import base_of, endpoint, fail
from carillon.portal.api.models import Scope
from carillon.portal.api.paging import listed, moment, one_of, order, whole
from carillon.portal.calls import shapes, under_way
from carillon.portal.calls.models import Call
from carillon.portal.companies.scope import current_company
from carillon.portal.refused import Refused
from carillon.portal.routing.calendars import load_calendar
from carillon.portal.routing.models import Rung

LARGEST_ID = 2**63 - 1
LONGEST_WISH = 2000
MOST_MEMBERS = 1000


@endpoint()
def ping(request: HttpRequest) -> HttpResponse:
    """Say that the key is good."""
    return JsonResponse({"ping": "pong"})


@endpoint()
def company(request: HttpRequest) -> HttpResponse:
    """Tell whose key this is."""
    found = current_company()
    facts = {
        "id": found.pk,
        "name": found.name,
        "country": found.country,
        "time_zone": found.timezone,
        "language": found.language,
        "users_count": access.people().count(),
        "numbers_count": access.numbers().count(),
    }
    return JsonResponse({"company": facts})


@endpoint(Scope.CALLS)
def calls(request: HttpRequest) -> HttpResponse:
    """List calls, oldest first: of a time, a direction, a number, a telephone number outside."""
    base = base_of(request)
    rows = _wanted(request, access.calls())
    newest = order(request) == "desc"
    rows = rows.order_by(*(("-started_at", "-id") if newest else ("started_at", "id")))
    return listed(request, "calls", rows, lambda call: shapes.call_shape(call, base))


@endpoint(Scope.CALLS)
def call(request: HttpRequest, pk: str) -> HttpResponse:
    """Tell one call with its timeline: every decision in words, and the plan it followed."""
    found = get_object_or_404(access.calls(), pk=pk)
    told = {**shapes.call_shape(found, base_of(request)), "timeline": shapes.timeline_shape(found)}
    return JsonResponse({"call": told})


@endpoint(Scope.DIRECTORY)
def numbers(request: HttpRequest) -> HttpResponse:
    """List the numbers."""
    base, calendar = base_of(request), load_calendar(current_company())
    rows = access.numbers().order_by(_by_age(request))
    return listed(request, "numbers", rows, lambda each: shapes.number_shape(each, base, calendar))


@endpoint(Scope.DIRECTORY)
def number(request: HttpRequest, pk: int) -> HttpResponse:
    """Tell one number, and whom it rings."""
    found = get_object_or_404(access.numbers(), pk=_id(pk))
    base, calendar = base_of(request), load_calendar(current_company())
    rungs = Rung.objects.filter(number=found)
    people = access.people().filter(pk__in=rungs.values("person"))
    teams = access.teams().filter(pk__in=rungs.values("team"))[:MOST_MEMBERS]
    facts = {
        **shapes.number_shape(found, base, calendar),
        "users": [shapes.person_cut(each, base) for each in people[:MOST_MEMBERS]],
        "teams": [{"id": each.pk, "name": each.name} for each in teams],
    }
    return JsonResponse({"number": facts})


@endpoint(Scope.DIRECTORY)
def users(request: HttpRequest) -> HttpResponse:
    """List everybody with an extension."""
    base = base_of(request)
    rows = access.people().order_by(_by_age(request))
    return listed(request, "users", rows, lambda each: shapes.person_shape(each, base))


@endpoint(Scope.DIRECTORY)
def user(request: HttpRequest, pk: int) -> HttpResponse:
    """Tell one of them."""
    found = get_object_or_404(access.people(), pk=_id(pk))
    return JsonResponse({"user": shapes.person_shape(found, base_of(request))})


@endpoint(Scope.DIRECTORY)
def teams(request: HttpRequest) -> HttpResponse:
    """List the teams and who is in them."""
    base = base_of(request)
    rows = access.teams().order_by(_by_age(request))
    return listed(request, "teams", rows, lambda each: _team(each, base))


@endpoint(Scope.DIRECTORY)
def team(request: HttpRequest, pk: int) -> HttpResponse:
    """Tell one team."""
    found = get_object_or_404(access.teams(), pk=_id(pk))
    return JsonResponse({"team": _team(found, base_of(request))})


class CallWish(msgspec.Struct):
    """What somebody's phones are to call; more of the body is passed over."""

    to: str


@endpoint(Scope.PLACE, "POST")
def place(request: HttpRequest, pk: int) -> HttpResponse:
    """Ring somebody's phones, then what they are to call."""
    found = get_object_or_404(access.people(), pk=_id(pk))
    wish = _wish(request.body)
    made = under_way.place(current_company(), found, wish.to)
    facts = {"id": made, "direct_link": f"{base_of(request)}/v1/calls/{made}"}
    return JsonResponse({"call": facts}, status=201)


@endpoint(method="")
def nowhere(request: HttpRequest, rest: str) -> HttpResponse:
    """Answer what is not there as the API answers, not as a page."""
    return fail(404, "not-found", _("There is nothing here: check the address and the id."))


def _wanted(request: HttpRequest, rows: QuerySet[Call]) -> QuerySet[Call]:
    since, until = moment(request, "from"), moment(request, "to")
    direction = one_of(request, "direction", tuple(Call.Direction.values))
    number_id = whole(request, "number", 0, 1, LARGEST_ID)
    # A plus in an address arrives as a space where it was not escaped.
    other = request.GET.get("phone_number", "").replace(" ", "+")[:64]
    if since is not None:
        rows = rows.filter(started_at__gte=since)
    if until is not None:
        rows = rows.filter(started_at__lte=until)
    if direction:
        rows = rows.filter(direction=direction)
    if number_id:
        rows = rows.filter(number=number_id)
    return rows.filter(Q(caller=other) | Q(called=other)) if other else rows


def _wish(body: bytes) -> CallWish:
    try:
        wish = msgspec.json.decode(body[:LONGEST_WISH], type=CallWish)
    except msgspec.MsgspecError as error:
        text = _('Send what to call as JSON: {"to": "+33199001234"}.')
        raise Refused("bad-value", text) from error
    wish.to = wish.to.strip()
    if not wish.to or len(wish.to) > 40:
        raise Refused("bad-number", _("Type a number or an extension."))
    return wish


def _team(team: Any, base: str) -> dict[str, Any]:
    return shapes.team_shape(team, base, list(team.members.all())[:MOST_MEMBERS])


def _by_age(request: HttpRequest) -> str:
    return "-id" if order(request) == "desc" else "id"


def _id(pk: int) -> int:
    """Return an id the database can compare: a longer one is nobody's."""
    return min(pk, LARGEST_ID)

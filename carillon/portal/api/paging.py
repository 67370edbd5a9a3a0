"""Lists in pages: `page` from 1, `per_page` up to 50, `order` asc or desc, and `meta` about where one is.

The shape is the one that existing clients follow: they go on until `next_page_link` is null.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _

from carillon.portal.api.answering import base_of
from carillon.portal.refused import Refused

PER_PAGE = 20
MOST_PER_PAGE = 50
MOST_LISTED = 10_000
"""Whoever wants more moves `from`."""
LAST_SECOND = 253_402_300_799
"""Of the year 9999."""


def listed(
    request: HttpRequest, name: str, rows: QuerySet[Any], shape: Callable[[Any], dict[str, Any]]
) -> HttpResponse:
    """Answer one page of rows under `name`."""
    page = whole(request, "page", 1, 1, MOST_LISTED)
    per_page = whole(request, "per_page", PER_PAGE, 1, MOST_PER_PAGE)
    total = rows.order_by()[:MOST_LISTED].count()
    first = (page - 1) * per_page
    found: list[Model] = list(rows[first : min(first + per_page, MOST_LISTED)])
    meta = {
        "count": len(found),
        "total": total,
        "current_page": page,
        "per_page": per_page,
        "next_page_link": _link(request, page + 1) if first + per_page < total else None,
        "previous_page_link": _link(request, page - 1) if page > 1 else None,
    }
    return JsonResponse({"meta": meta, name: [shape(row) for row in found]})


def order(request: HttpRequest) -> str:
    """Return asc or desc, oldest first where nothing is said."""
    return one_of(request, "order", ("asc", "desc")) or "asc"


def one_of(request: HttpRequest, name: str, known: tuple[str, ...]) -> str:
    """Return a value of the address that must be one of a few, "" where it is missing."""
    given = request.GET.get(name, "")
    if given and given not in known:
        raise _bad(name, _("one of %(known)s") % {"known": ", ".join(known)})
    return given


def whole(request: HttpRequest, name: str, missing: int, least: int, most: int) -> int:
    """Return a whole number of the address within bounds; a zero page is the first."""
    given = request.GET.get(name, "")
    if not given:
        return missing
    fits = given.isascii() and given.isdigit() and len(given) < 19
    if name == "page" and fits and int(given) == 0:
        return 1
    if not fits or not least <= int(given) <= most:
        bounds = {"least": least, "most": most}
        raise _bad(name, _("a whole number from %(least)s to %(most)s") % bounds)
    return int(given)


def moment(request: HttpRequest, name: str) -> datetime | None:
    """Return seconds since 1970 of the address as a moment."""
    seconds = whole(request, name, -1, 0, LAST_SECOND)
    return None if seconds < 0 else datetime.fromtimestamp(seconds, UTC)


def _bad(name: str, wanted: str) -> Refused:
    facts = {"name": name, "wanted": wanted}
    return Refused("bad-value", _("%(name)s must be %(wanted)s.") % facts)


def _link(request: HttpRequest, page: int) -> str:
    asked = [(name, value) for name, value in request.GET.items() if name != "page"]
    return f"{base_of(request)}{request.path}?{urlencode([*asked, ('page', page)])}"

"""Publishing the draft of a flow, forgetting it, and going back to what was."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from carillon.portal.companies.access import enter
from carillon.portal.refused import Refused
from carillon.portal.routing import access, flows, guards, page

LONGEST_NOTE = 200


@require_POST
def publish(request: HttpRequest, pk: int) -> HttpResponse:
    """Let the next call follow the draft."""
    found = access.number(request, pk, to="edit")
    note = request.POST.get("note", "").strip()[:LONGEST_NOTE]
    if not _confirmed(request) and guards.objections(found, found.edited_flow):
        messages.error(request, _("Not published: it would break tests. Confirm it, or change it."))
        return page.go(found, "difference")
    try:
        flows.publish_draft(found, note=note, by=enter(request).user)
    except Refused as refused:
        messages.error(request, refused.text)
        return page.go(found, "difference")
    messages.success(request, _("Published: the next call follows it."))
    return page.go(found, "")


@require_POST
def discard(request: HttpRequest, pk: int) -> HttpResponse:
    """Forget what was not published."""
    found = access.number(request, pk, to="edit")
    flows.discard_draft(found, by=enter(request).user)
    messages.success(request, _("The changes are discarded."))
    return page.go(found, "")


@require_POST
def revert(request: HttpRequest, pk: int, version: int) -> HttpResponse:
    """Publish an old version anew."""
    row = access.version(request, pk, version, to="edit")
    found = access.number(request, pk, to="edit")
    if guards.objections(found, row.flow):
        flows.edit_flow(found, lambda _now: row.flow, by=enter(request).user)
        text = _("Version %(n)s would break tests: it is now the draft, to be confirmed.")
        messages.error(request, text % {"n": version})
        return page.go(found, "difference")
    try:
        flows.revert_flow(found, row, by=enter(request).user)
    except Refused as refused:
        messages.error(request, refused.text)
        return page.go(found, "history")
    text = _("Version %(n)s is back: the next call follows it.")
    messages.success(request, text % {"n": version})
    return page.go(found, "history")


def _confirmed(request: HttpRequest) -> bool:
    return request.POST.get("confirmed") == guards.CONFIRMED

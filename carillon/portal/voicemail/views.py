"""Voicemail: the boxes, their messages, and their sound."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages as notices
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from carillon.portal.companies.access import enter
from carillon.portal.fields import write_options
from carillon.portal.sound import answer_sound, open_below, peaks, safe_path
from carillon.portal.voicemail import access, actions
from carillon.portal.voicemail.access import Box
from carillon.portal.voicemail.models import Message

MESSAGES_PER_PAGE = 30
MOST_LINKS = 20
"""With more boxes than this, one is chosen from a list; those with something new keep their link."""


@require_GET
def voicemail(request: HttpRequest) -> HttpResponse:
    """List the messages of all boxes, or of one."""
    boxes = access.boxes(request)
    chosen = next((box for box in boxes if box.key == request.GET.get("box")), None)
    found = access.messages(request).prefetch_related("call__recordings")
    if chosen is not None:
        found = found.filter(box=chosen.key)
    page = Paginator(found, MESSAGES_PER_PAGE).get_page(request.GET.get("page"))
    names = {box.key: box.name for box in boxes}
    context = {
        "links": _links(boxes, chosen),
        "groups": _groups(boxes, chosen) if len(boxes) > MOST_LINKS else (),
        "chosen": chosen,
        "page": page,
        "messages_shown": [_drawn(row, names) for row in page],
        "unheard_shown": sum(box.unheard for box in boxes),
        "nav": "voicemail",
    }
    return render(request, "voicemail/voicemail.html", context)


@require_GET
def deleted(request: HttpRequest) -> HttpResponse:
    """List what was deleted, until it is erased."""
    names = {box.key: box.name for box in access.boxes(request)}
    found = access.deleted(request).prefetch_related("call__recordings")
    page = Paginator(found, MESSAGES_PER_PAGE).get_page(request.GET.get("page"))
    rows = [(_drawn(row, names), actions.erased_at(row)) for row in page]
    context = {"page": page, "rows": rows, "days": actions.DELETED_KEPT.days, "nav": "voicemail"}
    return render(request, "voicemail/deleted.html", context)


@require_GET
def message_sound(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Play a message."""
    place = access.sound_place(request, pk)
    file = open_below(settings.CONFIG.recordings, place)
    return answer_sound(request, file, f"message-{pk}.wav")


@require_POST
def heard(request: HttpRequest, pk: int) -> HttpResponse:
    """Note that a message was heard, or is to be heard again."""
    found = access.message(request, pk)
    actions.mark_heard(found, request.POST.get("heard") == "yes")
    return redirect(_back(request))


@require_POST
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a message out of its box."""
    found = access.message(request, pk)
    actions.delete_message(found, by=enter(request).user)
    undo = f"undo:{reverse('restore-message', args=[pk])}"
    notices.success(request, _("The message is deleted."), extra_tags=undo)
    return redirect(_back(request))


@require_POST
def restore(request: HttpRequest, pk: int) -> HttpResponse:
    """Put a message back."""
    found = access.deleted_message(request, pk)
    actions.restore_message(found, by=enter(request).user)
    notices.success(request, _("The message is back in its box."))
    return redirect("voicemail")


def _links(boxes: list[Box], chosen: Box | None) -> list[Box]:
    if len(boxes) <= MOST_LINKS:
        return boxes
    return [box for box in boxes if box.unheard and box != chosen][:MOST_LINKS]


def _groups(boxes: list[Box], chosen: Box | None) -> list[tuple[str, SafeString]]:
    """Return the boxes as groups of options."""
    found = []
    for icon, title in (("hash", _("Numbers")), ("users", _("Teams")), ("user", _("People"))):
        rows = [(box.key, box.name, box == chosen) for box in boxes if box.icon == icon]
        if rows:
            found.append((title, write_options(rows)))
    return found


def _drawn(row: Message, names: dict[str, str]) -> dict[str, Any]:
    of_call = row.call.recordings.all()
    kept = [each for each in of_call if each.pk == row.recording and each.deleted_at is None]
    sound = safe_path(settings.CONFIG.recordings, kept[0].path) if kept else None
    heights = peaks(sound) if sound else ()
    return {"row": row, "box": names.get(row.box, ""), "heights": heights, "sound": bool(kept)}


def _back(request: HttpRequest) -> str:
    """Return to the list, in the box it showed."""
    box = request.POST.get("box", "")
    url = reverse("voicemail")
    return f"{url}?box={box}" if box.isascii() and box.isalnum() else url

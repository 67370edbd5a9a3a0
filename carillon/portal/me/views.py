"""One's own start page: availability, phones, forwarding, messages, what one is told (R75)."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages as toasts
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST
from msgspec.structs import replace

from carillon.portal.calls import under_way
from carillon.portal.calls.models import CallParty
from carillon.portal.companies.access import enter
from carillon.portal.extensions import access, actions
from carillon.portal.extensions.models import Device, Person, Voice
from carillon.portal.extensions.views import connecting, server
from carillon.portal.fields import Form
from carillon.portal.routing import people
from carillon.portal.routing.models import OutboundLine, Prompt
from carillon.portal.routing.reach import entries_told
from carillon.portal.voicemail.models import Message
from carillon.portal.voicemail.notices import choose_notices, notices_of

MESSAGES_SHOWN = 3
MOST_RINGING = 3
SIDE = "side"
"""In the session: "mine" while somebody who also runs the company looks at their own extension."""


class NoticesForm(Form):
    """What one is told by e-mail."""

    message_mail = forms.BooleanField(
        label=gettext_lazy("A new voicemail message, with its sound"), required=False
    )
    missed_mail = forms.BooleanField(
        label=gettext_lazy("Calls my numbers and teams have missed"),
        required=False,
        help_text=gettext_lazy("One e-mail for each lost call, not one for each phone that rang."),
    )


@require_GET
def me(request: HttpRequest) -> HttpResponse:
    """Show everything about one's own extension."""
    person = access.me(request)
    if person is None:
        return redirect("home")
    request.session[SIDE] = "mine"
    flow, notices = people.flow_of(person), notices_of(person)
    box = Message.objects.filter(box=person.box).select_related("call")
    facts = {"message_mail": notices.message_mail, "missed_mail": notices.missed_mail}
    line = OutboundLine.objects.filter(person=person).select_related("number").first()
    context: dict[str, Any] = {
        "person": person,
        "line": line.number if line else None,
        "mode": _mode(person, auto=flow.auto),
        "devices": Device.objects.filter(person=person, browser=False).order_by("id"),
        "browser": Device.objects.filter(person=person, browser=True).first(),
        "server": server(),
        "entries": entries_told(flow, person),
        "greeting": _greeting(person),
        "newest": list(box.order_by("-at")[:MESSAGES_SHOWN]),
        "waiting": box.filter(heard_at=None).count(),
        "form": NoticesForm(initial=facts),
        "nav": "me",
    }
    return render(request, "me/me.html", context)


def _mode(person: Person, *, auto: bool) -> str:
    if not person.available:
        return "dnd"
    return "auto" if auto else "available"


def _greeting(person: Person) -> Prompt | None:
    voice = Voice.objects.filter(person=person).first()
    key = voice.greeting_key if voice else ""
    return Prompt.objects.filter(key=key).order_by("-id").first() if key else None


@require_POST
def availability(request: HttpRequest) -> HttpResponse:
    """Choose available, automatic (by one's working hours) or do not disturb (A45)."""
    person, mode = _myself(request), request.POST.get("mode", "")
    by = enter(request).user
    if mode in ("available", "auto"):
        people.change_personal(person, lambda flow: replace(flow, auto=mode == "auto"), by=by)
    if mode in ("available", "auto", "dnd"):
        actions.set_availability(person, mode != "dnd", by=by)
    return redirect("me")


@require_POST
def notices(request: HttpRequest) -> HttpResponse:
    """Keep what one wants to be told."""
    person, form = _myself(request), NoticesForm(request.POST)
    if form.is_valid():
        choose_notices(person, **form.cleaned_data)
        toasts.success(request, _("Saved."))
    return redirect("me")


@require_GET
@never_cache
def ringing(request: HttpRequest) -> HttpResponse:
    """Say who rings one's phones now; nothing while nobody does."""
    person = access.me(request)
    mine = CallParty.objects.filter(person=person, call__ended_at=None).order_by("-started_at")
    # A call one placed oneself rings one's own phone first: nobody calls.
    others = mine.exclude(call__person=person)
    for party in others.select_related("call__number")[:MOST_RINGING] if person else ():
        live = under_way.now(party.call, person)
        if live is not None and live.mine is not None and live.mine.state == "ringing":
            return render(request, "me/_ringing.html", {"call": party.call})
    return HttpResponse(status=204)


@require_POST
@never_cache
def my_phone(request: HttpRequest, pk: int) -> HttpResponse:
    """Show what one's own phone signs in with, to type or to scan; the audit log remembers who looked."""
    person = _myself(request)
    device = get_object_or_404(Device.objects.filter(person=person, browser=False), pk=pk)
    return render(request, "me/_phone.html", connecting(request, device))


def _myself(request: HttpRequest) -> Person:
    person = access.me(request)
    if person is None:
        raise Http404("no extension")
    return person

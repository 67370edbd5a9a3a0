"""What people do with a call under way: hold, transfer, park, invite, record, coach; and placing a call."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from carillon.portal.calls import access, under_way
from carillon.portal.calls.models import Call
from carillon.portal.companies import audit
from carillon.portal.companies.access import CompanyRequest, enter, may
from carillon.portal.extensions.models import Person
from carillon.portal.refused import Refused
from carillon.schema import commands as c

MOST_DIALLED = 40
COACHING = ("listen", "whisper", "barge")
RECORDING = ("start", "pause", "resume", "stop")


@require_GET
def control(request: HttpRequest, pk: str) -> HttpResponse:
    """Show who is on a call now and what can be done."""
    call = access.call(request, pk)
    return render(request, "calls/_control.html", context_of(request, call))


def context_of(request: HttpRequest, call: Call) -> dict[str, object]:
    """Return what the panel of a call under way needs."""
    live = under_way.now(call, _me(enter(request)))
    return {"call": call, "live": live, "may_act": live is not None and _may_act(request, live)}


@require_POST
def act(request: HttpRequest, pk: str) -> HttpResponse:
    """Do one thing with a call."""
    call = access.call(request, pk)
    inside = enter(request)
    live = under_way.now(call, _me(inside))
    wanted = request.POST.get("do", "")
    if wanted in COACHING and not may(request, "see"):
        raise PermissionDenied("see")
    try:
        if live is None:
            raise Refused("no-such-call", _("This call has ended."))
        if wanted not in COACHING and not _may_act(request, live):
            raise PermissionDenied("act")
        under_way.ask(_command(request, live, wanted))
    except Refused as refused:
        messages.error(request, refused.text)
    else:
        if wanted in COACHING:
            thing = (call.pk, call.caller or call.pk)
            audit.write(inside.company, inside.user, "call-coached", thing, {}, {"mode": wanted})
    return redirect("call", call.pk)


@require_POST
def place(request: HttpRequest) -> HttpResponse:
    """Ring the reader's own phones, then what they want to call."""
    inside = enter(request)
    me = _me(inside)
    dialled = request.POST.get("to", "").strip()[:MOST_DIALLED]
    try:
        if me is None:
            raise Refused("no-extension", _("You have no extension here, so no phone to ring."))
        if not dialled:
            raise Refused("bad-number", _("Type a number or an extension."))
        call = under_way.place(inside.company, me, dialled)
    except Refused as refused:
        messages.error(request, refused.text)
        return redirect("calls")
    messages.success(request, _("Your phone rings. Pick it up and the call goes out."))
    return redirect(f"/calls?placed={call}")


def _me(inside: CompanyRequest) -> Person | None:
    return Person.objects.filter(user=inside.user).first()


def _may_act(request: HttpRequest, live: under_way.UnderWay) -> bool:
    """Who is on the call acts on it; so does whoever sees everybody's calls."""
    return live.mine is not None or may(request, "see")


def _command(request: HttpRequest, live: under_way.UnderWay, wanted: str) -> c.Command:
    company, call = live.call.company, live.call.call
    me = live.me.key if live.me is not None else ""
    leg = live.ours.leg if live.ours is not None else ""
    to = request.POST.get("to", "").strip()[:MOST_DIALLED]
    if wanted in COACHING:
        return c.CoachCall(company, call, me, wanted)
    if wanted in RECORDING:
        return c.RecordCall(company, call, wanted, me)
    match wanted:
        case "hold" | "unhold":
            return c.HoldCall(company, call, leg, wanted == "hold")
        case "transfer":
            ours = live.ours.user if live.ours is not None else None
            talking = live.call.state == "talking"
            return c.TransferCall(company, call, to, leg if talking else "", ours or me)
        case "invite":
            return c.InviteParty(company, call, to, me or _user_of(live))
        case "park":
            return c.ParkCall(company, call, leg)
        case "take":
            return c.TakeCall(company, call, me)
        case "keys":
            return c.PressKeys(company, call, leg, to.upper())
        case "drop":
            return c.DropLeg(company, call, request.POST.get("leg", ""))
        case "hang-up":
            return c.HangUpCall(call)
        case _:
            raise Http404("no such thing to do")


def _user_of(live: under_way.UnderWay) -> str:
    return (live.ours.user if live.ours is not None else "") or ""

"""Pages of tags and of people to be called back."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from carillon.portal.calls import access as calls
from carillon.portal.companies.access import enter
from carillon.portal.followup import access, actions
from carillon.portal.followup.forms import TagForm
from carillon.portal.followup.models import SYSTEM_TAGS, Callback, CallTag, Tag
from carillon.portal.refused import Refused

MOST_SHOWN = 200


@require_GET
def callbacks(request: HttpRequest) -> HttpResponse:
    """List who is to be called back, whoever asked first before all; or, `done`, who has been."""
    found = access.callbacks(request)
    done = request.GET.get("done") == "yes"
    rows = (
        found.exclude(state__in=access.WAITING) if done else found.filter(state__in=access.WAITING)
    )
    rows = rows.order_by("-asked_at") if done else rows.order_by("asked_at")
    waiting = found.filter(state__in=access.WAITING).count()
    context = {"rows": rows[:MOST_SHOWN], "done": done, "waiting": waiting, "nav": "callbacks"}
    return render(request, "followup/callbacks.html", context)


@require_POST
def settle(request: HttpRequest, pk: int) -> HttpResponse:
    """Say that somebody has been called back, will not be, or is still to be."""
    found = access.callback(request, pk)
    wanted = request.POST.get("state", "")
    if wanted in (Callback.State.DONE, Callback.State.DROPPED, Callback.State.OPEN):
        actions.settle(found, wanted, by=enter(request).user)
        messages.success(request, _("Noted."))
    back = "?done=yes" if request.POST.get("from") == "done" else ""
    return redirect(f"/callbacks{back}")


@require_http_methods(["GET", "POST"])
def tags(request: HttpRequest) -> HttpResponse:
    """List the company's tags, and add one."""
    inside = enter(request, to="edit")
    form = TagForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        name, colour = form.cleaned_data["name"], form.cleaned_data["colour"]
        try:
            actions.create_tag(inside.company, name, colour, by=inside.user)
        except Refused as refused:
            form.add_error("name", refused.text)
        else:
            messages.success(request, _("The tag is added."))
            return redirect("tags")
    for key in SYSTEM_TAGS:
        actions.system_tag(inside.company, key)
    found = [*access.tags(request)]
    context = {"form": form, "tags": found, "nav": "tags"}
    return render(request, "followup/tags.html", context)


@require_http_methods(["GET", "POST"])
def tag(request: HttpRequest, pk: int) -> HttpResponse:
    """Change a tag."""
    found = access.tag(request, pk)
    form = TagForm(request.POST or None, initial={"name": found.name, "colour": found.colour})
    if request.method == "POST" and form.is_valid():
        try:
            name, colour = form.cleaned_data["name"], form.cleaned_data["colour"]
            actions.change_tag(found, name, colour, by=enter(request).user)
        except Refused as refused:
            form.add_error("name", refused.text)
        else:
            messages.success(request, _("The tag is changed."))
            return redirect("tags")
    return render(request, "followup/tag.html", {"form": form, "tag": found, "nav": "tags"})


@require_POST
def remove_tag(request: HttpRequest, pk: int) -> HttpResponse:
    """Offer a tag no more."""
    found = access.tag(request, pk)
    try:
        actions.remove_tag(found, by=enter(request).user)
        messages.success(request, _("The tag is removed. Calls that have it keep it."))
    except Refused as refused:
        messages.error(request, refused.text)
    return redirect("tags")


@require_http_methods(["GET", "POST"])
def call_tags(request: HttpRequest, pk: str) -> HttpResponse:
    """Show a call's tags; put one on it, or take one off."""
    call = calls.call(request, pk)
    user = enter(request).user
    if request.method == "POST":
        wanted, off = request.POST.get("tag", ""), request.POST.get("off", "")
        try:
            if wanted.isdecimal():
                chosen = get_object_or_404(Tag.objects.filter(system__in=CHOSEN), pk=wanted)
                actions.tag_call(call, chosen, by=user)
            elif off.isdecimal():
                chosen = get_object_or_404(Tag.everywhere.filter(company=call.company), pk=off)
                actions.untag_call(call, chosen, by=user)
        except Refused as refused:
            messages.error(request, refused.text)
        if "HX-Request" not in request.headers:
            return redirect("call", call.pk)
    actions.system_tag(call.company, "follow-up")
    there = list(CallTag.objects.filter(call=call).select_related("tag", "by"))
    have = {each.tag_id for each in there}
    offered = [
        each for each in access.tags(request).filter(system__in=CHOSEN) if each.pk not in have
    ]
    owed = access.owed(request)
    context = {
        "call": call,
        "there": there,
        "offered": offered,
        "must": owed and owed.call_id == call.pk,
    }
    return render(request, "followup/_call_tags.html", context)


CHOSEN = ("", "follow-up")
"""Tags that people put on calls: their own, and one of the system's (A67)."""

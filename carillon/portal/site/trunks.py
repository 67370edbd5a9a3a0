"""The operator's pages about carriers: which links there are, whether they work, and changing them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from carillon.portal.calls.models import Trouble
from carillon.portal.calls.troubles import TRUNK_DOWN
from carillon.portal.companies.access import staff
from carillon.portal.refused import Refused
from carillon.portal.routing import trunks as actions
from carillon.portal.routing.models import Trunk
from carillon.portal.routing.trunk_form import TrunkForm
from carillon.portal.site.health import look

FIRST_ANSWER = timedelta(seconds=45)
"""Within this time the switch has fetched a change, asked the carrier, and given up on its answer."""
WRONG: dict[str, tuple[Promise, Promise]] = {
    "no-answer": (
        gettext_lazy("Not reachable"),
        gettext_lazy(
            "The carrier does not answer. Check host, port and transport, that its firewall and ours "
            "let us through, and whether it reports an outage."
        ),
    ),
    "not-registered": (
        gettext_lazy("Not registered"),
        gettext_lazy(
            "The carrier refuses our account or does not answer. Check username and password, then "
            "host, port and transport."
        ),
    ),
    "unknown-host": (
        gettext_lazy("Not reachable"),
        gettext_lazy("Nobody knows a host of this name. Check how it is written."),
    ),
}


@dataclass(frozen=True, slots=True)
class Told:
    """A trunk and how it is: `look` is the colour of `title`, `advice` what to do about it."""

    row: Trunk
    look: str
    title: str | Promise
    advice: str | Promise = ""


@require_GET
def trunks(request: HttpRequest) -> HttpResponse:
    """List the links to carriers and how they are."""
    staff(request)
    rows = Trunk.objects.order_by("priority", "name")
    answers = look().status is not None
    context = {"trunks": [told(row, answers) for row in rows], "nav": "trunks"}
    return render(request, "trunks.html", context)


@never_cache
def new_trunk(request: HttpRequest) -> HttpResponse:
    """Add a link."""
    user = staff(request)
    form = TrunkForm(request.POST or None)
    if form.is_valid():
        try:
            added = actions.add_trunk(**form.cleaned_data, by=user)
        except Refused as refused:
            form.add_error("name", refused.text)
        else:
            messages.success(request, _("The trunk %(name)s is added.") % {"name": added.name})
            return redirect("trunks")
    return _form_page(request, form, None)


@never_cache
def trunk(request: HttpRequest, pk: int) -> HttpResponse:
    """Show one link, and change it."""
    user = staff(request)
    found = get_object_or_404(Trunk, pk=pk)
    form = TrunkForm(request.POST or None, existing=found)
    if form.is_valid():
        changes = {**form.cleaned_data}
        actions.change_trunk(found, changes, password=changes.pop("password"), by=user)
        messages.success(request, _("The trunk %(name)s is saved.") % {"name": found.name})
        return redirect("trunks")
    return _form_page(request, form, found)


def remove_trunk(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask whether it is meant, then take a link away: its password would be lost to an undo."""
    user = staff(request)
    found = get_object_or_404(Trunk, pk=pk)
    if request.method != "POST":
        last = Trunk.objects.count() == 1
        context = {"trunk": found, "last": last, "nav": "trunks"}
        return render(request, "remove_trunk.html", context)
    actions.remove_trunk(found.name, by=user)
    messages.success(request, _("The trunk %(name)s is removed.") % {"name": found.name})
    return redirect("trunks")


def told(row: Trunk, switch_answers: bool) -> Told:
    """Say how a link is, as far as the switch has told."""
    open_ones = Trouble.objects.filter(kind=f"{TRUNK_DOWN}{row.name}"[:60], ended_at=None)
    trouble = open_ones.order_by("-began_at").first()
    if not switch_answers:
        return Told(row, "plain", _("Not known"), _("The switch does not answer."))
    if trouble is not None:
        why = trouble.detail.rpartition(": ")[2]
        title, advice = WRONG.get(why, (WRONG["no-answer"][0], trouble.detail))
        return Told(row, "dnd", title, advice)
    if timezone.now() - row.changed_at < FIRST_ANSWER:
        return Told(row, "acw", _("Being checked"), _("It takes less than a minute."))
    return Told(row, "ok", _("Registered") if row.registers else _("Reachable"))


def _form_page(request: HttpRequest, form: TrunkForm, found: Trunk | None) -> HttpResponse:
    context = {
        "form": form,
        "trunk": found,
        "state": told(found, look().status is not None) if found else None,
        "nav": "trunks",
    }
    return render(request, "trunk.html", context, status=422 if form.is_bound else 200)

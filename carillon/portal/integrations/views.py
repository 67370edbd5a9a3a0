"""The pages of integrations."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from carillon.portal.companies.access import enter
from carillon.portal.integrations import access, actions
from carillon.portal.integrations.forms import IntegrationForm, NumberForm
from carillon.portal.integrations.models import Integration
from carillon.portal.refused import Refused
from carillon.portal.routing import access as routing


@require_GET
def integrations(request: HttpRequest) -> HttpResponse:
    """List the integrations."""
    context = {"integrations": list(access.integrations(request)), "nav": "integrations"}
    return render(request, "integrations/integrations.html", context)


@require_http_methods(["GET", "POST"])
@never_cache
def new_integration(request: HttpRequest) -> HttpResponse:
    """Add a webhook; its secret is shown in the answer and never again."""
    inside = enter(request, to="edit")
    form = IntegrationForm(_posted(request))
    if form.is_valid():
        try:
            made, secret = actions.add_integration(inside.company, **form.facts(), by=inside.user)
        except Refused as refused:
            form.add_error(None, refused.text)
        else:
            return _page(request, made, secret=secret)
    context = {"form": form, "nav": "integrations"}
    status = 422 if form.is_bound else 200
    return render(request, "integrations/new.html", context, status=status)


@require_http_methods(["GET", "POST"])
def integration(request: HttpRequest, pk: int) -> HttpResponse:
    """Show an integration with what was sent to it, and change it."""
    found = access.integration(request, pk)
    form = IntegrationForm(_posted(request), existing=found)
    if form.is_valid():
        actions.change_integration(found, **form.facts(), by=enter(request).user)
        messages.success(request, _("%(name)s is saved.") % {"name": found.name})
        return redirect("integration", pk)
    return _page(request, found, form)


@require_GET
def sent(request: HttpRequest, pk: int) -> HttpResponse:
    """Show what was sent, alone: for the page to keep up."""
    found = access.integration(request, pk)
    return render(request, "integrations/_sent.html", _sent(found))


@require_POST
@never_cache
def renew_secret(request: HttpRequest, pk: int) -> HttpResponse:
    """Make another secret and show it once."""
    found = access.integration(request, pk)
    return _page(request, found, secret=actions.renew_secret(found, by=enter(request).user))


@require_POST
def test_integration(request: HttpRequest, pk: int) -> HttpResponse:
    """Send a test."""
    found = access.integration(request, pk)
    try:
        actions.test_integration(found)
    except Refused as refused:
        messages.error(request, refused.text)
    else:
        messages.success(request, _("The test is on its way."))
    return redirect("integration", pk)


@require_POST
def pause_integration(request: HttpRequest, pk: int) -> HttpResponse:
    """Pause an integration, or go on."""
    found = access.integration(request, pk)
    active = request.POST.get("active") == "yes"
    actions.pause_integration(found, active, by=enter(request).user)
    return redirect("integration", pk)


@require_http_methods(["GET", "POST"])
def remove_integration(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask whether an integration is to be removed, and do it."""
    found = access.integration(request, pk)
    if request.method == "POST":
        actions.remove_integration(found, by=enter(request).user)
        messages.success(request, _("%(name)s is removed.") % {"name": found.name})
        return redirect("integrations")
    context = {"integration": found, "nav": "integrations"}
    return render(request, "integrations/remove.html", context)


@require_POST
def resend(request: HttpRequest, pk: int) -> HttpResponse:
    """Send something once more."""
    found = access.delivery(request, pk)
    actions.send_again(found)
    messages.success(request, _("It is sent again."))
    return redirect("integration", found.integration_id)


@require_http_methods(["GET", "POST"])
def integrations_of_number(request: HttpRequest, pk: int) -> HttpResponse:
    """Choose which integrations take a number's calls (A22, A32)."""
    number = routing.number(request, pk, to="edit")
    rows = access.integrations(request)
    chosen = rows.filter(all_numbers=False)
    taken = {"integrations": list(chosen.filter(numbers=number))}
    form = NumberForm(chosen, _posted(request), initial=taken)
    if form.is_valid():
        picked = form.cleaned_data["integrations"]
        actions.take_number(number, picked, by=enter(request).user)
        messages.success(request, _("The integrations of %(name)s are saved.") % {"name": number})
        return redirect(f"/numbers/{number.pk}?step=settings")
    context = {
        "number": number,
        "form": form,
        "everywhere": rows.filter(all_numbers=True),
        "nav": "numbers",
    }
    status = 422 if form.is_bound else 200
    return render(request, "integrations/number.html", context, status=status)


def _page(
    request: HttpRequest, found: Integration, form: IntegrationForm | None = None, secret: str = ""
) -> HttpResponse:
    context = {
        "integration": found,
        "form": form or IntegrationForm(existing=found),
        "secret": secret,
        "nav": "integrations",
        **_sent(found),
    }
    status = 422 if form is not None and form.is_bound else 200
    return render(request, "integrations/integration.html", context, status=status)


def _sent(found: Integration) -> dict[str, Any]:
    rows = list(access.deliveries(found))
    # Looked at again while something is on its way, not while it waits for its next try.
    moving = any(row.next_try_at is not None and row.tries == 0 for row in rows)
    return {"integration": found, "deliveries": rows, "moving": moving and found.active}


def _posted(request: HttpRequest) -> Any:
    return request.POST if request.method == "POST" else None

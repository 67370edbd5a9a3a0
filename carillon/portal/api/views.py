"""The pages of keys, and how to use them."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from carillon.portal.api import access, keys
from carillon.portal.api.allowance import MOST_A_MINUTE
from carillon.portal.api.answering import base_of
from carillon.portal.api.examples import examples
from carillon.portal.api.forms import KeyForm
from carillon.portal.companies.access import enter
from carillon.portal.extensions.models import Person
from carillon.portal.refused import Refused


@require_http_methods(["GET", "POST"])
@never_cache
def api_keys(request: HttpRequest) -> HttpResponse:
    """List the keys, and make one: its secret is shown in this answer and never again."""
    inside = enter(request, to="edit")
    posted = request.POST if request.method == "POST" else None
    form, made, secret = KeyForm(posted), None, ""
    if form.is_valid():
        try:
            made, secret = keys.create_key(inside.company, **form.cleaned_data, by=inside.user)
        except Refused as refused:
            form.add_error(None, refused.text)
        else:
            form = KeyForm()
    context = {
        "keys": list(access.keys(request)),
        "form": form,
        "made": made,
        "secret": secret,
        "nav": "integrations",
    }
    status = 422 if form.is_bound else 200
    return render(request, "api/keys.html", context, status=status)


@require_http_methods(["GET", "POST"])
def revoke_key(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask whether a key is to be revoked, and do it."""
    found = access.key(request, pk)
    if request.method == "POST":
        keys.revoke_key(found, by=enter(request).user)
        messages.success(request, _("The key %(name)s is revoked.") % {"name": found.name})
        return redirect("api-keys")
    return render(request, "api/revoke.html", {"key": found, "nav": "integrations"})


@require_GET
def guide(request: HttpRequest) -> HttpResponse:
    """Show how programs use the API, with this portal's own address."""
    enter(request, to="edit")
    somebody = Person.objects.order_by("id").values_list("pk", flat=True).first() or 1
    shown = examples(base_of(request), somebody)
    context = {"examples": shown, "most": MOST_A_MINUTE, "nav": "integrations"}
    return render(request, "api/guide.html", context)

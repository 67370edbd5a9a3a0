"""The step that says which other phones ring (R62-R65, R71), with the forms of the page "reach"."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST
from msgspec.structs import replace

from carillon.portal.extensions.models import Device, Person
from carillon.portal.fields import Form
from carillon.portal.routing import people
from carillon.portal.routing.personal import PersonalFlow
from carillon.portal.routing.reach import MODES, EntryForm, add_from, entries_told
from carillon.portal.wizard.frame import enter_step, go_on, me, show


class ForwardingForm(Form):
    """Whether other phones ring, and how (R63, R71)."""

    choice = forms.ChoiceField(
        label=gettext_lazy("Call forwarding"),
        choices=[
            ("main", gettext_lazy("Only my main phone")),
            ("more", gettext_lazy("Yes, I want to add phones")),
        ],
        widget=forms.RadioSelect,
    )
    mode = forms.ChoiceField(
        label=gettext_lazy("The phones ring"),
        choices=MODES,
        required=False,
        widget=forms.RadioSelect,
    )


def forwarding(request: HttpRequest) -> HttpResponse:
    """Choose whether other phones ring; go on."""
    inside, person = enter_step(request, "forwarding"), me(request)
    if person is None:
        return go_on(request, "forwarding", skipped=True)
    form = ForwardingForm(request.POST or None, initial=_facts(people.flow_of(person)))
    if form.is_valid():
        wanted = form.cleaned_data

        def change(flow: PersonalFlow) -> PersonalFlow:
            kept = flow.entries if wanted["choice"] == "more" else ()
            return replace(flow, entries=kept, mode=wanted["mode"] or flow.mode)

        people.change_personal(person, change, by=inside.user)
        return go_on(request, "forwarding")
    return _page(request, person, form, EntryForm(person, inside.company.country))


@require_POST
def add_phone(request: HttpRequest) -> HttpResponse:
    """Ring one more phone (R65)."""
    inside, person = enter_step(request, "forwarding"), me(request)
    if person is None:
        return redirect("wizard-forwarding")
    form = EntryForm(person, inside.company.country, request.POST)
    if add_from(form, person, request):
        return redirect("wizard-forwarding")
    choice = ForwardingForm(initial={**_facts(people.flow_of(person)), "choice": "more"})
    return _page(request, person, choice, form)


def _facts(flow: PersonalFlow) -> dict[str, Any]:
    return {"choice": "more" if flow.entries else "main", "mode": flow.mode}


def _page(
    request: HttpRequest, person: Person, form: ForwardingForm, entry_form: EntryForm
) -> HttpResponse:
    context = {
        "form": form,
        "entry_form": entry_form,
        "person": person,
        "devices": Device.objects.filter(person=person).order_by("id"),
        "entries": entries_told(people.flow_of(person), person),
    }
    status = 422 if form.errors or entry_form.errors else 200
    return show(request, "forwarding", "wizard/forwarding.html", context, status)


def section(request: HttpRequest) -> dict[str, Any]:
    """Return what the review shows of it."""
    person = me(request)
    told = entries_told(people.flow_of(person), person) if person else []
    lines = [(entry["name"], _("%(n)s s") % {"n": entry["seconds"]}) for entry in told]
    if person and told:
        mode = dict(MODES)[people.flow_of(person).mode]
        lines.insert(0, (_("The phones ring"), str(mode)))
    lines = lines or [(_("Phones"), _("Only my main phone"))]
    return {"title": _("Call forwarding"), "url": reverse("wizard-forwarding"), "lines": lines}

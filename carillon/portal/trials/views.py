"""The simulator's page: a call that is tried, its timeline, and the tests kept of a number."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from carillon.flows.hours import local_time
from carillon.flows.simulate import Simulation
from carillon.portal.calls.timeline import decision_icon
from carillon.portal.companies.access import enter, may
from carillon.portal.refused import Refused
from carillon.portal.routing import access
from carillon.portal.routing.documents import NumberFlow, ToOutside, targets_of
from carillon.portal.routing.models import Number
from carillon.portal.routing.names import load_names
from carillon.portal.routing.reasons import reason_text
from carillon.portal.trials import actions, running
from carillon.portal.trials.forms import TestForm, TrialForm
from carillon.portal.trials.models import FlowTest


@require_GET
def trial(request: HttpRequest, pk: int) -> HttpResponse:
    """Try a call, and show how the kept tests go."""
    found = access.number(request, pk)
    zone = found.flow.hours.zone
    form = _trial_form(request, zone)
    context: dict[str, Any] = {
        "number": found,
        "form": form,
        "zone": zone,
        "verdicts": running.verdicts(found, found.edited_flow),
        "may_edit": may(request, "edit"),
        "nav": "numbers",
    }
    if form.is_bound and form.is_valid():
        flow = _flow(found, draft=form.cleaned_data["draft"])
        told = _try(request, found, flow, form)
        context |= {
            "told": told,
            "outcome": running.outcome_name(told.outcome),
            "lines": _lines(told),
            "test_form": TestForm(load_names(), _outsiders(flow)),
        }
    return render(request, "trials/trial.html", context)


@require_POST
def keep(request: HttpRequest, pk: int) -> HttpResponse:
    """Keep the trial as a test."""
    found = access.number(request, pk, to="edit")
    form = TrialForm(enter(request).company.country, found.flow.hours.zone, request.POST)
    test_form = TestForm(load_names(), _outsiders(found.edited_flow), request.POST)
    if not (form.is_valid() and test_form.is_valid()):
        messages.error(request, _("The test was not kept: give it a name, and try the call again."))
        return redirect("trial", found.pk)
    try:
        actions.keep_test(
            found,
            test_form.cleaned_data["name"],
            form.moment,
            test_form.cleaned_data["expected"],
            every_week=test_form.cleaned_data["every_week"],
            caller=form.cleaned_data["caller"],
            keys=form.cleaned_data["keys"],
            people=form.cleaned_data["people"],
            by=enter(request).user,
        )
        messages.success(request, _("The test is kept: it is run before every publication."))
    except Refused as refused:
        messages.error(request, refused.text)
    return redirect("trial", found.pk)


@require_POST
def remove(request: HttpRequest, pk: int, test: int) -> HttpResponse:
    """Check this no more."""
    found = access.number(request, pk, to="edit")
    row = get_object_or_404(FlowTest.objects.filter(number=found), pk=test)
    actions.remove_test(row, by=enter(request).user)
    messages.success(request, _("The test is removed."))
    return redirect("trial", found.pk)


def _trial_form(request: HttpRequest, zone: str) -> TrialForm:
    country = enter(request).company.country
    if "at" in request.GET:
        return TrialForm(country, zone, request.GET)
    now = local_time(zone, timezone.now()).replace(tzinfo=None)
    return TrialForm(country, zone, initial={"at": now})


def _flow(found: Number, *, draft: bool) -> NumberFlow:
    return found.edited_flow if draft else found.flow


def _try(request: HttpRequest, found: Number, flow: NumberFlow, form: TrialForm) -> Simulation:
    plan = running.plan_with(enter(request).company, found, flow)
    facts = form.cleaned_data
    return running.trial(
        plan, found, form.moment, caller=facts["caller"], keys=facts["keys"], people=facts["people"]
    )


def _lines(told: Simulation) -> list[dict[str, Any]]:
    return [
        {
            "seconds": round(line.seconds),
            "icon": decision_icon(line.reason),
            "text": reason_text(line.reason, line.facts),
        }
        for line in told.lines
    ]


def _outsiders(flow: NumberFlow) -> list[str]:
    found = (target.e164 for target in targets_of(flow) if isinstance(target, ToOutside))
    return list(dict.fromkeys(found))

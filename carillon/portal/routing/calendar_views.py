"""What closes and opens: holidays and exceptions of a number, the company's, and overrides."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST
from msgspec.structs import replace

from carillon.portal.companies.access import enter
from carillon.portal.refused import Refused
from carillon.portal.routing import access, dates, days, page
from carillon.portal.routing.documents import NumberFlow
from carillon.portal.routing.edits import edit

MOST_SPECIAL = 50


@require_POST
def holidays(request: HttpRequest, pk: int) -> HttpResponse:
    """Choose whose public holidays a number keeps."""
    found = access.number(request, pk, to="edit")
    hours = found.edited_flow.hours
    form = dates.HolidaysForm(hours, enter(request).company.language, request.POST)
    if not form.is_valid():
        return page.show(request, found, "holidays", form)
    facts = form.cleaned_data

    def change(flow: NumberFlow) -> NumberFlow:
        new = replace(
            flow.hours,
            country=facts["country"],
            region=facts["region"],
            worked=tuple(facts["worked"]),
            company_days=facts["company_days"],
        )
        return replace(flow, hours=new)

    return edit(request, found, change, "holidays")


@require_POST
def add_special(request: HttpRequest, pk: int) -> HttpResponse:
    """Close a number on some days, or open it at other hours."""
    found = access.number(request, pk, to="edit")
    form = dates.SpecialForm(request.POST)
    if form.is_valid() and len(found.edited_flow.hours.special) >= MOST_SPECIAL:
        form.add_error(None, _("There are 50 exceptions. Remove those of the past first."))
    if not form.is_valid():
        return page.show(request, found, "exceptions", form)
    special = form.cleaned_data["special"]

    def change(flow: NumberFlow) -> NumberFlow:
        rows = sorted((*flow.hours.special, special), key=lambda each: (each.first, each.last))
        return replace(flow, hours=replace(flow.hours, special=tuple(rows)))

    return edit(request, found, change, "exceptions")


@require_POST
def remove_special(request: HttpRequest, pk: int, place: int) -> HttpResponse:
    """Follow the week again on these days."""
    found = access.number(request, pk, to="edit")

    def change(flow: NumberFlow) -> NumberFlow:
        rows = [each for n, each in enumerate(flow.hours.special) if n != place]
        return replace(flow, hours=replace(flow.hours, special=tuple(rows)))

    return edit(request, found, change, "exceptions")


@require_POST
def copy_hours(request: HttpRequest, pk: int) -> HttpResponse:
    """Take the opening hours, holidays and exceptions of another number."""
    found = access.number(request, pk, to="edit")
    wanted = request.POST.get("number", "")
    other = access.number(request, int(wanted) if wanted.isdecimal() else 0, to="edit")
    hours = other.flow.hours
    return edit(request, found, lambda flow: replace(flow, hours=hours), "hours")


@require_POST
def override(request: HttpRequest, pk: int) -> HttpResponse:
    """Open or close a number at once, or let it follow its hours again."""
    found = access.number(request, pk, to="edit")
    inside = enter(request)
    if request.POST.get("state") == "back":
        days.override_hours(inside.company, found, open=None, by=inside.user)
        messages.success(request, _("The opening hours count again."))
        return page.go(found, "")
    form = dates.OverrideForm(found.flow.hours.zone, request.POST)
    if not form.is_valid():
        return page.show(request, found, "override", form)
    facts = form.cleaned_data
    is_open = facts["state"] == "open"
    days.override_hours(inside.company, found, open=is_open, until=facts["until"], by=inside.user)
    messages.success(request, _("Done: the next call follows it."))
    return page.go(found, "")


def company_days(request: HttpRequest) -> HttpResponse:
    """Show and add the exceptions of the whole company."""
    inside = enter(request, to="edit")
    form = dates.SpecialForm(request.POST or None)
    if form.is_valid():
        try:
            days.add_company_day(inside.company, form.cleaned_data["special"], by=inside.user)
        except Refused:
            form.add_error(None, _("There are 100 exceptions. Remove those of the past first."))
        else:
            return redirect("company-days")
    return _company_page(request, form, dates.OverrideForm(inside.company.timezone))


@require_POST
def remove_company_day(request: HttpRequest, pk: int) -> HttpResponse:
    """Follow the week again on these days."""
    day = access.company_day(request, pk)
    days.remove_company_day(day, by=enter(request).user)
    return redirect("company-days")


@require_POST
def company_override(request: HttpRequest) -> HttpResponse:
    """Open or close the whole company at once, or let it follow its hours again."""
    inside = enter(request, to="edit")
    if request.POST.get("state") == "back":
        days.override_hours(inside.company, None, open=None, by=inside.user)
        messages.success(request, _("The opening hours count again."))
        return redirect("company-days")
    form = dates.OverrideForm(inside.company.timezone, request.POST)
    if not form.is_valid():
        return _company_page(request, dates.SpecialForm(), form)
    facts = form.cleaned_data
    days.override_hours(
        inside.company, None, open=facts["state"] == "open", until=facts["until"], by=inside.user
    )
    messages.success(request, _("Done: the next call follows it."))
    return redirect("company-days")


def _company_page(
    request: HttpRequest, form: dates.SpecialForm, override_form: dates.OverrideForm
) -> HttpResponse:
    context = {
        "form": form,
        "override_form": override_form,
        "days": access.company_days(request),
        "override": access.company_override(request),
        "nav": "company",
    }
    wrong = form.is_bound or override_form.is_bound
    return render(request, "routing/company_days.html", context, status=422 if wrong else 200)

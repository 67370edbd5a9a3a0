"""The company's settings and its audit log."""

from __future__ import annotations

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from carillon.portal.companies import access, actions, audit
from carillon.portal.companies import roles as giving
from carillon.portal.companies.forms import CompanyForm, RoleForm
from carillon.portal.companies.models import AuditRow, Membership
from carillon.portal.refused import Refused

ROWS_PER_PAGE = 50


def company(request: HttpRequest) -> HttpResponse:
    """Show and change the company."""
    inside = access.enter(request, to="edit")
    fields = ("name", "country", "language", "timezone")
    facts = {field: getattr(inside.company, field) for field in fields}
    form = CompanyForm(request.POST or None, initial=facts)
    if form.is_valid():
        actions.change_company(inside.company, form.cleaned_data, by=inside.user)
        messages.success(request, _("The company is saved."))
        return redirect("company")
    status = 422 if form.is_bound else 200
    context = {"form": form, "nav": "company"}
    return render(request, "companies/company.html", context, status=status)


@require_POST
def choose_company(request: HttpRequest) -> HttpResponse:
    """Go over to another company the reader belongs to."""
    inside = access.enter(request, to="belong")
    wanted = request.POST.get("company", "")
    if wanted.isdecimal() and access.memberships(inside.user).filter(company_id=wanted).exists():
        request.session["company"] = int(wanted)
    return redirect("home")


@require_GET
def roles(request: HttpRequest) -> HttpResponse:
    """Show who may do what."""
    context = {"places": access.places(request), "choices": Membership.Role.choices}
    return render(request, "companies/roles.html", {**context, "nav": "roles"})


@require_POST
def give_role(request: HttpRequest, pk: int) -> HttpResponse:
    """Give somebody another role."""
    place = access.place(request, pk)
    form = RoleForm(request.POST)
    if form.is_valid():
        try:
            giving.give_role(place, form.cleaned_data["role"], by=access.enter(request).user)
        except Refused as refused:
            messages.error(request, refused.text)
        else:
            facts = {"name": place.user.name, "role": place.get_role_display()}
            messages.success(request, _("%(name)s: %(role)s.") % facts)
    return redirect("roles")


@require_GET
def billing(request: HttpRequest) -> HttpResponse:
    """Show what the company has ordered."""
    inside = access.enter(request, to="bill")
    people = Membership.objects.filter(company=inside.company).count()
    return render(request, "companies/billing.html", {"people": people, "nav": "billing"})


@require_GET
def audit_log(request: HttpRequest) -> HttpResponse:
    """Show who changed what."""
    rows = access.audit_rows(request)
    page = Paginator(rows, ROWS_PER_PAGE).get_page(request.GET.get("page"))
    entries = [
        {"row": row, "said": _(audit.SENTENCES[row.action]), "changes": _changes(row)}
        for row in page
    ]
    context = {"page": page, "entries": entries, "nav": "audit"}
    return render(request, "companies/audit.html", context)


def _changes(row: AuditRow) -> list[tuple[str, str, str]]:
    """Return what differs, as name, before and after."""
    names = [*row.before, *(name for name in row.after if name not in row.before)]
    pairs = [(name, row.before.get(name, ""), row.after.get(name, "")) for name in names]
    return [(name, _shown(old), _shown(new)) for name, old, new in pairs if old != new]


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, list):
        return ", ".join(str(part) for part in value)
    return str(value)

"""The only door to a request's company, and what each role may do in it."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.db.models import Case, QuerySet, When
from django.http import Http404, HttpRequest
from django.shortcuts import get_object_or_404

from carillon.portal.accounts.models import User
from carillon.portal.companies.models import AuditRow, Company, Membership

RIGHTS: dict[str, frozenset[str]] = {
    "billing": frozenset({"belong", "bill"}),
    "user": frozenset({"belong", "see-own"}),
    "supervisor": frozenset({"belong", "see-own", "see"}),
    "administrator": frozenset({"belong", "see-own", "see", "edit"}),
    "owner": frozenset({"belong", "see-own", "see", "edit", "bill"}),
}
"""belong: be in the company at all. see-own: one's own calls, messages and phones. see: everybody's, and the
set-up. edit: change it. bill: plan, lines and invoices."""


class CompanyRequest(HttpRequest):
    """A request whose company is known: what every page of a company gets."""

    user: User
    membership: Membership
    company: Company


def may(request: HttpRequest, to: str) -> bool:
    """Say whether this request's user has a right in its company."""
    membership: Membership | None = getattr(request, "membership", None)
    return membership is not None and to in RIGHTS[membership.role]


def enter(request: HttpRequest, to: str = "see-own") -> CompanyRequest:
    """Return the request as one of a company: 404 without a company, 403 without the right."""
    if getattr(request, "membership", None) is None:
        raise Http404("no company")
    if not may(request, to):
        raise PermissionDenied(to)
    assert isinstance(request, HttpRequest)
    return request  # type: ignore[return-value]  # the middleware has added what it declares


def memberships(user: User) -> QuerySet[Membership]:
    """Return the companies somebody belongs to, by name."""
    return Membership.objects.filter(user=user).select_related("company").order_by("company__name")


def places(request: HttpRequest) -> QuerySet[Membership]:
    """Return everybody who signs in here, owners first, then by name."""
    company = enter(request, to="edit").company
    order = [Membership.Role.OWNER, *(r for r in Membership.Role if r != Membership.Role.OWNER)]
    rank = Case(*(When(role=role, then=n) for n, role in enumerate(order)), default=9)
    rows = Membership.objects.filter(company=company).select_related("user", "company")
    return rows.order_by(rank, "user__name")


def place(request: HttpRequest, pk: int) -> Membership:
    """Return somebody's place in the reader's company."""
    company = enter(request, to="belong").company
    found = get_object_or_404(Membership.objects.select_related("user", "company"), pk=pk)
    if found.company_id != company.pk:
        raise Http404("another company's")
    enter(request, to="edit")
    return found


def audit_rows(request: HttpRequest) -> QuerySet[AuditRow]:
    """Return who changed what, newest first."""
    enter(request, to="edit")
    return AuditRow.objects.select_related("by").order_by("-id")


def staff(request: HttpRequest) -> User:
    """Return the operator; a stranger to the system's insides gets 404."""
    user = request.user
    if not (isinstance(user, User) and user.is_staff):
        raise Http404("not staff")
    return user

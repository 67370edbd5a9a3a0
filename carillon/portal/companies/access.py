"""The only door to a request's company, and what each role may do in it."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest

from carillon.portal.accounts.models import User
from carillon.portal.companies.models import AuditRow, Company, Membership

RIGHTS: dict[str, frozenset[str]] = {
    "user": frozenset({"see-own"}),
    "supervisor": frozenset({"see-own", "see"}),
    "administrator": frozenset({"see-own", "see", "edit"}),
    "owner": frozenset({"see-own", "see", "edit"}),
}
"""see-own: one's own calls, messages and phones. see: everybody's, and the set-up. edit: change it."""


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

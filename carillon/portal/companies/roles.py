"""Who may give which role: only owners make and unmake owners, and a company always keeps one."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction
from django.utils.translation import gettext as _

from carillon.portal.accounts.models import User
from carillon.portal.companies import audit
from carillon.portal.companies.models import Company, Membership
from carillon.portal.refused import Refused

OWNER = Membership.Role.OWNER


@transaction.atomic
def give_role(place: Membership, role: str, *, by: User) -> None:
    """Set somebody's role."""
    before = place.role
    if role == before:
        return
    check_owner_rights(place.company, [role, before], by)
    set_role(place, role)
    thing = (f"a{place.user_id}", place.user.name)
    audit.write(place.company, by, "role-given", thing, {"role": before}, {"role": role})


def check_owner_rights(company: Company, roles: Sequence[str], by: User) -> None:
    """Only an owner makes, unmakes or stands in for an owner."""
    owners = Membership.objects.filter(user=by, company=company, role=OWNER)
    if OWNER in roles and not owners.exists():
        raise Refused("owners-only", _("Only an owner may do this to an owner."))


def set_role(place: Membership, role: str) -> str:
    """Set the role and return what it was; a company always keeps an owner."""
    before = place.role
    if before == OWNER != role:
        keep_an_owner(place)
    place.role = role
    place.save(update_fields=["role"])
    return before


def keep_an_owner(place: Membership) -> None:
    """Refuse to lose the last owner who can sign in."""
    others = Membership.objects.filter(company=place.company, role=OWNER, user__is_active=True)
    if not others.exclude(pk=place.pk).exists():
        raise Refused("last-owner", _("A company needs an owner: make somebody else owner first."))

"""What changes companies and who belongs to them."""

from __future__ import annotations

from itertools import chain, count
from typing import Any

from django.db import transaction
from django.utils.text import slugify

from carillon.portal.accounts.models import User
from carillon.portal.companies import audit
from carillon.portal.companies.models import Company, Membership
from carillon.portal.companies.publish import bump_plan


@transaction.atomic
def create_company(name: str, *, owner: User, **facts: Any) -> Company:
    """Make a company with its owner. `facts`: country, language, timezone, demo."""
    company = Company.objects.create(name=name, slug=_free_slug(name), **facts)
    Membership.objects.create(user=owner, company=company, role=Membership.Role.OWNER)
    audit.write(company, owner, "company-created", (company.key, name))
    return company


@transaction.atomic
def change_company(company: Company, changes: dict[str, Any], *, by: User) -> None:
    """Set name, country, language or timezone."""
    before = {field: getattr(company, field) for field in changes}
    if before == changes:
        return
    for field, value in changes.items():
        setattr(company, field, value)
    company.save(update_fields=list(changes))
    audit.write(company, by, "company-changed", (company.key, company.name), before, changes)
    bump_plan(company)


def _free_slug(name: str) -> str:
    slug = slugify(name) or "company"
    taken = set(Company.objects.filter(slug__startswith=slug).values_list("slug", flat=True))
    numbered = (f"{slug}-{n}" for n in count(2))
    return next(each for each in chain((slug,), numbered) if each not in taken)

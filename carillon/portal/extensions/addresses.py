"""Emergency addresses (R58-R61): set by the person or whoever runs the company, never without consent."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from carillon.portal.accounts.models import User
from carillon.portal.companies import audit
from carillon.portal.companies.publish import bump_plan
from carillon.portal.extensions.models import EmergencyAddress, Person

TERMS_VERSION = "2026-11"
"""Of the conditions that are shown beside the form; raised when their words change."""
FIELDS = ("name", "country", "street", "unit", "city", "state", "postcode", "email")
WITH_STATE = ("US", "CA")
"""Where an address has a state (X3)."""


@transaction.atomic
def set_address(person: Person, facts: dict[str, str], *, by: User) -> EmergencyAddress:
    """Set where help is sent, and note who accepted the conditions, when, and which ones."""
    known = EmergencyAddress.objects.filter(person=person).first()
    before = {"address": str(known)} if known else {}
    found, _made = EmergencyAddress.objects.update_or_create(
        person=person,
        defaults={
            **{field: facts.get(field, "") for field in FIELDS},
            "company": person.company,
            "terms_version": TERMS_VERSION,
            "accepted_at": timezone.now(),
            "accepted_by": by,
        },
    )
    after = {"address": str(found), "terms": TERMS_VERSION}
    audit.write(
        person.company, by, "emergency-address-set", (person.key, person.name), before, after
    )
    bump_plan(person.company)
    return found

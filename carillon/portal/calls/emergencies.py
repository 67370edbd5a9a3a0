"""Somebody calls for help: those who run the company are told at once, so that they can be at the door."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping

from django.db import transaction
from django.urls import reverse

from carillon.portal import mail
from carillon.portal.calls.apply import moment
from carillon.portal.companies.models import Company, Membership
from carillon.schema.events import Decided

log = logging.getLogger(__name__)

REASON = "call.emergency"
TOLD = (Membership.Role.OWNER, Membership.Role.ADMINISTRATOR)


def tell_emergencies(events: Iterable[Decided], companies: Mapping[str, int]) -> None:
    """Write to owners and administrators of each call for help. Call inside the journal's transaction."""
    for event in events:
        company = companies.get(event.call)
        if event.reason != REASON or company is None:
            continue
        try:
            # A message that cannot be written must not hold up the history.
            with transaction.atomic():
                _tell(event, Company.objects.get(pk=company))
        except Exception:
            log.exception("nobody could be told of the emergency call %s", event.call)


def _tell(event: Decided, company: Company) -> None:
    runs = Membership.objects.filter(company=company, role__in=TOLD).select_related("user")
    for membership in runs:
        user = membership.user
        facts = {
            "company": company.name,
            "number": event.facts.get("number", ""),
            "who": event.facts.get("who", ""),
            "phone": event.facts.get("phone", ""),
            "address": event.facts.get("address", ""),
            "at": moment(event.at),
            "zone": company.timezone,
            "link": mail.absolute(reverse("call", args=[event.call])),
        }
        if user.is_active and user.email:
            mail.send("emergency", user.email, user.language, facts)

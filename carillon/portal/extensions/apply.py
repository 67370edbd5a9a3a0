"""Phones that came and went, and what was chosen on them, as the switch tells it.

Call inside one transaction with the cursor.
"""

from __future__ import annotations

from datetime import UTC, datetime

from carillon.portal.companies import audit
from carillon.portal.companies.publish import bump_plan
from carillon.portal.extensions.actions import set_availability
from carillon.portal.extensions.models import Device, Override, Person
from carillon.schema.events import (
    AvailabilityChosen,
    DeviceLost,
    DeviceRegistered,
    HoursOverridden,
)


def apply_registration(event: DeviceRegistered | DeviceLost) -> None:
    """Note that a phone is on line, or no longer."""
    digits = event.device.removeprefix("d")
    if not (digits.isascii() and digits.isdigit()):
        return
    device = Device.everywhere.filter(pk=int(digits))
    if isinstance(event, DeviceLost):
        device.update(registered_at=None, address="")
    else:
        device.update(
            registered_at=datetime.fromtimestamp(event.at, UTC),
            address=event.address[:80],
            user_agent=event.user_agent[:160],
        )


def apply_availability(event: AvailabilityChosen) -> None:
    """Turn do-not-disturb on or off for somebody who chose it on a phone."""
    digits = event.user.removeprefix("u")
    if not (digits.isascii() and digits.isdigit()):
        return
    found = Person.everywhere.filter(pk=int(digits), deleted_at=None).select_related("company")
    person = found.first()
    if person is not None and person.company.key == event.company:
        set_availability(person, event.available, by=person.user)


def apply_override(event: HoursOverridden) -> None:
    """Open or close the whole company, or let the hours count again, for somebody who dialled so."""
    digits = event.user.removeprefix("u")
    if not (digits.isascii() and digits.isdigit()):
        return
    found = Person.everywhere.filter(pk=int(digits), deleted_at=None).select_related("company")
    person = found.first()
    if person is None or person.company.key != event.company:
        return
    company = person.company
    if event.open is None:
        Override.everywhere.filter(company=company).delete()
    else:
        until = datetime.fromtimestamp(event.until, UTC) if event.until else None
        facts = {"open": event.open, "until": until, "by": person}
        Override.everywhere.update_or_create(company=company, defaults=facts)
    after = {"open": event.open, "until": event.until}
    audit.write(company, person.user, "hours-overridden", (company.key, company.name), after=after)
    bump_plan(company)


def forget_registrations() -> None:
    """Nobody is known to be on line: another switch answers now."""
    Device.everywhere.exclude(registered_at=None).update(registered_at=None, address="")

"""Phones that came and went, and what was chosen on them, as the switch tells it.

Call inside one transaction with the cursor.
"""

from __future__ import annotations

from datetime import UTC, datetime

from carillon.portal.extensions.actions import set_availability
from carillon.portal.extensions.models import Device, Person
from carillon.schema.events import AvailabilityChosen, DeviceLost, DeviceRegistered


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


def forget_registrations() -> None:
    """Nobody is known to be on line: another switch answers now."""
    Device.everywhere.exclude(registered_at=None).update(registered_at=None, address="")

"""Phones that came and went, as the switch tells it. Call inside one transaction with the cursor."""

from __future__ import annotations

from datetime import UTC, datetime

from carillon.portal.extensions.models import Device
from carillon.schema.events import DeviceLost, DeviceRegistered


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


def forget_registrations() -> None:
    """Nobody is known to be on line: another switch answers now."""
    Device.everywhere.exclude(registered_at=None).update(registered_at=None, address="")

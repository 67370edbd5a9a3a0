"""The phone in the browser: a device of each person's own, whose password nobody ever sees or types."""

from __future__ import annotations

from django.db import transaction
from django.utils.translation import gettext

from carillon.portal.accounts.models import User
from carillon.portal.extensions.actions import add_device, remove_device
from carillon.portal.extensions.models import Device, Person


@transaction.atomic
def turn_on(person: Person, *, by: User) -> Device:
    """Return the person's browser phone, made at its first use and after each time it was turned off."""
    found = Device.objects.filter(person=person, browser=True).first()
    # As the audit log names it, in the words of whoever turned it on.
    return found or add_device(person, gettext("Browser"), browser=True, by=by)


@transaction.atomic
def turn_off(person: Person, *, by: User) -> None:
    """End what the browser phone signs in with; the next time it is turned on it gets another."""
    for device in Device.objects.filter(person=person, browser=True):
        remove_device(device, by=by)

"""Who is on a phone now, and so who can be rung."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from carillon.flows.steps import World

if TYPE_CHECKING:
    from carillon.switch.calls import Call
    from carillon.switch.devices import Devices
    from carillon.switch.legs import Leg
    from carillon.switch.plans import PlanStore


class People:
    """Every user with a live leg. The legs themselves are kept, so that none can be counted twice."""

    def __init__(
        self, plans: PlanStore, devices: Devices, changed: Callable[[str, str], None]
    ) -> None:
        self.plans = plans
        self.devices = devices
        self._changed = changed
        self._legs: dict[tuple[str, str], set[Leg]] = {}

    def occupy(self, call: Call, leg: Leg) -> None:
        """A user's phone rings, or calls."""
        if leg.party.user is not None:
            key = (call.plan.company, leg.party.user)
            self._legs.setdefault(key, set()).add(leg)
            self._changed(*key)

    def release(self, call: Call, leg: Leg) -> None:
        """It no longer does."""
        if leg.party.user is None:
            return
        key = (call.plan.company, leg.party.user)
        legs = self._legs.get(key)
        if legs is not None:
            legs.discard(leg)
            if not legs:
                del self._legs[key]
            self._changed(*key)

    def legs(self, company: str, user: str) -> list[Leg]:
        """Return the legs of a user that ring or talk."""
        return sorted(self._legs.get((company, user), ()), key=lambda leg: leg.media)

    @property
    def busy(self) -> frozenset[tuple[str, str]]:
        """Every user, with the company, who is rung or talking."""
        return frozenset(self._legs)

    def lines(self, call: Call, user: str) -> int:
        """Return how many lines a user has in use, but for being rung by this very call."""
        legs = self._legs.get((call.plan.company, user), ())
        ringing = call.ringing if legs else ()
        return sum(leg not in ringing for leg in legs)

    def world(self, call: Call) -> World:
        """Return what a call's flow may see of the company's people."""
        return _World(self, call)


class _World:
    def __init__(self, people: People, call: Call) -> None:
        self._people = people
        self._call = call

    def availability(self, user: str) -> str:
        """Return free, dnd, busy or no-phone. Do-not-disturb is as the newest plan has it."""
        people, company = self._people, self._call.plan.company
        known = people.plans.user(company, user)
        if known is not None and not known.available:
            return "dnd"
        lines = people.lines(self._call, user)
        if lines > (1 if known is not None and known.call_waiting else 0):
            return "busy"
        devices = people.plans.devices_of(company, user)
        reachable = any(people.devices.bindings(device.username) for device in devices)
        return "free" if reachable else "no-phone"

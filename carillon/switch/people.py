"""Who is on a phone now, or not yet done with the last call, and so who can be rung."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from carillon.flows.hours import opening
from carillon.flows.steps import World
from carillon.schema.plan import User

if TYPE_CHECKING:
    from carillon.switch.calls import Call
    from carillon.switch.legs import Leg
    from carillon.switch.switchboard import Switchboard

Key = tuple[str, str]
"""A company and one of its users."""


class People:
    """Every user with a live leg. The legs themselves are kept, so that none can be counted twice."""

    def __init__(self, board: Switchboard, changed: Callable[[str, str], None]) -> None:
        self._board = board
        self._changed = changed
        self._legs: dict[Key, set[Leg]] = {}
        self._idle: dict[Key, float] = {}
        """When each user's last call ended, by the loop's clock."""
        self._after: dict[Key, float] = {}
        """Until when each user is still busy with the last call."""
        self._owing: dict[Key, str] = {}
        """Users who have a call to tag before they get another (A26), and which."""

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
            if leg.answered and not leg.coach:
                self._finish_up(call, key)
            if not legs:
                del self._legs[key]
            self._changed(*key)

    def _finish_up(self, call: Call, key: Key) -> None:
        """A user has talked in a call of a number: there may be something to be done after it."""
        now = self._board.now
        self._idle[key] = now
        user = self._board.plans.user(*key)
        if user is None or not call.number.id:
            return
        if call.number.mandatory_tag:
            self._owing[key] = call.id
        if user.after_call_seconds > 0:
            self._after[key] = now + user.after_call_seconds
            self._board.loop.call_later(user.after_call_seconds, self._changed, *key)

    def owe(self, company: str, user: str, call: str) -> None:
        """A user has a call to tag, from before this switch began."""
        self._owing[company, user] = call
        self._changed(company, user)

    def finished(self, company: str, user: str) -> None:
        """A user has tagged the last call, or is ready before the time."""
        self._after.pop((company, user), None)
        self._owing.pop((company, user), None)
        self._changed(company, user)

    def legs(self, company: str, user: str) -> list[Leg]:
        """Return the legs of a user that ring or talk."""
        return sorted(self._legs.get((company, user), ()), key=lambda leg: leg.media)

    @property
    def busy(self) -> frozenset[Key]:
        """Every user, with the company, who is rung or talking."""
        return frozenset(self._legs)

    @property
    def owing(self) -> dict[Key, str]:
        """Every user who has a call to tag, and which call."""
        return dict(self._owing)

    def idle_since(self, company: str, user: str) -> float:
        """Return when a user's last call ended, 0 for who had none."""
        return self._idle.get((company, user), 0.0)

    def availability(self, company: str, user: str, ringing: tuple[Leg, ...] = ()) -> str:
        """Return one of `flows.steps.STATES`, by the newest plan; `ringing` legs do not count."""
        board, key = self._board, (company, user)
        known = board.plans.user(company, user)
        if known is None:
            return "no-phone"
        if not known.available:
            return "dnd"
        if _off_hours(known, board.clock()):
            return "off-hours"
        devices = board.plans.devices_of(company, user)
        if not any(board.devices.bindings(device.username) for device in devices):
            return "no-phone"
        legs = self._legs.get(key, ())
        lines = sum(leg not in ringing for leg in legs) if ringing else len(legs)
        if lines > (1 if known.call_waiting else 0):
            return "busy"
        if key in self._owing:
            return "tag"
        return "acw" if self._after.get(key, 0.0) > board.now else "free"

    def world(self, call: Call) -> World:
        """Return what a call's flow may see of the company's people."""
        return _World(self._board, call)


def _off_hours(user: User, at: float) -> bool:
    if user.hours is None:
        return False
    return not opening(user.hours, datetime.fromtimestamp(at, UTC)).is_open


class _World:
    def __init__(self, board: Switchboard, call: Call) -> None:
        self._board = board
        self._call = call

    def availability(self, user: str) -> str:
        """Return one of `STATES`; being rung by this very call does not make a user busy."""
        ringing = tuple(self._call.ringing)
        return self._board.people.availability(self._call.plan.company, user, ringing)

    def place(self) -> tuple[int, float]:
        """Return the call's place in its line."""
        return self._board.queues.place(self._call.plan.company, self._call.id)

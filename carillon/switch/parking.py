"""Calls parked in a company's slots, where any of its phones can take them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from carillon.switch.calls import Call
from carillon.switch.legs import Leg
from carillon.switch.transfers import CannotDo

if TYPE_CHECKING:
    from carillon.switch.switchboard import Switchboard

CODE = "*5"
SLOTS = tuple(f"{number:02d}" for number in range(1, 100))
PARK_SECONDS = 120.0
"""How long a call stays parked before it goes back to who parked it."""


class Parking:
    """Which slot holds which call is written on the calls themselves; here is what may be done with them."""

    def __init__(self, board: Switchboard) -> None:
        self._board = board

    @staticmethod
    def is_park(dialled: str) -> bool:
        """Say whether a phone dials a parking place."""
        return dialled == CODE or (dialled.startswith(CODE) and dialled[len(CODE) :] in SLOTS)

    def find(self, company: str, slot: str) -> Call | None:
        """Return the call in a slot."""
        for call in self._board.calls.values():
            if call.slot == slot and call.plan.company == company and not call.closing:
                return call
        return None

    def park(self, call: Call, leg: Leg, slot: str = "") -> str:
        """Park whoever talks with a leg, which is out of the call; return the slot."""
        if leg not in call.talk or len(call.talk.talkers) != 2 or call.closing:
            raise CannotDo(403, "not-talking")
        company = call.plan.company
        free = (each for each in SLOTS if self.find(company, each) is None)
        slot = slot or next(free, "")
        if slot not in SLOTS:
            raise CannotDo(503, "full" if not slot else "bad-number")
        if self.find(company, slot) is not None:
            raise CannotDo(486, "slot-taken")
        call.park_in(slot)
        call.recall = leg
        call.decide("call.parked", who=leg.who, slot=slot)
        call.talk.leave(leg)
        call.recordings.follow(call.talk.talkers)
        call.alarm.set(PARK_SECONDS, call, partial(self._too_long, call))
        return slot

    def referred(self, call: Call, leg: Leg, referral: int, dialled: str) -> None:
        """A phone parks by transfer: it is told the slot before it is let go."""
        endpoint = self._board.endpoint
        slot = self.park(call, leg, dialled[len(CODE) :])
        endpoint.answer_referral(referral, 202, self._board.now)
        call.guests.tell(leg, self._spoken(call, slot), partial(self._told, referral))

    def _told(self, referral: int, call: Call, leg: Leg) -> None:
        self._board.endpoint.tell_referral(referral, 200, "OK", self._board.now)
        leg.hang_up("")

    def _spoken(self, call: Call, slot: str) -> tuple[str, ...]:
        prompts = call.plan.system_prompts
        names = ("parked", *(f"digit-{digit}" for digit in slot))
        found = (prompts.get(f"{call.plan.language}.{name}") for name in names)
        return self._board.paths(tuple(prompt for prompt in found if prompt is not None))

    def take(self, call: Call, leg: Leg) -> None:
        """Let a phone that calls in take a parked call."""
        call.guests.admit(call, leg, taken)

    def _too_long(self, call: Call) -> None:
        slot, back = call.slot, call.recall
        talkers = call.talk.talkers
        if not slot or len(talkers) != 1:
            return
        call.decide("call.park-timeout", slot=slot)
        if back is None or not self._board.transfers.give_back(call, talkers[0], back):
            call.end(by="system", detail="park-timeout")


def taken(call: Call, leg: Leg) -> None:
    """A phone is answered: it talks with whoever was parked, unless somebody was quicker."""
    if not call.slot:
        leg.hang_up("")
        return
    call.park_in("")
    call.recall = None
    call.alarm.stop()
    call.decide("call.taken", who=leg.who)
    call.join(leg)

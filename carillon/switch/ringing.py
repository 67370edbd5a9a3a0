"""Phones rung together, and how the ones before them refused."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from carillon.sip.errors import LocalError
from carillon.switch.legs import Leg
from carillon.switch.outcomes import DECLINED
from carillon.switch.sounds import NoPort

if TYPE_CHECKING:
    from carillon.switch.calls import Call
    from carillon.switch.switchboard import Switchboard

log = logging.getLogger(__name__)

ELSEWHERE = 'SIP;cause=200;text="Call completed elsewhere"'


class Ringing:
    """Which legs ring; `status` is what the last to be told of said, a refusal by a person before all."""

    def __init__(self, board: Switchboard) -> None:
        self.status = 480
        self.refused = False
        """Whether `status` is ours: nobody was rung because there is no line, or it is not allowed."""
        self._board = board
        self._legs: dict[str, Leg] = {}
        self._declined = False

    def __len__(self) -> int:
        return len(self._legs)

    def __contains__(self, leg: Leg) -> bool:
        return self._legs.get(leg.id) is leg

    @property
    def legs(self) -> list[Leg]:
        """The legs that ring."""
        return list(self._legs.values())

    @property
    def reason(self) -> str:
        """Why nobody answered: declined or failed."""
        return "declined" if self._declined else "failed"

    def start(self, call: Call, legs: list[Leg]) -> None:
        """Ring these too."""
        self._declined = False
        for leg in legs:
            self._legs[leg.id] = leg
            self._board.people.occupy(call, leg)
            try:
                leg.start()
            except (NoPort, LocalError) as error:
                log.error("call %s: cannot ring %s: %r", call.id, leg.who, error)
                del self._legs[leg.id]
                leg.ended(503)
        if not self._legs:
            # Phones that went away since the flow asked: tell it when it is listening again.
            self._board.loop.call_soon(self._nobody, call)

    def _nobody(self, call: Call) -> None:
        with self._board.guard(call):
            if not self._legs:
                call.nobody_rings(self)

    def picked(self, leg: Leg) -> None:
        """One was answered and rings no more."""
        del self._legs[leg.id]

    def failed(self, leg: Leg, status: int) -> bool:
        """One came to nothing; say whether it was still wanted."""
        if self._legs.pop(leg.id, None) is None:
            return False
        if status in DECLINED or not self._declined:
            self.status, self.refused = status, False
        self._declined = self._declined or status in DECLINED
        return True

    def refuse(self, status: int) -> None:
        """Take note of why somebody cannot be rung at all."""
        self.status, self.refused = status, True

    def stop(self, reason: str) -> None:
        """Stop every phone that still rings; `reason` is a Reason header's value."""
        legs, self._legs = self._legs, {}
        for leg in legs.values():
            leg.hang_up(reason)

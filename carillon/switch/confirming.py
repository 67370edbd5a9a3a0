"""Outside phones that were picked up and are asked to press 1, so that no voicemail swallows a call."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from carillon.switch.alarm import Alarm
from carillon.switch.legs import Leg

if TYPE_CHECKING:
    from carillon.switch.calls import Call
    from carillon.switch.switchboard import Switchboard

CONFIRM_KEY = "1"
CONFIRM_SECONDS = 20.0
"""A voicemail's greeting has gone by and its recording has begun by then."""
SENTENCE = "confirm-take"


class Confirming:
    """Legs that have not pressed the key yet. They still ring, as far as the flow knows."""

    def __init__(self, board: Switchboard) -> None:
        self._board = board
        self._legs: dict[Leg, tuple[Alarm, Callable[[], None]]] = {}

    def __contains__(self, leg: Leg) -> bool:
        return leg in self._legs

    @staticmethod
    def wanted(leg: Leg) -> bool:
        """Say whether this leg must be asked."""
        return leg.dial is not None and leg.dial.target is not None and leg.dial.target.confirm

    def ask(self, call: Call, leg: Leg, then: Callable[[], None]) -> None:
        """Ask a leg to press 1; `then` when it does."""
        alarm = Alarm(self._board)
        self._legs[leg] = alarm, then
        alarm.set(CONFIRM_SECONDS, call, lambda: self._too_late(call, leg))
        call.decide("ring.confirm-asked", who=leg.who)
        sentence = call.plan.sentence(call.number.language, SENTENCE)
        if sentence is not None:
            leg.ear.hear_files(self._board.paths((sentence,)), loop=True)

    def pressed(self, leg: Leg, digit: str) -> None:
        """A key was heard."""
        if digit == CONFIRM_KEY and leg in self._legs:
            alarm, then = self._legs.pop(leg)
            alarm.stop()
            leg.ear.stop()
            then()

    def forget(self, leg: Leg) -> None:
        """The leg is gone."""
        found = self._legs.pop(leg, None)
        if found is not None:
            found[0].stop()

    def close(self) -> None:
        """Nobody is asked any more."""
        for alarm, _ in self._legs.values():
            alarm.stop()
        self._legs.clear()

    def _too_late(self, call: Call, leg: Leg) -> None:
        self.forget(leg)
        call.decide("ring.not-confirmed", who=leg.who)
        leg.hang_up("")
        call.failed(leg, 480)

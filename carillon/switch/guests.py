"""Legs that come to a call besides its flow: rung to join it, or calling in to take somebody's place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from carillon.schema.events import LegAnswered, LegRang
from carillon.switch.alarm import Alarm
from carillon.switch.caller import Caller
from carillon.switch.legs import Leg
from carillon.switch.ringing import ELSEWHERE, Ringing
from carillon.switch.visit import can_talk

if TYPE_CHECKING:
    from carillon.switch.calls import Call
    from carillon.switch.switchboard import Switchboard

Then = Callable[["Call", Leg], None]
Else = Callable[["Call", str], None]
"""Is told why nobody came: declined, failed, timeout."""


@dataclass(slots=True, eq=False)
class Invitation:
    """Phones rung together for one place in the call."""

    ringing: Ringing
    alarm: Alarm
    then: Then
    otherwise: Else


class Guests:
    """Who is on the way into a call."""

    def __init__(self, board: Switchboard) -> None:
        self._board = board
        self._invitations: list[Invitation] = []
        self._entering: dict[Leg, Caller] = {}
        self._hearing: dict[Leg, Then] = {}

    def __contains__(self, leg: Leg) -> bool:
        return self.ringing_of(leg) is not None

    @property
    def ringing(self) -> list[Leg]:
        """Every leg that rings."""
        return [leg for each in self._invitations for leg in each.ringing.legs]

    @property
    def expected(self) -> bool:
        """Whether somebody may still come."""
        return bool(self._invitations or self._entering)

    def ringing_of(self, leg: Leg) -> Ringing | None:
        """Return what a leg rings for."""
        found = self._of(leg)
        return found.ringing if found else None

    def _of(self, leg: Leg) -> Invitation | None:
        return next((each for each in self._invitations if leg in each.ringing), None)

    # -- legs we ring ----------------------------------------------------------------------------

    def invite(
        self, call: Call, legs: list[Leg], seconds: float, then: Then, otherwise: Else
    ) -> None:
        """Ring some phones together; the first to be answered comes in, `otherwise` says why nobody."""
        found = Invitation(Ringing(self._board), Alarm(self._board), then, otherwise)
        self._invitations.append(found)
        found.alarm.set(seconds, call, lambda: self._too_long(call, found))
        call.ring(found.ringing, legs)

    def rang(self, call: Call, leg: Leg) -> None:
        """A phone we ring says so."""
        if leg in self and not leg.rang:
            leg.rang = True
            call.emit(LegRang, leg=leg.id)

    def answered(self, call: Call, leg: Leg, sdp: bytes) -> None:
        """A phone we ring was picked up."""
        found = self._of(leg)
        if found is None:
            leg.hang_up(ELSEWHERE)
            return
        if not can_talk(call, leg, sdp):
            return
        found.ringing.picked(leg)
        self._forget(found)
        found.ringing.stop(ELSEWHERE)
        call.emit(LegAnswered, leg=leg.id)
        found.then(call, leg)
        leg.settle()

    def nobody_rings(self, call: Call, ringing: Ringing) -> None:
        """None of the phones rung together was answered."""
        found = next((each for each in self._invitations if each.ringing is ringing), None)
        if found is not None:
            self._forget(found)
            found.otherwise(call, ringing.reason)

    def _too_long(self, call: Call, found: Invitation) -> None:
        if found in self._invitations:
            self._forget(found)
            found.ringing.stop("")
            found.otherwise(call, "timeout")

    def _forget(self, found: Invitation) -> None:
        found.alarm.stop()
        self._invitations.remove(found)

    # -- legs that call in -----------------------------------------------------------------------

    def admit(self, call: Call, leg: Leg, then: Then) -> None:
        """Answer a phone of ours that calls in to take part, then let it."""
        leg.id = call.next_leg_id()
        leg.call = call
        call.legs.append(leg)
        self._board.people.occupy(call, leg)
        leg.tell_start()
        self._entering[leg] = caller = Caller(self._board, leg)
        caller.when_answered(lambda: self._entered(call, leg, then))

    def _entered(self, call: Call, leg: Leg, then: Then) -> None:
        self._entering.pop(leg, None)
        then(call, leg)

    def confirmed(self, leg: Leg, answer: bytes) -> None:
        """The ACK to our answer came."""
        caller = self._entering.get(leg)
        if caller is not None:
            caller.confirmed(answer)

    def left(self, leg: Leg) -> bool:
        """A leg hung up; say whether it was on its way in."""
        self._hearing.pop(leg, None)
        caller = self._entering.pop(leg, None)
        if caller is not None:
            caller.leave()
        return caller is not None

    # -- a last word -----------------------------------------------------------------------------

    def tell(self, leg: Leg, paths: tuple[str, ...], then: Then) -> None:
        """Play something to a leg that takes part no more; `then` once it is over."""
        self._hearing[leg] = then
        leg.ear.hear_files(paths)

    def played(self, leg: Leg) -> None:
        """It is over."""
        then = self._hearing.pop(leg, None)
        if then is not None and leg.call is not None:
            then(leg.call, leg)

    def close(self) -> None:
        """The call is ending."""
        for found in list(self._invitations):
            self._forget(found)
            found.ringing.stop("")
        for caller in self._entering.values():
            caller.leave()
        self._entering.clear()
        self._hearing.clear()

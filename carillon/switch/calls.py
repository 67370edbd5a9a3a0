"""One live call, from the INVITE to the last file closed: its legs, its visits to a flow, its conversation.

Leg "a" rang us, legs "b1", "b2"… are everybody else. Whatever happens is an event first: it is emitted,
the driver writes it to the journal, and only then do packets leave. However a call ends, `_finish` is
reached: it tells `CallEnded` and gives back everything the call held.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from carillon.flows import steps
from carillon.schema.events import (
    CallArrived,
    CallEnded,
    CallEvent,
    Decided,
    DigitPressed,
    LegAnswered,
)
from carillon.schema.plan import Number, Plan
from carillon.switch.alarm import Alarm
from carillon.switch.brought import Brought
from carillon.switch.conversation import Conversation
from carillon.switch.guests import Guests
from carillon.switch.legs import Leg
from carillon.switch.outcomes import Ending, better, ended_by, outcome, refusal
from carillon.switch.recordings import CallRecordings, announcement_to_called, records
from carillon.switch.ringing import Ringing
from carillon.switch.visit import Visit

if TYPE_CHECKING:
    from carillon.switch.switchboard import Switchboard

log = logging.getLogger(__name__)

MOST_KEYS = 500
"""More keys of one call than this are obeyed, but no longer told."""
MOST_LEGS = 200
"""Whatever transfers and conferences ask for, no call makes more legs than this in its life."""


class Call:
    """What began with one INVITE, whoever takes part in it later.

    `visit` is the way through a flow of whoever is not, or not yet, in the conversation `talk`.
    """

    def __init__(
        self,
        board: Switchboard,
        arrived: CallArrived,
        plan: Plan,
        number: Number,
        a: Leg,
        *,
        placed: bool = False,
    ):
        self.id = arrived.call
        self.arrived = arrived
        self.plan = plan
        self.number = number
        self.a = a
        self.sounds = a.sounds
        a.call = self
        visit = None if placed else Visit(board, a, plan, number, arrived.direction)
        self.visit: Visit | None = visit
        self.talk = Conversation(a.sounds, board.music(plan, number))
        self.guests = Guests(board)
        self.legs = [a]
        self.cursor = board.journal.cursor
        self.recordings = CallRecordings(board, a)
        self.slot = ""
        """Where it is parked, "" when it is not."""
        self.recall: Leg | None = None
        """Who sent the caller away, and gets the call back when nobody takes it."""
        self.forwards = 0  # how often phones have sent it on
        self.brought = Brought()
        self.closing = False
        self.finished = False
        self._board = board
        self._seq = arrived.seq
        self._legs_made = 0
        self._keys = 0
        self.caller_gone = False
        self._ending = Ending()
        self.alarm = Alarm(board)  # for whoever parks the call
        self.began = board.now

    @property
    def ringing(self) -> list[Leg]:
        """Every leg that rings, for the flow or as a guest."""
        return [*(self.visit.ringing.legs if self.visit else ()), *self.guests.ringing]

    def leg(self, name: str) -> Leg | None:
        """Return a leg that is still there by its id."""
        return next((leg for leg in self.legs if leg.id == name and not leg.gone), None)

    def emit(self, make: Callable[..., CallEvent], /, **facts: object) -> None:
        """Make an event of this call and hand it to the journal."""
        self._seq += 1
        at = facts.pop("at", None) or self._board.clock()
        self._board.emit(self, make(call=self.id, seq=self._seq, at=at, **facts))
        if make is LegAnswered and len(self._board.lamps):
            self._board.lamps.answered(self, self.leg(str(facts["leg"])))

    def park_in(self, slot: str) -> None:
        """Take a parking slot, or give it back ("")."""
        before, self.slot = self.slot, slot
        for each in {before, slot} - {""}:
            self._board.lamps.parked(self.plan.company, each)

    def decide(self, reason: str, **facts: str) -> None:
        """Write a line of the timeline."""
        self.emit(Decided, node="", reason=reason, facts=facts)

    def begin(self) -> None:
        """Enter the flow."""
        if self.visit is not None:
            self.visit.begin()

    def follow(self, a: Leg) -> None:
        """Enter the flow with the leg of whoever had the call placed, who has just answered."""
        self.a = a
        self.recordings = CallRecordings(self._board, a)
        self.visit = Visit(self._board, a, self.plan, self.number, self.arrived.direction)
        self.visit.begin()

    def next_leg_id(self) -> str:
        """Return b1, b2…"""
        self._legs_made += 1
        return f"b{self._legs_made}"

    def ring(self, ringing: Ringing, legs: list[Leg]) -> None:
        """Ring some phones together."""
        legs = legs[: max(0, MOST_LEGS - len(self.legs))]
        self.legs += legs
        ringing.start(self, legs)

    def nobody_rings(self, ringing: Ringing) -> None:
        """None of the phones rung together rings any more and none was answered."""
        if self.closing:
            return
        if self.visit is not None and self.visit.ringing is ringing:
            self.visit.nobody_rings()
        else:
            self.guests.nobody_rings(self, ringing)

    def accepted(self, leg: Leg) -> None:
        """Our answer to a caller has left."""
        if self.visit is not None and leg is self.visit.leg:
            self.visit.accepted()

    def confirmed(self, leg: Leg, answer: bytes) -> None:
        """The ACK to our answer came."""
        if self.visit is not None and leg is self.visit.leg:
            self.visit.caller.confirmed(answer)
        else:
            self.guests.confirmed(leg, answer)

    def played(self, leg: Leg, play: int) -> None:
        """The media process finished a prompt."""
        if leg.ear.is_over(play):
            if self.visit is not None and leg is self.visit.leg:
                self.visit.feed(steps.Played())
            else:
                self.guests.played(leg)

    def pressed(self, leg: Leg, digit: str) -> None:
        """A key was heard."""
        self._keys += 1
        if self._keys <= MOST_KEYS and not (self.visit and self.visit.hides_keys_of(leg)):
            self.emit(DigitPressed, leg=leg.id, digit=digit)
        if self.visit is not None and (leg is self.visit.leg or leg in self.visit.confirming):
            self.visit.pressed(leg, digit)
        elif leg in self.talk:
            self._board.orders.pressed(self, leg, digit)

    def rang(self, leg: Leg, status: int, sdp: bytes) -> None:
        """A phone we ring says so."""
        if self.visit is not None and leg in self.visit.ringing:
            self.visit.rang(leg, status, sdp)
        else:
            self.guests.rang(self, leg)

    def answered(self, leg: Leg, sdp: bytes) -> None:
        """A phone we ring was picked up."""
        if not self.closing and leg in self.guests:
            self.guests.answered(self, leg, sdp)
        elif self.visit is not None:
            self.visit.answered(leg, sdp)
        else:
            leg.hang_up("")

    def failed(self, leg: Leg, status: int, contacts: tuple[str, ...] = ()) -> None:
        """A phone we ring declined, is busy, sends the call elsewhere, or could not be reached."""
        ringing = self.visit.ringing if self.visit is not None else None
        if self.visit is not None:
            self.visit.lost(leg)
        if ringing is None or leg not in ringing:
            ringing = self.guests.ringing_of(leg)
        if ringing is not None and not self.closing:
            if contacts:
                self._board.transfers.redirected(self, ringing, leg, contacts)
            elif leg.party.trunk is not None and self._board.trunks.failed(leg.party.trunk, status):
                self._board.transfers.next_carrier(self, ringing, leg, status)
        leg.ended(status)
        if ringing is not None and ringing.failed(leg, status) and not ringing:
            self.nobody_rings(ringing)

    def hung_up(self, leg: Leg) -> None:
        """A party hung up, or gave up waiting."""
        leg.ended(0)
        if self.closing:
            return
        if self.visit is not None and leg is self.visit.leg and not self.visit.connected:
            self._visitor_left()
        elif self.visit is not None and leg is self.visit.picked and not self.visit.connected:
            self.end(by="callee")
        elif leg in self.talk:
            self.part(leg)
        elif self.guests.left(leg):
            self.end_if_alone(leg)
        else:
            self.failed(leg, 480)

    def connect(self, visit: Visit, picked: Leg) -> None:
        """Let whoever came through a flow talk with whoever picked up."""
        said = None if picked.helps else announcement_to_called(self.arrived.direction, self.number)
        if said is None:
            self.talk_now(visit, picked)
            return
        self.decide("record.announced", who=picked.who)
        paths = self._board.paths((said,))
        self.guests.tell(picked, paths, lambda call, leg: call.talk_now(visit, leg))

    def talk_now(self, visit: Visit, picked: Leg) -> None:
        """Let them talk, recorded where the number says so."""
        if self.closing or picked.gone or visit.leg.gone:
            return
        visit.connected, self.recall = True, None
        self.talk.join(visit.leg, picked)
        if records(self.arrived.direction, self.number) and not picked.helps:
            self.recordings.record_call(self.talk.talkers)
        self.recordings.follow(self.talk.talkers)

    def join(self, leg: Leg, *, role: str = "talk", to: Leg | None = None) -> None:
        """Let one more leg take part."""
        self.talk.join(leg, role=role, to=to)
        self.recordings.follow(self.talk.talkers)

    def part(self, leg: Leg) -> None:
        """A leg takes part no more; the call ends when nobody is left to talk to."""
        self.talk.leave(leg)
        self.recordings.follow(self.talk.talkers)
        self.end_if_alone(leg)

    def end_if_alone(self, leg: Leg) -> None:
        """End the call if nobody is left to talk to, now that a leg has left."""
        talkers = len(self.talk.talkers)
        visiting = self.visit is not None and not self.visit.connected
        if talkers > 1 or visiting or (talkers == 1 and (self.guests.expected or self.slot)):
            return
        self.end(by="caller" if leg is self.a else "callee")

    def send(
        self,
        leg: Leg,
        plan: Plan,
        number: Number,
        direction: str,
        *,
        recall: Leg | None = None,
    ) -> None:
        """Send a leg through another flow: a transfer, or a parked call that nobody took."""
        if self.visit is not None:
            self._ending.became = better(self._ending.became, self.visit.outcome)
            if self.visit.leg is not leg and not self.visit.connected:
                self.visit.leg.hang_up("")
            self.visit.close()
        self.talk.leave(leg)
        self.recordings.follow(self.talk.talkers)
        self.park_in("")
        self.recall = recall
        self.visit = Visit(self._board, leg, plan, number, direction)
        self.visit.begin()

    def flow_ended(self, visit: Visit) -> None:
        """The flow has nothing more for its visitor."""
        back, self.recall = self.recall, None
        fruitless = visit.outcome not in ("answered", "voicemail")
        if not (
            back is not None
            and fruitless
            and self._board.transfers.give_back(self, visit.leg, back)
        ):
            self.end(by="system")

    def _visitor_left(self) -> None:
        if self.closing or self.caller_gone or self.visit is None:
            return
        self.caller_gone = True
        self._ending.at = self._board.clock()
        if not self.recordings.recording_message:
            self.end(by="caller")
            return
        self.visit.stop_waiting()  # once the file is closed, `recorded` lets the flow decide
        self._board.closing.add(self)
        self.recordings.stop()
        if not self.sounds.connected:
            self.recordings.give_up()

    def recorded(self, reason: str, seconds: float, digit: str) -> None:
        """The message's file is closed."""
        over = self.caller_gone or self.closing
        if self.visit is not None:
            self.visit.feed(steps.Recorded("stopped" if over else reason, seconds, digit))
        if self.caller_gone:
            self.end(by="caller")

    def end(self, *, by: str, detail: str = "") -> None:
        """Hang up on everybody; `_finish` follows when the last figures are in."""
        if self.closing:
            return
        self._ending.at = self._ending.at or self._board.clock()
        self._ending.by = ended_by(self.arrived.purpose, "caller" if self.caller_gone else by)
        self._ending.detail = detail
        self.alarm.stop()
        if self.visit is not None:
            self.visit.stop_waiting()
            if not self.recordings.recording_message:
                self._leave_flow(self.visit)
        self.closing = True
        self.recordings.stop()
        self._board.closing.add(self)
        status = self._refusal()
        for leg in self.legs:
            self._let_go(leg, status)
        self.guests.close()
        if self.visit is not None:
            self.visit.ringing.stop("")
        if not self.sounds.connected:
            self.recordings.give_up()
        self.maybe_finish()

    def _refusal(self) -> int:
        if self.visit is None:
            return refusal(self.arrived.direction, 480)
        ringing = self.visit.ringing
        return refusal(self.arrived.direction, ringing.status, ours=ringing.refused)

    def _leave_flow(self, visit: Visit) -> None:
        """Keep a message that was recorded already, whoever ends the call."""
        try:
            visit.leave_flow()
        except Exception:
            log.exception("call %s: a fault of ours while leaving its flow", self.id)

    def _let_go(self, leg: Leg, status: int) -> None:
        try:
            leg.hang_up("", status=status if leg is self.a else 480)
        except Exception:
            log.exception("call %s: a fault of ours while hanging up on %s", self.id, leg.id)

    def finish_late(self) -> None:
        """Wait no longer for figures and files."""
        try:
            self.recordings.give_up()
            self.end(by="caller")
        finally:
            self._finish()

    def maybe_finish(self) -> None:
        """Finish once every leg told its figures and every file is closed."""
        over = all(leg.gone and not leg.sounding for leg in self.legs)
        if self.closing and over and not self.recordings.open:
            self._finish()

    def _finish(self) -> None:
        if self.finished:
            return
        self.finished = True
        try:
            for leg in self.legs:
                leg.ended(0)
                leg.tell_end(None)
            visit, by, detail = self.visit, self._ending.by, self._ending.detail
            course = better(self._ending.became, visit.outcome if visit else "") or "abandoned"
            last = visit.ringing.status if visit else 480
            became = outcome(self.arrived.direction, course, last, by=by, detail=detail)
            self.emit(CallEnded, at=self._ending.at, outcome=became, by=by, detail=detail)
        finally:
            if self.visit is not None:
                self.visit.close()
            self._board.forget(self)

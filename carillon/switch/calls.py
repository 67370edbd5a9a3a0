"""One live call: runs its course, turning what the flow asks for into SIP and sound.

Leg "a" rang us, legs "b1", "b2"… we rang. Whatever happens is an event first: it is emitted, the driver
writes it to the journal, and only then do packets leave. However a call ends, `_finish` is reached: it
tells `CallEnded` and gives back everything the call held.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from carillon.flows import steps
from carillon.flows.course import Course
from carillon.schema.events import (
    CallArrived,
    CallEnded,
    CallEvent,
    Decided,
    DigitPressed,
    LegAnswered,
    LegRang,
    MessageLeft,
)
from carillon.schema.plan import Number, Plan
from carillon.switch.alarm import Alarm
from carillon.switch.caller import Caller
from carillon.switch.legs import Leg
from carillon.switch.outcomes import outcome, refusal
from carillon.switch.recordings import CallRecordings
from carillon.switch.ringing import Ringing
from carillon.switch.sounds import NoPort

if TYPE_CHECKING:
    from carillon.switch.switchboard import Switchboard

log = logging.getLogger(__name__)

LONGEST_CALL_SECONDS = 4 * 3600.0
CLOSING_SECONDS = 2.0
"""How long the last figures and files of a call are waited for."""
MOST_KEYS = 500
"""More keys of one call than this are obeyed, but no longer told."""
ELSEWHERE = 'SIP;cause=200;text="Call completed elsewhere"'
LAST_WISHES = (steps.Decide, steps.DropRecording, steps.KeepMessage)
"""What a flow may still ask for when the call is ending."""


class Call:
    """A caller's visit, from the INVITE to the last file closed."""

    def __init__(
        self, board: Switchboard, arrived: CallArrived, plan: Plan, number: Number, a: Leg
    ):
        self.id = arrived.call
        self.arrived = arrived
        self.plan = plan
        self.number = number
        self.a = a
        a.call = self
        self.b: Leg | None = None
        self.ringing = Ringing(board)
        self.legs = [a]
        self.cursor = board.journal.cursor
        self.recordings = CallRecordings(board, a)
        self.closing = False
        self.finished = False
        self._board = board
        self._course = Course(plan, number)
        self._caller = Caller(board, a)
        self._seq = arrived.seq
        self._legs_made = 0
        self._keys = 0
        self._timer = Alarm(board)
        self._hears: Leg | None = None
        self._caller_gone = False
        self._ended_at = 0.0
        self._ended_by = "system"
        self._detail = ""
        self._last_moment = Alarm(board)
        self._longest = Alarm(board)
        self._longest.set(LONGEST_CALL_SECONDS, self, self._too_long)

    @property
    def state(self) -> str:
        """In a word, for the operator."""
        if self.closing:
            return "ending"
        if self.b is not None:
            return "talking"
        if self.ringing:
            return "ringing"
        return "recording" if self.recordings.recording_message else "announcement"

    # -- what happens ----------------------------------------------------------------------------

    def emit(self, make: Callable[..., CallEvent], /, **facts: object) -> None:
        """Make an event of this call and hand it to the journal."""
        self._seq += 1
        at = facts.pop("at", None) or self._board.clock()
        self._board.emit(self, make(call=self.id, seq=self._seq, at=at, **facts))

    def begin(self) -> None:
        """Enter the flow."""
        self._run(self._course.begin(self._at(), self._board.people.world(self)))

    def feed(self, event: steps.Happening) -> None:
        """Give the flow what happened and do what it asks."""
        self._run(self._course.step(event, self._at(), self._board.people.world(self)))

    def _at(self) -> datetime:
        return datetime.fromtimestamp(self._board.clock(), UTC)

    def _run(self, asked: list[steps.Asked]) -> None:
        for wish in asked:
            if not self.closing or isinstance(wish, LAST_WISHES):
                self._do(wish)

    def _do(self, wish: steps.Asked) -> None:
        match wish:
            case steps.Decide(node, reason, facts):
                self.emit(Decided, node=node, reason=reason, facts=facts)
            case steps.Play(prompts):
                self._caller.hear(*prompts)
            case steps.PlayBeep():
                self._caller.beep()
            case steps.PlayWaiting(music):
                self._caller.wait(music)
            case steps.Ring(targets):
                self._ring(self._board.legs_for(self, targets))
            case steps.StopRinging():
                self.ringing.stop(ELSEWHERE if self.b else "")
            case steps.SetTimer(seconds):
                self._timer.set(seconds, self, self._timer_fired)
            case steps.ClearTimer():
                self._timer.stop()
            case steps.Connect():
                b = self.b
                assert b is not None
                self._caller.when_answered(lambda: self._bridge(b))
            case steps.Record():
                self._caller.when_answered(lambda: self.recordings.record_message(wish))
            case steps.PlayRecording():
                self._caller.ear.hear_files((str(self.recordings.message_path()),))
            case steps.DropRecording():
                self.recordings.drop_message()
            case steps.KeepMessage(urgent):
                self._keep_message(urgent)
            case steps.End():
                self.end(by="system")
            case steps.GoTo():
                raise AssertionError("the course follows every GoTo itself")

    def _timer_fired(self) -> None:
        self.feed(steps.TimerFired())

    def _too_long(self) -> None:
        self.emit(Decided, node="", reason="call.too-long")
        self.end(by="system", detail="too-long")

    # -- the caller's leg ------------------------------------------------------------------------

    def accepted(self) -> None:
        """Our answer to the caller has left."""
        if self.b is not None and self.a.remote is not None:
            self._bridge(self.b)

    def confirmed(self, leg: Leg, answer: bytes) -> None:
        """The ACK to our answer came."""
        if leg is self.a:
            self._caller.confirmed(answer)

    def played(self, play: int) -> None:
        """The media process finished a prompt."""
        if self._caller.ear.is_over(play):
            self.feed(steps.Played())

    def pressed(self, leg: Leg, digit: str) -> None:
        """A key was heard."""
        self._keys += 1
        if self._keys <= MOST_KEYS:
            self.emit(DigitPressed, leg=leg.id, digit=digit)
        if leg is self.a and self.b is None:
            self.feed(steps.Pressed(digit))

    # -- the legs we ring ------------------------------------------------------------------------

    def next_leg_id(self) -> str:
        """Return b1, b2…"""
        self._legs_made += 1
        return f"b{self._legs_made}"

    def _ring(self, legs: list[Leg]) -> None:
        self.legs += legs
        self.ringing.start(self, legs)

    def nobody_rings(self) -> None:
        """No phone rings any more and none was answered."""
        if self.b is None and not self.closing:
            self.feed(steps.RingingEnded(self.ringing.reason))

    def rang(self, leg: Leg, status: int, sdp: bytes) -> None:
        """A phone we ring says so; an outside line's own sound is let through to our user."""
        if leg in self.ringing and not leg.rang:
            leg.rang = True
            self.emit(LegRang, leg=leg.id)
        if self.arrived.direction != "outbound" or self._caller.answering or self.closing:
            return
        if self._caller.let_hear(leg, sdp):
            self._hears = leg
            self.a.bridge(leg)
        elif status == 180 and not self.a.early:
            self.a.ring()

    def answered(self, leg: Leg, sdp: bytes) -> None:
        """A phone we ring was picked up."""
        if self.closing or self.b is not None or leg not in self.ringing:
            leg.hang_up(ELSEWHERE)
            return
        leg.answered = True
        if not self._can_talk(leg, sdp):
            leg.hang_up("")
            self.failed(leg, 488)
            return
        self.ringing.picked(leg)
        self.b = leg
        self.emit(LegAnswered, leg=leg.id)
        self.feed(steps.Picked(leg.who))
        leg.settle()

    def _can_talk(self, leg: Leg, sdp: bytes) -> bool:
        try:
            return leg.take_answer(sdp)
        except NoPort:
            return False

    def failed(self, leg: Leg, status: int) -> None:
        """A phone we ring declined, is busy or could not be reached."""
        leg.ended(status)
        if self._hears is leg:
            self._hears = None
        if self.ringing.failed(leg, status) and not self.ringing:
            self.nobody_rings()

    def _bridge(self, b: Leg) -> None:
        if self.closing or self.recordings.recording_call:
            return
        self._caller.ear.leave()
        if self._hears is not b:
            self._hears = b
            self.a.bridge(b)
        outbound = self.arrived.direction == "outbound"
        if self.number.record_outbound if outbound else self.number.record_inbound:
            self.recordings.record_call(self.a, b)

    # -- the end ---------------------------------------------------------------------------------

    def hung_up(self, leg: Leg) -> None:
        """A party hung up (or gave up waiting)."""
        leg.ended(0)
        if leg is self.a:
            self._caller_left()
        elif leg is self.b:
            self.end(by="callee")
        else:
            self.failed(leg, 480)

    def _caller_left(self) -> None:
        if self.closing or self._caller_gone:
            return
        self._caller_gone = True
        self._ended_at = self._board.clock()
        if not self.recordings.recording_message:
            self.end(by="caller")
            return
        # The flow decides when the file is closed and its length known: see `recorded`.
        self._timer.stop()
        self._last_moment.set(CLOSING_SECONDS, self, self._finish_late)
        self.recordings.stop()
        if not self._board.sounds.connected:
            self.recordings.give_up()

    def recorded(self, reason: str, seconds: float, digit: str) -> None:
        """The message's file is closed."""
        over = self._caller_gone or self.closing
        self.feed(steps.Recorded("stopped" if over else reason, seconds, digit))
        if self._caller_gone:
            self.end(by="caller")

    def _keep_message(self, urgent: bool) -> None:
        message = self.recordings.message
        if message is not None:
            self.emit(
                MessageLeft,
                box=message.box,
                recording=message.id,
                seconds=message.seconds,
                urgent=urgent,
                partial=message.partial,
            )

    def end(self, *, by: str, detail: str = "") -> None:
        """Hang up on everybody; `_finish` follows when the last figures are in."""
        if self.closing:
            return
        self._ended_at = self._ended_at or self._board.clock()
        self._ended_by = "caller" if self._caller_gone else by
        self._detail = detail
        self._timer.stop()
        self._longest.stop()
        if not self.recordings.recording_message:
            self._leave_flow()
        self.closing = True
        self.recordings.stop()
        self._last_moment.set(CLOSING_SECONDS, self, self._finish_late)
        status = refusal(self.arrived.direction, self.ringing.status)
        for leg in self.legs:
            self._let_go(leg, status)
        self.ringing.stop("")
        if not self._board.sounds.connected:
            self.recordings.give_up()
        self.maybe_finish()

    def _leave_flow(self) -> None:
        """Keep a message that was recorded already, whoever ends the call."""
        try:
            self._run(self._course.leave())
        except Exception:
            log.exception("call %s: a fault of ours while leaving its flow", self.id)

    def _let_go(self, leg: Leg, status: int) -> None:
        try:
            leg.hang_up("", status=status if leg is self.a else 480)
        except Exception:
            log.exception("call %s: a fault of ours while hanging up on %s", self.id, leg.id)

    def _finish_late(self) -> None:
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
        self._last_moment.stop()
        try:
            for leg in self.legs:
                leg.ended(0)
                leg.tell_end(None)
            course, direction = self._course.outcome(), self.arrived.direction
            by, detail = self._ended_by, self._detail
            became = outcome(direction, course, self.ringing.status, by=by, detail=detail)
            self.emit(CallEnded, at=self._ended_at, outcome=became, by=by, detail=detail)
        finally:
            self._caller.leave()
            self._board.forget(self)

    # -- the media process went away and came back -----------------------------------------------

    def soundless(self, leg: Leg) -> None:
        """The media process could not make a leg: without sound it is no use."""
        if leg in self.ringing:
            leg.hang_up("", status=503)
            self.failed(leg, 503)
        else:
            self.end(by="system", detail="no-media")

    def lose_sound(self) -> None:
        """Wait no longer for files that a lost media process was closing."""
        if self.closing or self._caller_gone:
            self.recordings.give_up()
            self.maybe_finish()

    def restore_sound(self) -> None:
        """Build up in a new media process what the lost one knew of this call."""
        if self.closing:
            return
        for leg in self.legs:
            if not leg.gone:
                leg.reopen()
        if self._hears is not None:
            self.a.bridge(self._hears)
        else:
            self._caller.ear.restore()
        self.recordings.resume()

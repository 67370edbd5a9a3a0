"""One live call: runs its course, turning what the flow asks for into SIP and sound.

Leg "a" rang us, legs "b1", "b2"… we rang. Whatever happens is an event first: it is emitted, the driver
writes it to the journal, and only then do packets leave.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from carillon.flows.course import Course
from carillon.flows.steps import (
    Asked,
    ClearTimer,
    Connect,
    Decide,
    DropRecording,
    End,
    GoTo,
    Happening,
    KeepMessage,
    Picked,
    Play,
    PlayBeep,
    Played,
    PlayRecording,
    PlayWaiting,
    Pressed,
    Record,
    Recorded,
    Ring,
    RingingEnded,
    SetTimer,
    StopRinging,
    TimerFired,
)
from carillon.schema.cdr import CALLER_LEG
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
from carillon.schema.plan import Number, Plan, Prompt
from carillon.switch.legs import Leg
from carillon.switch.recordings import CallRecordings

if TYPE_CHECKING:
    from carillon.switch.switchboard import Switchboard

log = logging.getLogger(__name__)

LONGEST_CALL_SECONDS = 4 * 3600.0
CLOSING_SECONDS = 2.0
"""How long the last figures and files of a call are waited for."""
ELSEWHERE = 'SIP;cause=200;text="Call completed elsewhere"'
DECLINED = frozenset({486, 600, 603, 607})


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
        self.b: Leg | None = None
        self.ringing: dict[str, Leg] = {}
        self.legs = [a]
        self.cursor = board.journal.cursor
        self.recordings = CallRecordings(self, board)
        self.closing = False
        self._board = board
        self._course = Course(plan, number)
        self._seq = arrived.seq
        self._legs_made = 0
        self._timer: asyncio.TimerHandle | None = None
        self._when_answered: list[Callable[[], None]] = []
        self._answering = False
        self._play = 0
        self._sound: Callable[[], None] | None = None
        self._last_status = 480
        self._caller_gone = False
        self._ended_at = 0.0
        self._ended_by = "system"
        self._detail = ""
        self._closing_timer: asyncio.TimerHandle | None = None
        self._longest = board.loop.call_later(LONGEST_CALL_SECONDS, self._too_long)

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
        self._run(self._course.begin(self._at(), self._board.world(self.plan.company)))

    def feed(self, event: Happening) -> None:
        """Give the flow what happened and do what it asks."""
        self._run(self._course.step(event, self._at(), self._board.world(self.plan.company)))

    def _at(self) -> datetime:
        return datetime.fromtimestamp(self._board.clock(), UTC)

    def _run(self, asked: list[Asked]) -> None:
        for wish in asked:
            if self.closing:
                return
            self._do(wish)

    def _do(self, wish: Asked) -> None:
        match wish:
            case Decide(node, reason, facts):
                self.emit(Decided, node=node, reason=reason, facts=facts)
            case Play(prompts):
                self._after_answer(lambda: self._play_files(self._board.prompt_paths(prompts)))
            case PlayBeep():
                self._after_answer(self._beep)
            case PlayWaiting(music):
                self._wait(music)
            case Ring(targets):
                self._ring(self._board.legs_for(self, targets))
            case StopRinging():
                self._stop_ringing(ELSEWHERE if self.b else "")
            case SetTimer(seconds):
                self._set_timer(seconds)
            case ClearTimer():
                self._clear_timer()
            case Connect():
                self._connect()
            case Record():
                self._after_answer(lambda: self.recordings.record_message(wish))
            case PlayRecording():
                self._play_files((str(self.recordings.message_path()),))
            case DropRecording():
                self.recordings.drop_message()
            case KeepMessage(urgent):
                self._keep_message(urgent)
            case End():
                self.end(by="system")
            case GoTo():
                raise AssertionError("the course follows every GoTo itself")

    def _set_timer(self, seconds: float) -> None:
        self._clear_timer()
        self._timer = self._board.loop.call_later(seconds, self._timer_fired)

    def _clear_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _timer_fired(self) -> None:
        self._timer = None
        with self._board.guard(self):
            self.feed(TimerFired())

    def _too_long(self) -> None:
        with self._board.guard(self):
            self.emit(Decided, node="", reason="call.too-long")
            self.end(by="system", detail="too-long")

    # -- the caller's leg ------------------------------------------------------------------------

    def _after_answer(self, then: Callable[[], None]) -> None:
        """Do something that needs the caller's ear: now, or once the caller's ACK is here."""
        if self.a.answered:
            then()
            return
        self._when_answered.append(then)
        self._answer()

    def _answer(self) -> None:
        """Answer the caller, as soon as the record of it is durable."""
        if self._answering:
            return
        self._answering = True
        self.emit(LegAnswered, leg=CALLER_LEG)
        self._board.when_durable(self, self._accept)

    def _accept(self) -> None:
        if not self.closing:
            self.a.accept()
            if self.b is not None and self.a.remote is not None:
                self._bridge(self.b)

    def confirmed(self, leg: Leg) -> None:
        """The ACK to our answer came."""
        if leg is not self.a or leg.answered:
            return
        leg.answered = True
        waiting, self._when_answered = self._when_answered, []
        for then in waiting:
            then()

    def _play_files(self, paths: tuple[str, ...], *, loop: bool = False) -> None:
        self._hear(lambda: self.a.play_files(self._next_play(), paths, loop=loop))

    def _beep(self) -> None:
        self._hear(lambda: self.a.play_tone(self._next_play(), "beep"))

    def _wait(self, music: Prompt | None) -> None:
        if not self._answering:
            # An outside line says itself when it rings.
            if self.arrived.direction != "outbound" and not self.a.early:
                self.a.ring()
        elif music is not None:
            self._after_answer(
                lambda: self._play_files(self._board.prompt_paths((music,)), loop=True)
            )
        else:
            self._after_answer(
                lambda: self._hear(lambda: self.a.play_tone(self._next_play(), "ringback"))
            )

    def _hear(self, sound: Callable[[], None]) -> None:
        self._sound = sound
        sound()

    def _next_play(self) -> int:
        self._play += 1
        return self._play

    def played(self, play: int) -> None:
        """The media process finished a prompt."""
        if play == self._play:
            self._sound = None
            self.feed(Played())

    def pressed(self, leg: Leg, digit: str) -> None:
        """A key was heard."""
        self.emit(DigitPressed, leg=leg.id, digit=digit)
        if leg is self.a and self.b is None:
            self.feed(Pressed(digit))

    # -- the legs we ring ------------------------------------------------------------------------

    def next_leg_id(self) -> str:
        """Return b1, b2…"""
        self._legs_made += 1
        return f"b{self._legs_made}"

    def _ring(self, legs: list[Leg]) -> None:
        for leg in legs:
            self.ringing[leg.id] = leg
            self.legs.append(leg)
            self._board.occupy(leg)
            leg.start()
        if not legs:
            # Phones that went away since the flow asked: tell it when it is listening again.
            self._board.loop.call_soon(self._nothing_rings)

    def _nothing_rings(self) -> None:
        with self._board.guard(self):
            if not self.ringing and self.b is None:
                self.feed(RingingEnded("failed"))

    def rang(self, leg: Leg, status: int, sdp: bytes) -> None:
        """A phone we ring says so; an outside line's own sound is let through to our user."""
        if leg.id in self.ringing and not leg.rang:
            leg.rang = True
            self.emit(LegRang, leg=leg.id)
        if self.arrived.direction != "outbound" or self._answering or self.closing:
            return
        if sdp and not self.a.early and leg.take_answer(sdp):
            self.a.ring(early=True)
            self.a.bridge(leg)
        elif status == 180 and not self.a.early:
            self.a.ring()

    def answered(self, leg: Leg, sdp: bytes) -> None:
        """A phone we ring was picked up."""
        if self.closing or self.b is not None or leg.id not in self.ringing:
            leg.hang_up(ELSEWHERE)
            return
        if not leg.take_answer(sdp):
            leg.hang_up("")
            self.failed(leg, 488)
            return
        leg.answered = True
        del self.ringing[leg.id]
        self.b = leg
        self.emit(LegAnswered, leg=leg.id)
        self.feed(Picked(leg.who))

    def failed(self, leg: Leg, status: int) -> None:
        """A phone we ring declined, is busy or could not be reached."""
        leg.ended(status)
        self._last_status = status
        if self.ringing.pop(leg.id, None) is None or self.closing:
            return
        if not self.ringing and self.b is None:
            self.feed(RingingEnded("declined" if status in DECLINED else "failed"))

    def _stop_ringing(self, reason: str) -> None:
        for leg in list(self.ringing.values()):
            leg.hang_up(reason)
        self.ringing.clear()

    def _connect(self) -> None:
        assert self.b is not None
        b = self.b
        if self._answering:
            self._after_answer(lambda: self._bridge(b))
        else:
            self._answer()
            self._when_answered.append(lambda: self._bridge(b))

    def _bridge(self, b: Leg) -> None:
        if self.closing or self.a.bridged:
            return
        self._sound = None
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

    def _caller_left(self) -> None:
        if self.closing:
            return
        self._clear_timer()
        self._stop_ringing("")
        if self.recordings.recording_message:
            # The flow decides when the file is closed and its length known: see `recorded`.
            self._caller_gone = True
            self.recordings.stop()
            return
        self._run(self._course.leave())
        self.end(by="caller")

    def recorded(self, reason: str, seconds: float, digit: str) -> None:
        """The message's file is closed."""
        self.feed(Recorded("stopped" if self._caller_gone else reason, seconds, digit))
        if self._caller_gone and not self.closing:
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
        """Hang up on everybody; `finish` follows when the last figures are in."""
        if self.closing:
            return
        self._ended_at = self._board.clock()
        self._ended_by = "caller" if self._caller_gone else by
        self._detail = detail
        self._clear_timer()
        self._longest.cancel()
        self._stop_ringing("")
        self.closing = True
        if not self.a.gone:
            self.a.hang_up("", status=self._refusal())
        if self.b is not None and not self.b.gone:
            self.b.hang_up("")
        self._closing_timer = self._board.loop.call_later(CLOSING_SECONDS, self._finish_late)
        self.maybe_finish()

    def _refusal(self) -> int:
        """What the caller is told who was never answered."""
        return 480 if self.arrived.direction == "inbound" else self._last_status

    def _finish_late(self) -> None:
        with self._board.guard(self):
            self.recordings.give_up()
            self._finish()

    def maybe_finish(self) -> None:
        """Finish once every leg told its figures and every file is closed."""
        if self.closing and not any(leg.sounding for leg in self.legs) and not self.recordings.open:
            self._finish()

    def _finish(self) -> None:
        if self._closing_timer is None:
            return
        self._closing_timer.cancel()
        self._closing_timer = None
        self.emit(
            CallEnded,
            at=self._ended_at,
            outcome=self._outcome(),
            by=self._ended_by,
            detail=self._detail,
        )
        self._board.forget(self)

    def _outcome(self) -> str:
        outcome = self._course.outcome()
        if self._detail == "bug":
            return "failed"
        if self.arrived.direction == "inbound" or outcome != "missed" or self._ended_by != "system":
            return outcome
        if self._last_status in DECLINED:
            return "refused"
        return "failed" if self._last_status >= 500 or self._last_status == 404 else outcome

    # -- the media process came back -------------------------------------------------------------

    def restore_sound(self) -> None:
        """Build up in a new media process what the lost one knew of this call."""
        if self.closing:
            return
        for leg in [self.a, *self.ringing.values(), *([self.b] if self.b else [])]:
            leg.reopen()
        if self.b is not None and self.a.bridged:
            self.a.bridge(self.b)
        elif self._sound is not None:
            self._sound()
        self.recordings.resume()

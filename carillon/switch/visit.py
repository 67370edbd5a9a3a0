"""One leg's way through a flow: what the course asks for becomes SIP and sound, what happens is fed back.

A call begins with its caller's visit; a transfer gives whoever stays on the line a visit of its own.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from carillon.flows import steps
from carillon.flows.course import Course
from carillon.schema.events import (
    AvailabilityChosen,
    CallbackRequested,
    Decided,
    LegAnswered,
    LegRang,
)
from carillon.schema.mediacontrol import BridgeLegs
from carillon.schema.plan import Number, Plan
from carillon.switch.alarm import Alarm
from carillon.switch.caller import Caller
from carillon.switch.confirming import Confirming
from carillon.switch.legs import Leg
from carillon.switch.ringing import ELSEWHERE, Ringing
from carillon.switch.sounds import NoPort

if TYPE_CHECKING:
    from carillon.switch.calls import Call
    from carillon.switch.switchboard import Switchboard

LAST_WISHES = (steps.Decide, steps.DropRecording, steps.KeepMessage)
"""What a flow may still ask for when the call is ending."""

Sounding = (
    steps.Play
    | steps.PlayBeep
    | steps.StopPlaying
    | steps.PlayMessage
    | steps.PlayRecording
    | steps.PlayWaiting
)
Reaching = (
    steps.Ring | steps.StopRinging | steps.Seek | steps.Passed | steps.StopSeeking | steps.Connect
)
Recording = steps.Record | steps.DropRecording | steps.KeepMessage


class Visit:
    """Reaches its call through its leg. `connected` once the leg talks to whoever picked up."""

    def __init__(
        self, board: Switchboard, leg: Leg, plan: Plan, number: Number, direction: str
    ) -> None:
        self.leg = leg
        self.plan = plan
        self.number = number
        self.outbound = direction == "outbound"
        self.caller = Caller(board, leg, rings_itself=self.outbound)
        self.ringing = Ringing(board)
        self.picked: Leg | None = None
        self.connected = False
        self._connecting = False
        self.begun = False
        self._hides_keys = False
        """While a PIN is typed, no history is told of the keys."""
        self._board = board
        self.confirming = Confirming(board)
        assert leg.call is not None
        self._course = Course(plan, number, leg.call.arrived.caller)
        self._timers: dict[str, Alarm] = {}
        self._hears: Leg | None = None

    @property
    def _call(self) -> Call:
        assert self.leg.call is not None
        return self.leg.call

    @property
    def outcome(self) -> str:
        """What the flow makes of it so far."""
        return self._course.outcome() if self.begun else "abandoned"

    def begin(self) -> None:
        """Enter the flow."""
        self.begun = True
        self._run(self._course.begin(self._at(), self._board.people.world(self._call)))

    def feed(self, event: steps.Happening) -> None:
        """Give the flow what happened and do what it asks."""
        self._run(self._course.step(event, self._at(), self._board.people.world(self._call)))

    def leave_flow(self) -> None:
        """Keep a message that was recorded already; ask for nothing else."""
        self.stop_waiting()
        self._run(self._course.leave())

    def stop_waiting(self) -> None:
        """Let no timer run out any more, and wait for nobody."""
        for timer in self._timers.values():
            timer.stop()
        if self.leg.call is not None:
            self._board.queues.leave(self.plan.company, self.leg.call.id)

    def close(self) -> None:
        """Nothing more will be heard or rung."""
        self.stop_waiting()
        self.confirming.close()
        self.ringing.stop("")
        self.caller.leave()

    def _at(self) -> datetime:
        return datetime.fromtimestamp(self._board.clock(), UTC)

    def _run(self, asked: list[steps.Asked]) -> None:
        call = self._call
        for wish in asked:
            current = not call.closing and call.visit is self
            if current or isinstance(wish, LAST_WISHES):
                self._do(wish, call)

    def _do(self, wish: steps.Asked, call: Call) -> None:
        match wish:
            case steps.Decide(node, reason, facts):
                call.emit(Decided, node=node, reason=reason, facts=facts)
            case steps.AskMailbox() | steps.ChangeMessage():
                self._board.mailboxes.ask(self, wish)
            case steps.HideKeys(hidden):
                self._hides_keys = hidden
            case steps.ChooseAvailability(user, available):
                self._choose(user, available)
            case steps.BecomeNumber(number):
                self.number = call.number = number
            case steps.RequestCallback(e164):
                call.emit(CallbackRequested, number=self.number.id, e164=e164)
            case steps.SetTimer(seconds, name):
                timer = self._timers.setdefault(name, Alarm(self._board))
                timer.set(seconds, call, partial(self.feed, steps.TimerFired(name)))
            case steps.ClearTimer():
                for timer in self._timers.values():
                    timer.stop()
            case steps.End():
                call.flow_ended(self)
            case steps.GoTo():
                raise AssertionError("the course follows every GoTo itself")
            case steps.Record() | steps.DropRecording() | steps.KeepMessage():
                self._record(wish, call)
            case _:
                self._sound_or_reach(wish, call)

    def _sound_or_reach(self, wish: Sounding | Reaching, call: Call) -> None:
        match wish:
            case steps.Play(prompts):
                self.caller.hear(*prompts)
            case steps.PlayBeep():
                self.caller.beep()
            case steps.StopPlaying():
                self.leg.ear.stop()
            case steps.PlayMessage(prompts, path):
                paths = (*self._board.paths(prompts), self._board.mailboxes.path(path))
                self.caller.when_answered(lambda: self.leg.ear.hear_files(paths))
            case steps.PlayRecording():
                self.leg.ear.hear_files((str(call.recordings.message_path()),))
            case steps.PlayWaiting(music):
                self.caller.wait(music)
            case _:
                self._reach(wish, call)

    def _reach(self, wish: Reaching, call: Call) -> None:
        match wish:
            case steps.Ring(targets):
                call.ring(self.ringing, self._board.legs_for(call, self.number, targets))
            case steps.StopRinging():
                self.ringing.stop(ELSEWHERE if self.picked else "")
            case steps.Seek():
                self._board.queues.seek(self, self.plan.company, call.id, wish)
            case steps.Passed(refused):
                self._board.queues.passed(self.plan.company, call.id, refused=refused)
            case steps.StopSeeking():
                self._board.queues.leave(self.plan.company, call.id)
            case steps.Connect():
                self.caller.when_answered(self._connect)

    def _record(self, wish: Recording, call: Call) -> None:
        match wish:
            case steps.Record():
                self.caller.when_answered(lambda: call.recordings.record_message(self.leg, wish))
            case steps.DropRecording():
                call.recordings.drop_message()
            case steps.KeepMessage(urgent):
                call.recordings.keep_message(urgent)

    def _choose(self, user: str, available: bool) -> None:
        chosen = AvailabilityChosen(
            at=self._board.clock(), company=self.plan.company, user=user, available=available
        )
        self._board.driver.events.append(chosen)

    def _connect(self) -> None:
        call, picked = self.leg.call, self.picked
        if call is None or call.closing or picked is None or picked.gone or self._connecting:
            return
        self._connecting = True
        # Music that was to begin with the caller's ACK must not begin over the conversation.
        self.caller.leave()
        call.connect(self, picked)

    # -- what happens ----------------------------------------------------------------------------

    def accepted(self) -> None:
        """Our answer to the caller has left: who picked up need not wait for the ACK."""
        if self.picked is not None and self.leg.remote is not None:
            self._connect()

    def pressed(self, leg: Leg, digit: str) -> None:
        """A key: of the leg while it is alone with the flow, or of a phone asked to take the call."""
        if leg is not self.leg:
            self.confirming.pressed(leg, digit)
        elif self.picked is None:
            self.feed(steps.Pressed(digit))

    def hides_keys_of(self, leg: Leg) -> bool:
        """Say whether the keys a leg presses are a secret now."""
        return self._hides_keys and leg is self.leg

    def rang(self, leg: Leg, status: int, sdp: bytes) -> None:
        """A phone we ring says so; an outside line's own sound is let through to who called it."""
        if leg in self.ringing and not leg.rang:
            leg.rang = True
            self._call.emit(LegRang, leg=leg.id)
        if not self.outbound or self._call.closing:
            return
        if self.caller.let_hear(leg, sdp):
            self._hears = leg
            self._let_hear(leg)
        elif status == 180 and not self.caller.answering and not self.leg.early:
            self.leg.ring()

    def _let_hear(self, leg: Leg) -> None:
        self.leg.ear.stop()
        # Both ways: some lines ask for keys before they answer.
        self.leg.sounds.ask(BridgeLegs(self.leg.media, leg.media))

    def answered(self, leg: Leg, sdp: bytes) -> None:
        """A phone the flow rings was picked up."""
        call = self._call
        if call.closing or self.picked is not None or leg not in self.ringing:
            leg.hang_up(ELSEWHERE)
            return
        if not can_talk(call, leg, sdp):
            return
        call.emit(LegAnswered, leg=leg.id)
        if Confirming.wanted(leg):
            self.confirming.ask(call, leg, partial(self._picked_up, leg))
        else:
            self._picked_up(leg)
        leg.settle()

    def _picked_up(self, leg: Leg) -> None:
        if self.picked is not None or leg not in self.ringing:
            leg.hang_up(ELSEWHERE)
            return
        self.ringing.picked(leg)
        self.take(leg)

    def take(self, leg: Leg) -> None:
        """Go on as answered by a leg: one the flow rang, or one that picked the call up."""
        self._board.queues.taken(self.plan.company, self._call.id)
        self.picked = self.caller.other = leg
        self.feed(steps.Picked(leg.who))

    def lost(self, leg: Leg) -> None:
        """A leg that rang is gone."""
        self.confirming.forget(leg)
        if self._hears is leg:
            self._hears = None

    def nobody_rings(self) -> None:
        """No phone rings any more and none was answered."""
        if self.picked is None:
            self.feed(steps.RingingEnded(self.ringing.reason))

    def restore_sound(self) -> None:
        """Build up in a new media process what the leg heard."""
        if self._hears is not None:
            self._let_hear(self._hears)
        else:
            self.leg.ear.restore()


def can_talk(call: Call, leg: Leg, sdp: bytes) -> bool:
    """Take the answer of a leg that was picked up; one that is of no use, or finds no port, has failed."""
    leg.answered = True
    try:
        if leg.take_answer(sdp):
            return True
    except NoPort:
        pass
    leg.hang_up("")
    call.failed(leg, 488)
    return False

"""Whoever follows a flow: answered when it first needs an ear, and what is heard from then on."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from carillon.schema.events import LegAnswered
from carillon.schema.plan import Prompt
from carillon.switch.legs import Leg
from carillon.switch.sounds import NoPort

if TYPE_CHECKING:
    from carillon.switch.calls import Call
    from carillon.switch.switchboard import Switchboard


class Caller:
    """Reaches its call through the leg, which forgets it at the end. `answering`: no 180 any more."""

    def __init__(self, board: Switchboard, leg: Leg, *, rings_itself: bool = False) -> None:
        self.leg = leg
        self.other: Leg | None = None
        """Who will talk with the leg, once somebody picked up: their codecs should be the same."""
        self._rings_itself = rings_itself
        self.answering = leg.answered or leg.accepted
        self._board = board
        self._wishes: list[Callable[[], None]] = []

    @property
    def _call(self) -> Call:
        assert self.leg.call is not None
        return self.leg.call

    def leave(self) -> None:
        """The call is over: nothing more will be heard."""
        self._wishes.clear()
        self.leg.ear.leave()

    def when_answered(self, then: Callable[[], None]) -> None:
        """Do something that needs the caller's ear: now, or once the caller's ACK is here."""
        if self.leg.answered:
            then()
            return
        self._wishes.append(then)
        if not self.answering:
            self.answering = True
            self._call.emit(LegAnswered, leg=self.leg.id)
            # Nobody is told of an answer whose record a power cut could take back.
            self._board.when_durable(self._call, self._accept)

    def _accept(self) -> None:
        call = self.leg.call
        if call is None or call.closing:
            return
        try:
            self.leg.accept(self.other)
        except NoPort:
            call.end(by="system", detail="no-port")
            return
        call.accepted(self.leg)

    def confirmed(self, answer: bytes) -> None:
        """The ACK to our answer came."""
        if self.leg.answered or self._call.closing:
            return
        self.leg.answered = True
        if not self.leg.confirmed(answer):
            self._call.end(by="system", detail="no-codec")
            return
        wishes, self._wishes = self._wishes, []
        for wish in wishes:
            wish()

    def hear(self, *prompts: Prompt, loop: bool = False) -> None:
        """Play prompts; `ear.is_over` once they end, unless they `loop`."""
        folder = self._board.config.prompts
        paths = tuple(str(folder / f"{prompt.key}.wav") for prompt in prompts)
        self.when_answered(lambda: self.leg.ear.hear_files(paths, loop=loop))

    def beep(self) -> None:
        """Play the beep."""
        self.when_answered(lambda: self.leg.hear_tone("beep"))

    def wait(self, music: Prompt | None) -> None:
        """Let the caller hear that somebody is being rung."""
        if music is not None and not self._rings_itself:
            self.hear(music, loop=True)
        elif not self.answering:
            # An outside line says itself when it rings.
            if not self._rings_itself and not self.leg.early:
                self.leg.ring()
        else:
            self.when_answered(lambda: self.leg.hear_tone("ringback"))

    def let_hear(self, leg: Leg, sdp: bytes) -> bool:
        """Let the caller hear a line that rings with sound of its own; False when it cannot be."""
        # Whoever called without an offer has nowhere to hear it yet.
        if not sdp or self.leg.remote is None or self.leg.early:
            return False
        try:
            if not leg.take_answer(sdp):
                return False
            if not self.answering:
                self.leg.ring(leg)
        except NoPort:
            return False
        return True

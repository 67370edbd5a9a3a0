"""Outside phones: each is one call of the pretend network, with a script."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from carillon.media import sdp
from carillon.sandbox.rtp import DIGITS, PCMA, Samples, Sound, level, tone_share
from carillon.sip.endpoint import Answered, Cancelled, Event, Failed, HungUp, Offered, Progressed

if TYPE_CHECKING:
    from carillon.sandbox.network import Network

BEEP_HERTZ = 1000.0
WATCH_SECONDS = 0.05
WINDOW_FRAMES = 10
QUIET_LEVEL = 60.0


@dataclass(slots=True)
class Script:
    """What an outside phone does once it is connected.

    `when` says when it begins to speak: answer (at once), beep (after a 1 kHz beep, or after
    `patience_seconds` in any case), silence (when the other side has been quiet for 1 s).
    """

    say: Samples = field(default_factory=lambda: np.zeros(0, np.int16))
    loop: bool = False
    when: str = "answer"
    digits: str = ""
    digits_after_seconds: float = 1.0
    then_digits: str = ""
    stay_seconds: float = 2.0
    patience_seconds: float = 60.0
    hang_up: bool = True


@dataclass(slots=True)
class Result:
    """How a call went, as the outside phone lived it."""

    status: int = 0
    rang: bool = False
    answered_after: float | None = None
    seconds: float = 0.0
    ended_by: str = ""
    heard: Samples = field(default_factory=lambda: np.zeros(0, np.int16))


class Phone:
    """One side of one call."""

    def __init__(self, network: Network, script: Script) -> None:
        self._network = network
        self._script = script
        self.leg = 0
        self.sound = Sound()
        self.port = 0
        self.result = Result()
        self.number = self.caller = ""
        """Who is called and who calls, where a person answers."""
        self.began_at = 0.0
        """When it began to ring, as time of day."""
        self.picked_up = asyncio.Event()
        self.connected = asyncio.Event()
        self.ended = asyncio.Event()
        self._began_at = 0.0
        self._connected_at: float | None = None

    async def open(self) -> None:
        """Get a port for sound."""
        self.port = await self.sound.open(self._network.host)
        self._began_at = self._network.now

    def _local(self) -> sdp.Local:
        return sdp.Local(self._network.host, self.port, session=self.port, version=1)

    def offer(self) -> bytes:
        """Return the offer of a call we place."""
        return sdp.offer(self._local(), (PCMA, 0), digits=DIGITS)

    def answer(self, offer: bytes) -> bytes:
        """Take an offer; return the answer."""
        session = sdp.parse(offer)
        self.sound.start((session.address, session.port))
        return sdp.answer(session, self._local(), sdp.first_common(session, (PCMA, 0)))

    def take(self, event: Event) -> None:
        """Take what happened to our leg."""
        match event:
            case Progressed(_, status, _, body):
                self.result.rang = self.result.rang or status in (180, 183)
                self._aim(body)
            case Answered(_, body):
                self._aim(body)
                self.connect()
            case Failed(_, status):
                self.result.status = status
                self._end("network")
            case HungUp() | Cancelled():
                self._end("other")
            case Offered(_, body):
                answer = self.answer(body) if body else self.offer()
                self._network.endpoint.answer_offer(self.leg, answer, self._network.now)
            case _:
                pass

    def _aim(self, body: bytes) -> None:
        with contextlib.suppress(sdp.NotAcceptable):
            if body:
                session = sdp.parse(body)
                self.sound.start((session.address, session.port))

    def connect(self) -> None:
        """The call is up."""
        if self._connected_at is None:
            self._connected_at = self._network.now
            self.result.status = 200
            self.result.answered_after = self._connected_at - self._began_at
            self.connected.set()

    def _end(self, by: str) -> None:
        if self.ended.is_set():
            return
        self.result.ended_by = by
        if self._connected_at is not None:
            self.result.seconds = self._network.now - self._connected_at
        self.result.heard = self.sound.heard()
        self.sound.close()
        self.ended.set()
        self._network.forget(self)

    @property
    def state(self) -> str:
        """How the call is: ringing, talking, over."""
        if self.ended.is_set():
            return "over"
        return "talking" if self.connected.is_set() else "ringing"

    def hang_up(self) -> None:
        """End the call."""
        if not self.ended.is_set():
            self._network.endpoint.hang_up(self.leg, self._network.now)
            self._network.drain()
            self._end("us")

    async def live(self, ring_seconds: float = 120.0) -> Result:
        """Play the script from the dialling to the end; return how it went."""
        await self._first(self.connected.wait(), ring_seconds)
        if self.connected.is_set() and not self.ended.is_set():
            await self._unless_ended(self._act())
        if not self.ended.is_set():
            self.hang_up()
        return self.result

    async def _act(self) -> None:
        script = self._script
        if script.digits:
            await asyncio.sleep(script.digits_after_seconds)
            self.sound.press(script.digits)
        if len(script.say):
            await self._wait_to_speak(script)
            self.sound.say(script.say, loop=script.loop)
        await self._until(lambda: not self.sound.speaking)
        if script.then_digits:
            self.sound.press(script.then_digits)
            await self._until(lambda: not self.sound.speaking)
        await asyncio.sleep(script.stay_seconds if script.hang_up else 4 * 3600)

    async def _wait_to_speak(self, script: Script) -> None:
        if script.when == "beep":
            await self._first(self._until(self._just_beeped), script.patience_seconds)
        elif script.when == "silence":
            await self._first(self._until(self._just_quiet), script.patience_seconds)

    def _just_beeped(self) -> bool:
        frames = self.sound.heard_frames
        if frames < 2 * WINDOW_FRAMES:
            return False
        # The beep itself, then the first quiet after it: speaking into the beep would be lost.
        last = self.sound.heard(frames - 3)
        before = self.sound.heard(frames - 3 - WINDOW_FRAMES)[: WINDOW_FRAMES * 160]
        return level(last) < QUIET_LEVEL and tone_share(before, BEEP_HERTZ) > 0.5

    def _just_quiet(self) -> bool:
        frames = self.sound.heard_frames
        return frames > 50 and level(self.sound.heard(frames - 50)) < QUIET_LEVEL

    async def _until(self, true: Callable[[], bool]) -> None:
        while not true():
            await asyncio.sleep(WATCH_SECONDS)

    async def _unless_ended(self, work: Awaitable[None]) -> None:
        await self._first(work, None)

    async def _first(self, work: Awaitable[object], seconds: float | None) -> None:
        """Wait for some work, the end of the call or the time, whichever comes first."""
        tasks = [asyncio.ensure_future(work), asyncio.ensure_future(self.ended.wait())]
        try:
            await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

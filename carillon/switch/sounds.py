"""The sound of every leg: its place in the media process, and what that process tells about it."""

from __future__ import annotations

import itertools
import logging
from collections import deque
from typing import TYPE_CHECKING

from carillon.schema.events import Decided
from carillon.schema.mediacontrol import (
    CloseLeg,
    DigitHeard,
    DiskFilled,
    DiskFreed,
    Hello,
    LegFailed,
    LegInsecure,
    LegSilent,
    LegStats,
    MediaCommand,
    MediaEvent,
    PlayEnded,
    Pong,
    RecordingStopped,
)
from carillon.switch.mediaplane import MediaPlane
from carillon.switch.resounding import lose_sound, restore_sound, soundless

if TYPE_CHECKING:
    from carillon.switch.calls import Call
    from carillon.switch.legs import Leg
    from carillon.switch.switchboard import Switchboard

log = logging.getLogger(__name__)

Address = tuple[str, int]


class NoPort(Exception):
    """Every media port is in use."""


class Ports:
    """The media ports that legs may have of their own. A freed port rests before it is used again."""

    def __init__(self, first: int, last: int) -> None:
        self._free = deque(range(first, last + 1, 2))

    @property
    def free(self) -> int:
        """How many are left."""
        return len(self._free)

    def take(self) -> int:
        """Return a port; `NoPort` when none is free."""
        if not self._free:
            raise NoPort
        return self._free.popleft()

    def give_back(self, port: int) -> None:
        """Take a port back."""
        self._free.append(port)


class Sounds:
    """Legs and recordings by their numbers in one media process."""

    def __init__(self, board: Switchboard, index: int) -> None:
        config = board.config.for_media(index)
        self._board = board
        self.shared_port = config.rtp_port
        self.ports = Ports(config.rtp_port + 2, config.rtp_port + config.rtp_ports - 2)
        self.plane = MediaPlane(
            config.media_socket,
            on_event=self._told,
            on_return=self._returned,
            on_loss=self._lost,
        )
        self._numbers = itertools.count(1)
        self._legs: dict[int, Leg] = {}
        self._recordings: dict[int, Call] = {}
        self._shared: dict[Address, Leg] = {}
        self.late_ms = 0.0
        self.fingerprint = ""
        """That of the media process's certificate, "" before there was one."""

    @property
    def connected(self) -> bool:
        """Whether there is a media process."""
        return self.plane.connected

    @property
    def kept(self) -> tuple[int, int, int]:
        """How many legs, recordings and addresses on the shared port are remembered."""
        return len(self._legs), len(self._recordings), len(self._shared)

    def ask(self, command: MediaCommand) -> None:
        """Ask the media process; it is sent once the journal is written."""
        self.plane.ask(command)

    # -- legs and recordings ---------------------------------------------------------------------

    def number(self) -> int:
        """Return a fresh name for a leg."""
        return next(self._numbers)

    def number_recording(self, call: Call) -> int:
        """Return a fresh name for a recording of this call."""
        number = next(self._numbers)
        self._recordings[number] = call
        return number

    def forget_recordings(self, numbers: list[int]) -> None:
        """Hear nothing more of these recordings."""
        for number in numbers:
            self._recordings.pop(number, None)

    def opened(self, leg: Leg) -> None:
        """A leg has its place."""
        self._legs[leg.media] = leg

    def close(self, leg: Leg) -> None:
        """End a leg's stream; its figures follow, where there is a media process to tell them."""
        if self.connected:
            self.ask(CloseLeg(leg.media))
        else:
            self._legs.pop(leg.media, None)
            leg.sound_closed(None)

    def share(self, remote: Address, leg: Leg) -> bool:
        """Claim an address on the shared media port; False when another leg has it."""
        return self._shared.setdefault(remote, leg) is leg

    def unshare(self, remote: Address, leg: Leg) -> None:
        """Give an address back."""
        if self._shared.get(remote) is leg:
            del self._shared[remote]

    def can_share(self, remote: Address, leg: Leg) -> bool:
        """Say whether no other leg has an address."""
        return self._shared.get(remote, leg) is leg

    # -- what the media process tells ------------------------------------------------------------

    def _told(self, event: MediaEvent) -> None:
        match event:
            case RecordingStopped():
                call = self._recordings.get(event.recording)
                if call is not None:
                    with self._board.guard(call):
                        call.recordings.stopped(event)
                        call.maybe_finish()
            case Pong(_, late_ms):
                self.late_ms = late_ms
            case DiskFilled(detail):
                self._board.troubles.began("recordings-disk-full", detail)
            case DiskFreed():
                self._board.troubles.ended("recordings-disk-full")
            case LegStats() | LegFailed():
                leg = self._legs.get(event.leg)
                if leg is not None:
                    self._closed(leg, event)
            case DigitHeard() | PlayEnded() | LegSilent() | LegInsecure():
                leg = self._legs.get(event.leg)
                if leg is not None and leg.call is not None:
                    with self._board.guard(leg.call):
                        self._heard(leg, leg.call, event)
            case _:
                pass

    def _closed(self, leg: Leg, event: LegStats | LegFailed | None) -> None:
        """The media process no longer has a leg: as asked, or because it could not."""
        self._legs.pop(leg.media, None)
        call = leg.call
        if call is None:
            leg.sound_closed(None)
            return
        with self._board.guard(call):
            leg.sound_closed(event if isinstance(event, LegStats) else None)
            if isinstance(event, LegFailed) and not leg.gone:
                log.error("call %s: no sound for leg %s (%s)", call.id, leg.id, event.reason)
                soundless(call, leg)
            call.maybe_finish()

    def _heard(
        self, leg: Leg, call: Call, event: DigitHeard | PlayEnded | LegSilent | LegInsecure
    ) -> None:
        match event:
            case DigitHeard(_, digit):
                call.pressed(leg, digit)
            case PlayEnded(_, play):
                call.played(leg, play)
            case LegInsecure(_, reason):
                log.error("call %s: leg %s has no keys (%s)", call.id, leg.id, reason)
                call.decide("call.insecure", who=leg.who)
                soundless(call, leg)
            case LegSilent(_, seconds) if not leg.held:
                facts = {"who": leg.who, "seconds": str(round(seconds))}
                call.emit(Decided, node="", reason="call.no-sound", facts=facts)
                leg.probe()
            case _:
                pass

    def _calls(self) -> list[Call]:
        return [call for call in self._board.calls.values() if call.sounds is self]

    def _returned(self, hello: Hello) -> None:
        self.fingerprint = hello.fingerprint
        if self._board.halls.all_but(self):
            self._board.troubles.ended("media-lost")
        for call in self._calls():
            with self._board.guard(call):
                restore_sound(call)

    def _lost(self) -> None:
        if not self._board.stopping:
            self._board.troubles.began("media-lost")
        for leg in list(self._legs.values()):
            if leg.gone:
                self._closed(leg, None)
        for call in self._calls():
            with self._board.guard(call):
                lose_sound(call)

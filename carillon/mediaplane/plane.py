"""Does what the switch asks: legs, bridges, plays, recordings; and tells what becomes of them."""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable

import numpy as np

from carillon.media.rtcp import Moment
from carillon.mediaplane.legs import MAX_LEGS, NONE, LegRefused, Legs
from carillon.mediaplane.pace import TICK_SECONDS
from carillon.mediaplane.player import Player
from carillon.mediaplane.prompts import Prompts
from carillon.mediaplane.recorder import Recorder
from carillon.mediaplane.relay import Relay
from carillon.mediaplane.reports import Reporter
from carillon.mediaplane.writer import Writer
from carillon.schema.mediacontrol import (
    AimLeg,
    BridgeLegs,
    CloseLeg,
    DigitHeard,
    HearLegs,
    JoinRecording,
    LeaveRecording,
    LegFailed,
    LegSilent,
    LegStats,
    MediaCommand,
    MediaEvent,
    OpenLeg,
    PartLegs,
    PauseRecording,
    Ping,
    PlayEnded,
    PlayFiles,
    PlayTone,
    Pong,
    RecordingStopped,
    ResumeRecording,
    SendDigits,
    StartRecording,
    StopPlay,
    StopRecording,
)

TICKS_BETWEEN_COUNTS = 5
SILENT_SECONDS = 30.0
MAX_PATH = 4096

log = logging.getLogger(__name__)


class Plane:
    """All legs and what is done with them. `now` is the monotonic clock, passed in."""

    def __init__(
        self,
        legs: Legs,
        rtp_fd: int,
        rtcp_fd: int,
        wake: Callable[[], None],
        tell: Callable[[MediaEvent], None],
    ) -> None:
        self._legs = legs
        self._streams = legs.streams
        self._tell = tell
        self._peer: dict[int, int] = {}
        self._watched_from = np.zeros(MAX_LEGS, np.float64)
        self._told_silent = np.zeros(MAX_LEGS, np.bool_)
        self._now = 0.0
        self._late = 0.0
        self.writer = Writer(wake)
        self.recorder = Recorder(self.writer, tell)
        self._player = Player(legs, Prompts(wake), rtp_fd, self._tell_play_ended)
        self.relay = Relay(legs, self.recorder, rtp_fd, self._hear_digit, self._learnt)
        cname = secrets.token_hex(8).encode()
        self._reporter = Reporter(legs, rtcp_fd, cname, TICK_SECONDS * TICKS_BETWEEN_COUNTS)
        self._turn = 0

    def do(self, command: MediaCommand, now: float) -> None:
        """Do one command. One about a leg or recording that is gone is nothing: they end at any time."""
        self._now = now
        match command:
            case OpenLeg():
                self._open(command)
            case AimLeg():
                self._aim(command)
            case StartRecording():
                self._start_recording(command)
            case StopRecording(recording):
                self.recorder.stop(recording, "stopped", now)
            case Ping(token):
                self._tell(Pong(token, round(self._late * 1000, 2), self._legs.count))
                self._late = 0.0
            case BridgeLegs(a, b):
                self._bridge(self._legs.row(a), self._legs.row(b))
            case (
                HearLegs()
                | SendDigits()
                | PauseRecording()
                | ResumeRecording()
                | JoinRecording()
                | LeaveRecording()
            ):
                log.warning("not done yet: %s", type(command).__name__)
            case _:
                row = self._legs.row(command.leg)
                if row is not None:
                    self._do_to_leg(command, row)

    def _do_to_leg(
        self, command: PartLegs | PlayFiles | PlayTone | StopPlay | CloseLeg, row: int
    ) -> None:
        now = self._now
        match command:
            case PartLegs():
                self._part(row)
            case PlayFiles(_, play, paths, loop):
                self._hush(row)
                self._player.play_files(row, play, paths, loop, now)
            case PlayTone(leg, play, tone, country):
                self._hush(row)
                if not self._player.play_tone(row, play, tone, country, now):
                    log.warning("leg %d: no tone %r", leg, tone)
                    self._tell(PlayEnded(leg, play))
                    self._choose(row)
            case StopPlay():
                self._player.stop(row)
                self._choose(row)
            case CloseLeg():
                self._close(row)

    def _open(self, command: OpenLeg) -> None:
        try:
            row = self._legs.open(command.leg, command.port)
        except LegRefused as refusal:
            self._tell(LegFailed(command.leg, str(refusal)))
            return
        ssrc, sequence, time = secrets.randbits(32), secrets.randbits(15), secrets.randbits(32)
        self._streams.reset(row, ssrc, sequence, time, self._now)
        self._reporter.reports.reset(row)
        self._watch(row)
        self._aim_row(row, command)

    def _aim(self, command: AimLeg) -> None:
        row = self._legs.row(command.leg)
        if row is not None:
            self._aim_row(row, command)

    def _aim_row(self, row: int, command: OpenLeg | AimLeg) -> None:
        """Aim a leg; one that cannot be aimed so is given up."""
        try:
            self._legs.aim(row, command)
        except LegRefused as refusal:
            self._close(row, stats=False)
            self._tell(LegFailed(command.leg, str(refusal)))
            return
        self._player.change_law(row)
        self.recorder.change_law(row, command.payload_type)
        self._choose(row)
        self.relay.refresh(row)

    def _learnt(self, row: int) -> None:
        self._watch(row)
        self._choose(row)

    def _choose(self, row: int) -> None:
        """Let a leg hear what it should: what is played to it, else its bridge, else silence."""
        source = self._peer.get(row)
        if self._player.plays(row):
            return
        relays = source is not None and self._legs.can_relay(source, row)
        if source is not None and relays and self._legs.aimed[row]:
            if self._streams.source[row] != source:
                self._player.leave(row)
                self.relay.count()
                self._streams.relay(source, row)
        else:
            self._hush(row)
            if self._legs.aimed[row]:
                self._player.rest(row, self._now)
            else:
                self._player.leave(row)
        self.relay.refresh(row)

    def _hush(self, row: int) -> None:
        """Stop relaying to a leg."""
        source = int(self._streams.source[row])
        if source >= 0:
            self.relay.count()
            self._streams.end_relay(source)
            self.relay.refresh(source)

    def _bridge(self, a: int | None, b: int | None) -> None:
        if a is None or b is None or a == b:
            return
        for row in (a, b):
            self._part(row)
        self._peer[a], self._peer[b] = b, a
        self._legs.partner[a], self._legs.partner[b] = b, a
        for row in (a, b):
            self._player.stop(row)
            self._watch(row)
            self._choose(row)

    def _part(self, row: int) -> None:
        peer = self._peer.pop(row, None)
        if peer is None:
            return
        del self._peer[peer]
        self._legs.partner[[row, peer]] = NONE
        for each in (row, peer):
            self._choose(each)

    def _close(self, row: int, stats: bool = True) -> None:
        self.recorder.close_leg(row, self._now)
        self._part(row)
        self._hush(row)
        self._player.leave(row)
        self.relay.count()
        leg = self._legs.leg_of[row]
        if stats:
            streams = self._streams
            self._tell(
                LegStats(
                    leg,
                    int(streams.received[row]),
                    int(streams.sent[row]),
                    streams.lost(row),
                    round(streams.jitter_ms(row), 2),
                )
            )
        self._legs.close(row)
        self.relay.refresh(row)

    def _start_recording(self, command: StartRecording) -> None:
        found = [self._legs.row(leg) for leg in command.legs]
        rows = tuple(row for row in found if row is not None)
        if len(rows) not in (1, 2) or len(set(rows)) < len(found) or len(command.path) > MAX_PATH:
            log.warning("recording %d: no such legs, or no such path", command.recording)
            self._tell(RecordingStopped(command.recording, 0.0, "error", True))
            return
        for row in rows:
            self._watch(row)
        kinds = {row: self._legs.payload_type(row) for row in rows}
        self.recorder.start(command, kinds, self._now)

    def _hear_digit(self, row: int, digit: str) -> None:
        self._tell(DigitHeard(self._legs.leg_of[row], digit))
        self.recorder.hear_digit(row, digit, self._now)

    def _tell_play_ended(self, row: int, play: int) -> None:
        self._tell(PlayEnded(self._legs.leg_of[row], play))
        self._choose(row)

    def step(self, now: float) -> int:
        """Relay what has come; return how many packets."""
        self._now = now
        return self.relay.step(now)

    def tick(self, now: float, late: float) -> None:
        """Do what is done every 20 ms. `late`: by how much this tick is."""
        self._now = now
        if late > self._late:
            self._late = late
        self.recorder.tick(now)
        if self._player.busy:
            self._player.tick(now)
        self._turn += 1
        if self._turn == TICKS_BETWEEN_COUNTS:
            self._turn = 0
            self.relay.count()
            self._reporter.tick(Moment(now, time.time()))

    def collect(self, now: float) -> None:
        """Take in what the threads have done."""
        self._now = now
        self.recorder.collect(now)
        self._player.collect(now)

    @property
    def busy(self) -> bool:
        """There are legs to serve."""
        return bool(self._legs.count)

    def _watch(self, row: int) -> None:
        """Count the leg's silence from now on."""
        self._watched_from[row] = self._now
        self._told_silent[row] = False

    def watch(self, now: float) -> None:
        """Tell of legs that have fallen silent; call about once a second."""
        self.relay.count()
        busy = np.zeros(MAX_LEGS, np.bool_)
        busy[list(self._peer)] = True
        busy |= self.recorder.track >= 0
        heard = np.maximum(self._streams.heard_at, self._reporter.heard_at)
        silent = now - np.maximum(heard, self._watched_from) >= SILENT_SECONDS
        silent &= busy & self._legs.aimed
        for row in np.flatnonzero(silent & ~self._told_silent).tolist():
            self._tell(LegSilent(self._legs.leg_of[row], SILENT_SECONDS))
        self._told_silent = silent

    def forget_all(self, now: float) -> None:
        """Finish every file and close every leg: the switch is gone."""
        self._now = now
        self.recorder.finish_all(now)
        for leg in self._legs:
            row = self._legs.row(leg)
            if row is not None:
                self._close(row, stats=False)

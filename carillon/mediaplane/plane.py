"""Does what the switch asks: legs, who hears whom, plays, keys, recordings; tells what becomes of them."""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable

import msgspec
import numpy as np

from carillon.media.g711 import FRAME_SAMPLES
from carillon.media.rtcp import REPORT_SECONDS, Moment
from carillon.mediaplane.audience import Audience
from carillon.mediaplane.coding import Encoders
from carillon.mediaplane.detector import Detector
from carillon.mediaplane.dtls import Certificate
from carillon.mediaplane.guard import Guard
from carillon.mediaplane.keypad import Keypad
from carillon.mediaplane.legs import MAX_LEGS, LegRefused, Legs
from carillon.mediaplane.listener import Listener
from carillon.mediaplane.mixer import Mixer
from carillon.mediaplane.pace import TICK_SECONDS, Ticks
from carillon.mediaplane.player import Player
from carillon.mediaplane.prompts import Prompts
from carillon.mediaplane.recorder import Recorder
from carillon.mediaplane.relay import Incoming, Relay
from carillon.mediaplane.reports import TURNS, Octets, Reporter, Rows, Sizes
from carillon.mediaplane.speaker import Speaker
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
TICKS_BETWEEN_REPORTS = round(REPORT_SECONDS / TURNS / TICK_SECONDS / TICKS_BETWEEN_COUNTS)
"""In counts: legs report in turn, each every five seconds."""
SILENT_SECONDS = 30.0
MAX_PATH = 4096
MAX_SOURCES = 1024
MAX_GAIN = 16.0
PASSED_MS = 100
"""How long a key is that a bridged leg is sent because it hears a mix, and not the other's packets."""

LegCommand = (
    HearLegs
    | PartLegs
    | PlayFiles
    | PlayTone
    | StopPlay
    | SendDigits
    | JoinRecording
    | LeaveRecording
    | CloseLeg
)

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
        certificate: Certificate,
    ) -> None:
        self._legs = legs
        self._streams = legs.streams
        self._tell = tell
        self._watched_from = np.zeros(MAX_LEGS, np.float64)
        self._told_silent = np.zeros(MAX_LEGS, np.bool_)
        self._now = 0.0
        self.ticks = Ticks()
        self.writer = Writer(wake)
        encoders = Encoders()
        self._listener = Listener(legs)
        self.recorder = Recorder(self.writer, self._listener, tell)
        self._player = Player(legs, Prompts(wake), self._choose, self._tell_play_ended)
        self._mixer = Mixer(legs, self._listener, encoders)
        self._speaker = Speaker(legs, rtp_fd)
        self._detector = Detector(self._listener)
        self._keypad = Keypad(legs, self._speaker, encoders, self._choose)
        self._guard = Guard(legs, rtp_fd, certificate, wake, tell, self._learnt)
        cname = secrets.token_hex(8).encode()
        self._reporter = Reporter(legs, rtcp_fd, rtp_fd, cname, TICKS_BETWEEN_REPORTS)
        incoming = Incoming(self._guard, self._take_reports, self._hear_digit, self._learnt)
        self.relay = Relay(legs, self._listener, (rtp_fd, rtcp_fd), incoming)
        self._audience = Audience(legs, self._player, self._mixer, self.relay, self._speaker)
        self._turn = 0

    def do(self, command: MediaCommand, now: float) -> None:
        """Do one command. One about a leg or recording that is gone is nothing: they end at any time."""
        self._at(now)
        match command:
            case OpenLeg():
                self._open(command)
            case AimLeg():
                self._aim(command)
            case StartRecording():
                self._start_recording(command)
            case StopRecording(recording):
                self.recorder.stop(recording, "stopped")
            case PauseRecording(recording):
                self.recorder.pause(recording)
            case ResumeRecording(recording):
                self.recorder.resume(recording)
            case Ping(token):
                late = self.ticks.take_late()
                self._tell(Pong(token, round(late * 1000, 2), self._legs.count))
            case BridgeLegs(a, b):
                self._bridge(self._legs.row(a), self._legs.row(b))
            case _:
                row = self._legs.row(command.leg)
                if row is not None:
                    self._do_to_leg(command, row)

    def _do_to_leg(self, command: LegCommand, row: int) -> None:
        match command:
            case HearLegs(_, sources):
                self._hear(row, sources)
            case PartLegs():
                self._audience.part(row)
            case PlayFiles(_, play, paths, loop, over):
                self._player.play_files(row, play, paths, loop, over, self._now)
            case PlayTone():
                self._play_tone(row, command)
            case StopPlay():
                self._player.stop(row)
                self._choose(row)
            case SendDigits(_, digits, tone_ms, pause_ms):
                self._keypad.press(row, digits, tone_ms, pause_ms, self._now)
            case JoinRecording(recording, _, side):
                self._watch(row)
                self.recorder.join(recording, row, side)
            case LeaveRecording(recording):
                self.recorder.leave(recording, row)
            case CloseLeg():
                self._close(row)

    def _at(self, now: float) -> None:
        self._now = self._audience.now = now
        self._listener.catch_up(now)

    def _play_tone(self, row: int, command: PlayTone) -> None:
        _, play, tone, country, over = msgspec.structs.astuple(command)
        if not self._player.play_tone(row, play, tone, country, over, self._now):
            log.warning("leg %d: no tone %r", command.leg, tone)
            self._player.stop(row)
            self._tell(PlayEnded(command.leg, play))
            self._choose(row)

    def _hear(self, row: int, sources: tuple[tuple[int, float], ...]) -> None:
        """Let a leg hear these; what is no leg, and a gain that is no number, is silent."""
        heard = {}
        for leg, gain in sources[:MAX_SOURCES]:
            source = self._legs.row(leg)
            if source is not None and 0 < gain <= MAX_GAIN:
                heard[source] = gain
                self._watch(source)
        self._audience.hear(row, heard)

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
            self._guard.aim(row, command, self._now)
        except LegRefused as refusal:
            self._close(row, stats=False)
            self._tell(LegFailed(command.leg, str(refusal)))
            return
        self._player.change_law(row)
        self._listener.change_codec(row)
        self._audience.change_codec(row)
        self._detector.search(row, command.hear_inband_digits)

    def _learnt(self, row: int) -> None:
        self._watch(row)
        self._choose(row)

    def _choose(self, row: int) -> None:
        self._audience.choose(row)

    def _bridge(self, a: int | None, b: int | None) -> None:
        if a is None or b is None or a == b:
            return
        for row in (a, b):
            self._watch(row)
        self._audience.bridge(a, b)

    def _close(self, row: int, stats: bool = True) -> None:
        self.recorder.close_leg(row)
        self._detector.search(row, False)
        self._keypad.leave(row)
        self._audience.close(row)
        self.relay.count()
        leg = self._legs.leg_of[row]
        if stats:
            self._tell(self._reporter.stats(leg, row))
        self._guard.close(row)
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
        self.recorder.start(command, rows)

    def _hear_digit(self, row: int, digit: str) -> None:
        """Tell of a key that was pressed as an event."""
        self._detector.ignore(row)
        self._tell_digit(row, digit)
        peer = self._audience.peer(row)
        if peer is not None:
            self._keypad.press(peer, digit, PASSED_MS, PASSED_MS, self._now)

    def _tell_digit(self, row: int, digit: str) -> None:
        self._tell(DigitHeard(self._legs.leg_of[row], digit))
        self.recorder.hear_digit(row, digit)

    def _tell_play_ended(self, row: int, play: int) -> None:
        self._tell(PlayEnded(self._legs.leg_of[row], play))

    def serve(self, poll: int, timer: int, timeout: float) -> list[int] | None:
        """Wait and relay until a tick is due, or a `step` is wanted; see `Relay.serve`."""
        ticks = self.ticks
        idle = ticks.idle = 0 if self._occupied else TICKS_BETWEEN_COUNTS - 1 - self._turn
        ready = self.relay.serve(poll, timer, ticks, timeout)
        if passed := idle - ticks.idle:
            self._turn += passed
            self._listener.pass_over(passed, ticks.due_at - TICK_SECONDS)
        return ready

    @property
    def _occupied(self) -> bool:
        """Every tick has something to do: somebody is listened to, or hears what is not relayed."""
        speaks = self._player.busy or self._mixer.busy or self._keypad.busy
        return speaks or self._listener.busy or bool(self.recorder.recording)

    def step(self, now: float) -> int:
        """Relay what has come; return how many packets."""
        self._at(now)
        return self.relay.step(now)

    def tick(self, now: float) -> None:
        """Do what is done every 20 ms."""
        self.ticks.begin(now)
        self._at(now)
        self._listener.tick(now)
        for row, digit in self._detector.tick():
            self._tell_digit(row, digit)
        self.recorder.tick()
        if self.relay.reports_came:
            self._reporter.receive(Moment(now, time.time()))
        if self._player.busy or self._mixer.busy:
            self._speak(now)
        if self._keypad.busy:
            self._keypad.tick(now)
        self._turn += 1
        if self._turn == TICKS_BETWEEN_COUNTS:
            self._turn = 0
            self.relay.count()
            self._reporter.tick(Moment(now, time.time()))

    def _speak(self, now: float) -> None:
        """Send what every leg hears that is not relayed to."""
        (rows, frames), over, ended = self._player.tick(now)
        sizes = np.full(len(rows), FRAME_SAMPLES)
        if self._mixer.busy:
            parts = zip((rows, frames, sizes), self._mixer.tick(over), strict=True)
            rows, frames, sizes = (np.concatenate(part) for part in parts)
        if len(rows):
            self._speaker.say(rows, frames, sizes, now)
        if len(ended):
            self._player.go_on(ended)

    def collect(self, now: float) -> None:
        """Take in what the threads have done."""
        self._at(now)
        self.recorder.collect()
        self._player.collect(now)
        self._guard.collect()

    @property
    def busy(self) -> bool:
        """There are legs to serve."""
        return bool(self._legs.count)

    def _watch(self, row: int) -> None:
        """Count the leg's silence from now on."""
        self._watched_from[row] = self._now
        self._told_silent[row] = False

    def watch(self, now: float) -> None:
        """Tell of legs that have fallen silent, or got no keys; call about once a second."""
        self.relay.count()
        busy = np.zeros(MAX_LEGS, np.bool_)
        busy |= self._audience.heard
        busy[self.recorder.rows] = True
        heard = np.maximum(self._streams.heard_at, self._reporter.heard_at)
        silent = now - np.maximum(heard, self._watched_from) >= SILENT_SECONDS
        silent &= busy & self._legs.aimed
        for row in np.flatnonzero(silent & ~self._told_silent).tolist():
            self._tell(LegSilent(self._legs.leg_of[row], SILENT_SECONDS))
        self._told_silent = silent
        self._guard.watch(now)

    def _take_reports(self, rows: Rows, packets: Octets, sizes: Sizes, now: float) -> None:
        """Take RTCP that came beside RTP."""
        self._reporter.take(rows, packets, sizes, Moment(now, time.time()))

    def forget_all(self, now: float) -> None:
        """Finish every file and close every leg: the switch is gone."""
        self._at(now)
        self.recorder.finish_all()
        for leg in self._legs:
            row = self._legs.row(leg)
            if row is not None:
                self._close(row, stats=False)

"""What is being recorded of one call: the message its caller leaves, the conversation itself."""

from __future__ import annotations

import contextlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from carillon.flows.steps import Record
from carillon.schema.events import MessageLeft, RecordingEnded, RecordingStarted
from carillon.schema.mediacontrol import (
    JoinRecording,
    LeaveRecording,
    PauseRecording,
    RecordingStopped,
    ResumeRecording,
    StartRecording,
    StopRecording,
)
from carillon.schema.plan import Number, Prompt
from carillon.switch.legs import Leg

if TYPE_CHECKING:
    from carillon.switch.calls import Call
    from carillon.switch.switchboard import Switchboard

LONGEST_SECONDS = 4 * 3600


@dataclass(slots=True)
class Recording:
    """One file. `number` is its name towards the media process, `id` everywhere else.

    `sides` is which leg is on the left (0) and which on the right (1); a message has one side.
    """

    id: str
    number: int
    path: str
    box: str | None
    limits: tuple[int, int, str]
    sides: dict[Leg, int]
    seconds: float = 0.0
    partial: bool = False
    stopped: bool = False
    stopping: bool = False
    paused: bool = False


class CallRecordings:
    """The files of one call, which is reached through its first leg."""

    def __init__(self, board: Switchboard, a: Leg) -> None:
        self._a = a
        self._board = board
        self._all: dict[int, Recording] = {}
        self._conversation: Recording | None = None
        self.message: Recording | None = None

    @property
    def _call(self) -> Call:
        assert self._a.call is not None
        return self._a.call

    @property
    def open(self) -> bool:
        """Whether a file is still being written."""
        return any(not recording.stopped for recording in self._all.values())

    @property
    def recording_message(self) -> bool:
        """Whether the caller is being recorded for a voicemail box."""
        return self.message is not None and not self.message.stopped

    @property
    def state(self) -> str:
        """Whether the conversation is recorded now: on, paused or off."""
        recording = self._conversation
        if recording is None or recording.stopping or recording.stopped:
            return "off"
        return "paused" if recording.paused else "on"

    def numbers(self) -> list[int]:
        """Return the files' names towards the media process."""
        return list(self._all)

    def message_path(self) -> Path:
        """Return where the message just recorded is."""
        assert self.message is not None
        return self._board.recordings / self.message.path

    # -- the conversation ------------------------------------------------------------------------

    def record_call(self, talkers: list[Leg]) -> None:
        """Record the conversation: the first leg left, whoever talks with it right."""
        if self.state == "off" and len(talkers) > 1:
            first, second, *others = sorted(talkers, key=lambda leg: leg is not self._a)
            sides = {first: 0, second: 1} | dict.fromkeys(others, 1)
            self._conversation = self._start(sides, box=None, limits=(LONGEST_SECONDS, 0, ""))

    def follow(self, talkers: list[Leg]) -> None:
        """Record who has joined, record no more who has left."""
        recording = self._conversation
        if recording is None or self.state == "off":
            return
        for leg in [leg for leg in recording.sides if leg not in talkers]:
            del recording.sides[leg]
            self._a.sounds.ask(LeaveRecording(recording.number, leg.media))
        for leg in talkers:
            if leg not in recording.sides:
                taken = set(recording.sides.values())
                recording.sides[leg] = 1 if 0 in taken else 0
                command = JoinRecording(recording.number, leg.media, recording.sides[leg])
                self._a.sounds.ask(command)

    def pause(self) -> None:
        """Keep nothing of what is said until `go_on`."""
        if self.state == "on" and self._conversation is not None:
            self._conversation.paused = True
            self._a.sounds.ask(PauseRecording(self._conversation.number))

    def go_on(self) -> None:
        """Record again after a pause."""
        if self.state == "paused" and self._conversation is not None:
            self._conversation.paused = False
            self._a.sounds.ask(ResumeRecording(self._conversation.number))

    def stop_call(self) -> None:
        """Finish the conversation's file; another may be begun."""
        if self._conversation is not None and not self._conversation.stopping:
            self._conversation.stopping = True
            self._a.sounds.ask(StopRecording(self._conversation.number))

    # -- a message -------------------------------------------------------------------------------

    def record_message(self, leg: Leg, wish: Record) -> None:
        """Record the caller until a key, silence or the limit."""
        limits = (wish.max_seconds, wish.silence_seconds, wish.stop_digits)
        self.message = self._start({leg: 0}, box=wish.box, limits=limits)

    def keep_message(self, urgent: bool) -> None:
        """Put the message just recorded into its box."""
        message = self.message
        if message is not None:
            self._call.emit(
                MessageLeft,
                box=message.box,
                recording=message.id,
                seconds=message.seconds,
                urgent=urgent,
                partial=message.partial,
            )

    def drop_message(self) -> None:
        """Forget the message just recorded, file and all."""
        if self.message is not None:
            with contextlib.suppress(OSError):
                self.message_path().unlink()
            self.message = None

    # -- any file --------------------------------------------------------------------------------

    def _start(
        self, sides: dict[Leg, int], *, box: str | None, limits: tuple[int, int, str]
    ) -> Recording:
        name = secrets.token_hex(8)
        day = datetime.fromtimestamp(self._board.clock(), UTC)
        path = f"{day:%Y/%m/%d}/{name}.wav"
        number = self._a.sounds.number_recording(self._call)
        recording = Recording(name, number, path, box, limits, sides)
        self._all[number] = recording
        kind = "voicemail" if box else "call"
        self._call.emit(RecordingStarted, recording=name, kind=kind, path=path, box=box)
        with contextlib.suppress(OSError):  # the media process tells what cannot be written
            full = self._board.recordings / path
            full.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._ask(recording)
        return recording

    def _ask(self, recording: Recording) -> None:
        """Begin a file, or go on with it in a new media process."""
        legs = sorted(recording.sides, key=lambda leg: recording.sides[leg])
        if recording.box is None:
            # Stereo is begun with one leg for each side; the others join.
            legs = [legs[0], legs[-1]]
        media = tuple(leg.media for leg in legs)
        full = str(self._board.recordings / recording.path)
        self._a.sounds.ask(StartRecording(recording.number, media, full, *recording.limits))
        for leg, side in recording.sides.items():
            if leg not in legs:
                self._a.sounds.ask(JoinRecording(recording.number, leg.media, side))
        if recording.paused:
            self._a.sounds.ask(PauseRecording(recording.number))

    def stop(self) -> None:
        """Finish every file; `stopped` is told of each."""
        for recording in self._all.values():
            if not recording.stopped:
                self._a.sounds.ask(StopRecording(recording.number))

    def stopped(self, event: RecordingStopped) -> None:
        """A file is closed."""
        recording = self._all.get(event.recording)
        if recording is not None and not recording.stopped:
            partial = event.partial or recording.partial
            self._finished(recording, event.seconds, partial, event.reason)
            if recording is self.message:
                self._call.recorded(event.reason, event.seconds, event.digit)

    def _finished(self, recording: Recording, seconds: float, partial: bool, reason: str) -> None:
        recording.stopped = True
        recording.seconds = seconds
        recording.partial = partial
        self._call.emit(
            RecordingEnded,
            recording=recording.id,
            seconds=seconds,
            partial=partial,
            reason=reason,
        )

    def resume(self) -> None:
        """Go on recording in a new media process: what was lost meanwhile makes the file partial."""
        for recording in self._all.values():
            if not recording.stopped:
                recording.partial = True
                if recording.box is not None or len(recording.sides) > 1:
                    self._ask(recording)

    def give_up(self) -> None:
        """The media process never told of these files: take their length from the disk."""
        for recording in list(self._all.values()):
            if not recording.stopped:
                path = self._board.recordings / recording.path
                seconds = wav_seconds(path)
                self._finished(recording, seconds, True, "media-lost")
                if recording is self.message:
                    self._call.recorded("media-lost", seconds, "")


def wav_seconds(path: Path) -> float:
    """Return how much sound a wav of ours holds by its size, 0 when there is none."""
    try:
        with open(path, "rb") as file:
            header = file.read(44)
            size = path.stat().st_size
    except OSError:
        return 0.0
    channels = int.from_bytes(header[22:24], "little") or 1
    return max(0, size - 44) / (16000.0 * channels) if len(header) == 44 else 0.0


def records(direction: str, number: Number) -> bool:
    """Say whether calls of a number are recorded of themselves (A24)."""
    return number.record_outbound if direction == "outbound" else number.record_inbound


def records_by_key(direction: str, number: Number) -> bool:
    """Say whether our people may start and pause the recording (A24)."""
    return number.record_outbound_by_key if direction == "outbound" else number.record_by_key


def announcement_to_called(direction: str, number: Number) -> Prompt | None:
    """Return what whoever we call hears before a call that is recorded, None for nothing."""
    outbound = direction == "outbound" and records(direction, number)
    return number.record_announcement if outbound else None

"""What is being recorded of one call: the message its caller leaves, the conversation itself."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from carillon.flows.steps import Record
from carillon.schema.events import RecordingEnded, RecordingStarted
from carillon.schema.mediacontrol import RecordingStopped, StartRecording, StopRecording
from carillon.switch.legs import Leg

if TYPE_CHECKING:
    from carillon.switch.calls import Call
    from carillon.switch.switchboard import Switchboard


@dataclass(slots=True)
class Recording:
    """One file. `number` is its name towards the media process, `id` everywhere else."""

    id: str
    number: int
    path: str
    box: str | None
    ask: Callable[[], StartRecording]
    seconds: float = 0.0
    partial: bool = False
    stopped: bool = False


class CallRecordings:
    """The files of one call, which is reached through its caller's leg."""

    def __init__(self, board: Switchboard, a: Leg) -> None:
        self._a = a
        self._board = board
        self._all: dict[int, Recording] = {}
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
    def recording_call(self) -> bool:
        """Whether both sides of the conversation are, or were, being recorded."""
        return any(recording.box is None for recording in self._all.values())

    def numbers(self) -> list[int]:
        """Return the files' names towards the media process."""
        return list(self._all)

    def message_path(self) -> Path:
        """Return where the message just recorded is."""
        assert self.message is not None
        return self._board.recordings / self.message.path

    def record_message(self, wish: Record) -> None:
        """Record the caller until a key, silence or the limit."""
        self.message = self._start(
            (self._a,),
            box=wish.box,
            max_seconds=wish.max_seconds,
            silence_seconds=wish.silence_seconds,
            stop_digits=wish.stop_digits,
        )

    def record_call(self, a: Leg, b: Leg) -> None:
        """Record both sides of the conversation, the caller left, the other right."""
        self._start((a, b))

    def _start(
        self,
        legs: tuple[Leg, ...],
        *,
        box: str | None = None,
        max_seconds: int = 4 * 3600,
        silence_seconds: int = 0,
        stop_digits: str = "",
    ) -> Recording:
        name = secrets.token_hex(8)
        day = datetime.fromtimestamp(self._board.clock(), UTC)
        path = f"{day:%Y/%m/%d}/{name}.wav"
        number = self._board.sounds.number_recording(self._call)
        full = self._board.recordings / path

        def ask() -> StartRecording:
            return StartRecording(
                number,
                tuple(leg.media for leg in legs),
                str(full),
                max_seconds,
                silence_seconds,
                stop_digits,
            )

        recording = Recording(name, number, path, box, ask)
        self._all[number] = recording
        kind = "voicemail" if box else "call"
        self._call.emit(RecordingStarted, recording=name, kind=kind, path=path, box=box)
        with contextlib.suppress(OSError):  # the media process tells what cannot be written
            full.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._board.sounds.ask(ask())
        return recording

    def stop(self) -> None:
        """Finish every file; `stopped` is told of each."""
        for recording in self._all.values():
            if not recording.stopped:
                self._board.sounds.ask(StopRecording(recording.number))

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

    def drop_message(self) -> None:
        """Forget the message just recorded, file and all."""
        if self.message is not None:
            with contextlib.suppress(OSError):
                self.message_path().unlink()
            self.message = None

    def resume(self) -> None:
        """Go on recording in a new media process: what was lost meanwhile makes the file partial."""
        for recording in self._all.values():
            if not recording.stopped:
                recording.partial = True
                self._board.sounds.ask(recording.ask())

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

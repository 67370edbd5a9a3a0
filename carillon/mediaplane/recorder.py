"""Recordings: which legs go into which file, when a piece of it is written, what ends it."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from carillon.media.recording import (
    LATE_SAMPLES,
    READABLE_SAMPLES,
    Tracks,
    clock_samples,
    has_voice,
)
from carillon.media.wav import SAMPLE_RATE
from carillon.mediaplane.legs import MAX_LEGS, NONE
from carillon.mediaplane.writer import Closed, Failed, Filled, Freed, WavFile, Writer
from carillon.schema.mediacontrol import (
    DiskFilled,
    DiskFreed,
    MediaEvent,
    RecordingStopped,
    StartRecording,
)

FLUSH_SAMPLES = 2400

Rows = NDArray[np.intp]


@dataclass(slots=True, eq=False)
class Recording:
    """One file in the making; times are samples of the clock."""

    command: StartRecording
    rows: tuple[int, ...]
    file: WavFile
    written_to: int
    ends_at: int
    heard_at: int
    due: int = 0
    reason: str = ""
    digit: str = ""


class Recorder:
    """Places what recorded legs say and writes it out every 300 ms."""

    def __init__(self, writer: Writer, tell: Callable[[MediaEvent], None]) -> None:
        self._writer = writer
        self._tell = tell
        self._tracks = Tracks()
        self.track = np.full(MAX_LEGS, NONE, np.intp)
        self._users: dict[int, int] = {}
        self.recording: dict[int, Recording] = {}
        self._closing: dict[WavFile, Recording] = {}
        self._due: list[tuple[int, int]] = []
        self._clock = 0
        self.disk_full = ""

    def start(self, command: StartRecording, rows: dict[int, int], now: float) -> None:
        """Begin a recording; its file is made at once. Another one of the same number is ended.

        `rows`: the legs, in their order, and their payload types.
        """
        self.stop(command.recording, "stopped", now)
        start = clock_samples(now)
        for row, payload_type in rows.items():
            if self.track[row] == NONE:
                self.track[row] = self._tracks.open(payload_type)
            self._users[row] = self._users.get(row, 0) + 1
        file = WavFile(command.recording, command.path, len(rows))
        end = start + max(0, command.max_seconds) * SAMPLE_RATE
        recording = Recording(command, tuple(rows), file, start, end, start)
        self.recording[command.recording] = recording
        self._writer.write(file, b"")
        self._plan(recording)

    def _plan(self, recording: Recording) -> None:
        due = min(recording.written_to + FLUSH_SAMPLES, recording.ends_at) + LATE_SAMPLES
        recording.due = due
        heapq.heappush(self._due, (due, recording.command.recording))

    def place(
        self,
        rows: Rows,
        words: NDArray[np.uint32],
        payloads: NDArray[np.uint8],
        lengths: NDArray[np.int64],
    ) -> None:
        """Place packets of recorded legs where the clock of the last tick is."""
        self._tracks.place(self.track[rows], words, payloads, lengths, self._clock)

    def change_law(self, row: int, payload_type: int) -> None:
        """Go on in a leg's new codec."""
        if self.track[row] != NONE:
            self._tracks.change_law(int(self.track[row]), payload_type)

    def tick(self, now: float) -> None:
        """Let the clock go on, and write what is due."""
        self._clock = clock_samples(now)
        if not self.recording:
            return
        while self._due and self._due[0][0] <= self._clock:
            due, number = heapq.heappop(self._due)
            recording = self.recording.get(number)
            if recording is None or recording.due != due:
                continue
            self._flush(recording, self._clock - LATE_SAMPLES)
            command = recording.command
            if recording.written_to >= recording.ends_at:
                self._finish(recording, "limit")
            elif command.silence_seconds > 0 and (
                recording.written_to - recording.heard_at >= command.silence_seconds * SAMPLE_RATE
            ):
                self._finish(recording, "silence")
            else:
                self._plan(recording)
        self._tracks.clear_ahead(self._clock)

    def _flush(self, recording: Recording, until: int) -> None:
        """Write up to a sample of the clock, never past the recording's end."""
        start, stop = recording.written_to, min(until, recording.ends_at)
        if stop <= start:
            return
        recording.written_to = stop
        # A stall longer than a track remembers is recorded as silence.
        readable = max(start, self._clock - READABLE_SAMPLES)
        samples = np.zeros((stop - start, len(recording.rows)), np.int16)
        if readable < stop:
            for channel, row in enumerate(recording.rows):
                track = int(self.track[row])
                samples[readable - start :, channel] = self._tracks.read(track, readable, stop)
        if recording.command.silence_seconds > 0 and any(has_voice(s) for s in samples.T):
            recording.heard_at = stop
        self._writer.write(recording.file, samples.astype("<i2", copy=False).tobytes())

    def stop(self, number: int, reason: str, now: float, digit: str = "") -> None:
        """Write the rest of a recording and finish its file; one that is not running is left alone."""
        recording = self.recording.get(number)
        if recording is None:
            return
        recording.digit = digit
        self._clock = clock_samples(now)
        self._flush(recording, self._clock)
        self._finish(recording, reason)

    def _finish(self, recording: Recording, reason: str) -> None:
        recording.reason = reason
        del self.recording[recording.command.recording]
        self._closing[recording.file] = recording
        self._writer.close(recording.file)
        for row in recording.rows:
            self._users[row] -= 1
            if not self._users[row]:
                del self._users[row]
                self._tracks.close(int(self.track[row]))
                self.track[row] = NONE

    def close_leg(self, row: int, now: float) -> None:
        """End the recordings a leg takes part in."""
        self._stop_where(row, "leg-closed", now)

    def _stop_where(self, row: int, reason: str, now: float, digit: str = "") -> None:
        if row not in self._users:
            return
        for recording in list(self.recording.values()):
            if row in recording.rows and (not digit or digit in recording.command.stop_digits):
                self.stop(recording.command.recording, reason, now, digit)

    def hear_digit(self, row: int, digit: str, now: float) -> None:
        """End the recordings of a leg that this key ends."""
        self._stop_where(row, "digit", now, digit)

    def collect(self, now: float) -> None:
        """Tell what the writer has to say."""
        while self._writer.outcomes:
            match self._writer.outcomes.popleft():
                case Filled(detail):
                    self.disk_full = detail
                    self._tell(DiskFilled(detail))
                case Freed():
                    self.disk_full = ""
                    self._tell(DiskFreed())
                case Failed(file):
                    recording = self.recording.get(file.recording)
                    if recording is not None and recording.file is file:
                        self.stop(file.recording, "error", now)
                case Closed(file, full):
                    recording = self._closing.pop(file, None)
                    if recording is not None:
                        self._tell_closed(recording, file, full)

    def finish_all(self, now: float) -> None:
        """Finish every file for a switch that is gone; nobody is told."""
        for number in list(self.recording):
            self.stop(number, "stopped", now)
        self._closing.clear()

    def _tell_closed(self, recording: Recording, file: WavFile, full: bool) -> None:
        reason = recording.reason
        if file.failed:
            reason = "error"
        elif file.lost and full:
            reason = "disk-full"
        self._tell(
            RecordingStopped(
                file.recording, round(file.seconds, 3), reason, file.lost, recording.digit
            )
        )

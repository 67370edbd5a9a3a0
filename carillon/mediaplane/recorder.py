"""Recordings: which legs go into which file, when a piece of it is written, what ends it."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from carillon.media.g711 import FRAME_SAMPLES
from carillon.media.mixing import LOUDEST
from carillon.media.recording import has_voice
from carillon.media.wav import SAMPLE_RATE
from carillon.mediaplane.listener import KEPT_FRAMES, Listener
from carillon.mediaplane.writer import Closed, Failed, Filled, Freed, WavFile, Writer
from carillon.schema.mediacontrol import (
    DiskFilled,
    DiskFreed,
    MediaEvent,
    RecordingStopped,
    StartRecording,
)

FLUSH_FRAMES = 35
LISTENING_FRAMES = 15
UNDERWAY_FRAMES = 2
"""A packet that comes now was spoken at least one ago."""
FRAMES_PER_SECOND = SAMPLE_RATE // FRAME_SAMPLES

Samples = NDArray[np.int16]


@dataclass(slots=True, eq=False)
class Recording:
    """One file in the making; times are ticks of the listener. `sides`: the rows on each, in any number.

    `written_to`, `ends_at` and `heard_at` move on by as much as a pause lasts: it is no part of the file.
    """

    command: StartRecording
    sides: tuple[set[int], ...]
    file: WavFile
    written_to: int
    ends_at: int
    heard_at: int
    paused: bool = False
    due: int = 0
    reason: str = ""
    digit: str = ""

    def __iter__(self) -> Iterator[int]:
        """Iterate over the rows that are recorded."""
        return (row for side in self.sides for row in side)


class Recorder:
    """Writes what recorded legs say every 700 ms."""

    def __init__(
        self, writer: Writer, listener: Listener, tell: Callable[[MediaEvent], None]
    ) -> None:
        self._writer = writer
        self._listener = listener
        self._tell = tell
        self.recording: dict[int, Recording] = {}
        self._of_row: dict[int, set[int]] = {}
        self._closing: dict[WavFile, Recording] = {}
        self._due: list[tuple[int, int]] = []
        self.disk_full = ""

    @property
    def rows(self) -> list[int]:
        """The legs that are recorded."""
        return list(self._of_row)

    def start(self, command: StartRecording, rows: Sequence[int]) -> None:
        """Begin a recording of one leg a side; its file is made at once, another of its number ended."""
        self.stop(command.recording, "stopped")
        start = self._listener.tick_index + 1
        file = WavFile(command.recording, command.path, len(rows))
        end = start + max(0, command.max_seconds) * FRAMES_PER_SECOND
        recording = Recording(command, tuple(set() for _ in rows), file, start, end, start)
        self.recording[command.recording] = recording
        for side, row in enumerate(rows):
            self._add(recording, row, side)
        self._writer.write(file, b"")
        self._plan(recording)

    def _add(self, recording: Recording, row: int, side: int) -> None:
        self._listener.want(row)
        recording.sides[side].add(row)
        self._of_row.setdefault(row, set()).add(recording.command.recording)

    def _remove(self, recording: Recording, row: int) -> None:
        for side in recording.sides:
            if row not in side:
                continue
            side.discard(row)
            self._listener.release(row)
            self._of_row[row].discard(recording.command.recording)
            if not self._of_row[row]:
                del self._of_row[row]

    def join(self, number: int, row: int, side: int) -> None:
        """Record another leg too; one that is recorded on this side, or a side there is not, is nothing."""
        recording = self.recording.get(number)
        if recording is None or not 0 <= side < len(recording.sides):
            return
        if row not in recording.sides[side]:
            self._flush(recording, self._listener.tick_index + 1)
            self._remove(recording, row)
            self._add(recording, row, side)

    def leave(self, number: int, row: int) -> None:
        """Record a leg no more."""
        recording = self.recording.get(number)
        if recording is not None and row in recording:
            self._flush(recording, self._listener.tick_index + 1)
            self._remove(recording, row)

    def pause(self, number: int) -> None:
        """Write what there is, and nothing more until `resume`."""
        recording = self.recording.get(number)
        if recording is not None and not recording.paused:
            self._flush(recording, self._listener.tick_index + 1)
            recording.paused = True

    def resume(self, number: int) -> None:
        """Go on with what is said from now on: what is still to be heard, or on its way, was said before."""
        recording = self.recording.get(number)
        if recording is None or not recording.paused:
            return
        unheard = max((self._listener.behind(row) for row in recording), default=0)
        absent = self._listener.tick_index + 1 + unheard + UNDERWAY_FRAMES - recording.written_to
        recording.written_to += absent
        recording.ends_at += absent
        recording.heard_at += absent
        recording.paused = False
        self._plan(recording)

    def _plan(self, recording: Recording) -> None:
        # Whether somebody still speaks is seen only when it is written.
        often = recording.command.silence_seconds > 0
        frames = LISTENING_FRAMES if often else FLUSH_FRAMES
        due = min(recording.written_to + frames, recording.ends_at)
        recording.due = due
        heapq.heappush(self._due, (due, recording.command.recording))

    def tick(self) -> None:
        """Write what is due."""
        if self._is_due:
            with self._writer.at_once():
                self._write_due()

    @property
    def _is_due(self) -> bool:
        return bool(self._due) and self._due[0][0] <= self._listener.tick_index + 1

    def _write_due(self) -> None:
        until = self._listener.tick_index + 1
        while self._is_due:
            due, number = heapq.heappop(self._due)
            recording = self.recording.get(number)
            if recording is None or recording.due != due or recording.paused:
                continue
            self._flush(recording, until)
            silence = recording.command.silence_seconds * FRAMES_PER_SECOND
            if recording.written_to >= recording.ends_at:
                self._finish(recording, "limit")
            elif 0 < silence <= recording.written_to - recording.heard_at:
                self._finish(recording, "silence")
            else:
                self._plan(recording)

    def _flush(self, recording: Recording, until: int) -> None:
        """Write up to a tick, never past the recording's end."""
        start, stop = recording.written_to, min(until, recording.ends_at)
        if recording.paused or stop <= start:
            return
        recording.written_to = stop
        # A stall longer than what is kept is recorded as silence.
        readable = max(start, self._listener.tick_index + 1 - KEPT_FRAMES)
        samples = np.empty(((stop - start) * FRAME_SAMPLES, len(recording.sides)), "<i2")
        heard = max(0, readable - start) * FRAME_SAMPLES
        samples[:heard] = 0
        if readable < stop:
            for channel, side in enumerate(recording.sides):
                samples[heard:, channel] = self._side(side, readable, stop)
        if recording.command.silence_seconds > 0 and any(has_voice(s) for s in samples.T):
            recording.heard_at = stop
        self._writer.write(recording.file, samples.data.cast("B"))

    def _side(self, side: Collection[int], start: int, stop: int) -> Samples:
        """Return what the legs of one side say, together."""
        each = [self._listener.past(row, start, stop).reshape(-1) for row in side]
        if len(each) == 1:
            return each[0]
        total = np.zeros((stop - start) * FRAME_SAMPLES, np.int32)
        for samples in each:
            total += samples
        return np.clip(total, -LOUDEST, LOUDEST).astype(np.int16)

    def stop(self, number: int, reason: str, digit: str = "") -> None:
        """Write the rest of a recording and finish its file; one that is not running is left alone."""
        recording = self.recording.get(number)
        if recording is None:
            return
        recording.digit = digit
        self._flush(recording, self._listener.tick_index + 1)
        self._finish(recording, reason)

    def _finish(self, recording: Recording, reason: str) -> None:
        recording.reason = reason
        del self.recording[recording.command.recording]
        self._closing[recording.file] = recording
        self._writer.close(recording.file)
        for row in list(recording):
            self._remove(recording, row)

    def close_leg(self, row: int) -> None:
        """End the recordings of nothing but this leg; it leaves those with two sides."""
        for number in tuple(self._of_row.get(row, ())):
            recording = self.recording[number]
            if len(recording.sides) == 1 and len(list(recording)) == 1:
                self.stop(number, "leg-closed")
            else:
                self.leave(number, row)

    def hear_digit(self, row: int, digit: str) -> None:
        """End the recordings of a leg that this key ends."""
        for number in tuple(self._of_row.get(row, ())):
            if digit in self.recording[number].command.stop_digits:
                self.stop(number, "digit", digit)

    def collect(self) -> None:
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
                        self.stop(file.recording, "error")
                case Closed(file, full):
                    recording = self._closing.pop(file, None)
                    if recording is not None:
                        self._tell_closed(recording, file, full)

    def finish_all(self) -> None:
        """Finish every file for a switch that is gone; nobody is told."""
        for number in list(self.recording):
            self.stop(number, "stopped")
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

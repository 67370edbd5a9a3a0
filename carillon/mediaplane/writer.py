"""Writes recordings in a thread of its own, so that a slow or full disk never delays a tick.

Each flush puts the samples behind those there are and then says so in the header: whenever the process
ends, what was flushed can be played. A disk that refuses is tried again every few seconds; what comes in
between is lost, and the file says so (`lost`).
"""

from __future__ import annotations

import errno
import logging
import os
import queue
import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from carillon.media.wav import (
    HEADER_BYTES,
    MAX_DATA_BYTES,
    SAMPLE_BYTES,
    SAMPLE_RATE,
    NotWav,
    read_layout,
    write_header,
)

RETRY_SECONDS = 3.0
MAX_QUEUED_BYTES = 64 << 20
_HEAD_BYTES = 4096
Octets = bytes | memoryview
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS)

log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class WavFile:
    """A file being written. Only the writer's thread touches what follows `channels`."""

    recording: int
    path: str
    channels: int
    fd: int = -1
    data_start: int = 0
    data_bytes: int = 0
    written: int = 0
    lost: bool = False
    failed: bool = False
    refused: bool = False
    """Whether a full disk took some of it, even if there was room again at the end."""

    @property
    def seconds(self) -> float:
        """How much sound has been added."""
        return self.written / (SAMPLE_RATE * SAMPLE_BYTES * self.channels)


@dataclass(frozen=True, slots=True)
class Closed:
    """A file is finished."""

    file: WavFile
    full: bool


@dataclass(frozen=True, slots=True)
class Failed:
    """A file cannot be written at all: no such folder, no permission, not ours."""

    file: WavFile


@dataclass(frozen=True, slots=True)
class Filled:
    """The disk refuses."""

    detail: str


@dataclass(frozen=True, slots=True)
class Freed:
    """The disk takes data again."""


Outcome = Closed | Failed | Filled | Freed
Job = tuple[WavFile, Octets | None]
"""Samples for a file; None: it is finished."""


class Writer:
    """The thread and its queue. `wake` is called, in the thread, when there is an outcome."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._jobs: queue.SimpleQueue[list[Job] | None] = queue.SimpleQueue()
        self._together: list[Job] | None = None
        self.outcomes: deque[Outcome] = deque()
        self._queued = 0
        self._done = 0
        self._full_folder = ""
        self._retry_at = 0.0
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
        self._thread.start()

    def write(self, file: WavFile, samples: Octets) -> None:
        """Add samples to a file; the first ones, or none, create it. They are lost if the disk lags far."""
        if self._queued - self._done > MAX_QUEUED_BYTES:
            file.lost = True
            return
        self._queued += len(samples)
        self._do((file, samples))

    def close(self, file: WavFile) -> None:
        """Finish a file; `Closed` follows."""
        self._do((file, None))

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Wake the thread once for all that is asked of it meanwhile."""
        together: list[Job] = []
        self._together = together
        try:
            yield
        finally:
            self._together = None
            if together:
                self._jobs.put(together)

    def _do(self, job: Job) -> None:
        if self._together is None:
            self._jobs.put([job])
        else:
            self._together.append(job)

    def finish(self, seconds: float) -> None:
        """Let the thread do what is queued, for so long at most."""
        self._jobs.put(None)
        self._thread.join(seconds)

    def _run(self) -> None:
        while True:
            try:
                jobs = self._jobs.get(timeout=RETRY_SECONDS if self._full_folder else None)
            except queue.Empty:
                self._probe()
                continue
            if jobs is None:
                return
            for file, samples in jobs:
                if samples is None:
                    self._close(file)
                else:
                    self._write(file, samples)
                    self._done += len(samples)

    def _tell(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)
        self._wake()

    def _write(self, file: WavFile, samples: Octets) -> None:
        if file.failed:
            return
        if self._full_folder and time.monotonic() < self._retry_at:
            file.lost = file.lost or bool(samples)
            file.refused = file.refused or bool(samples)
            return
        try:
            if file.fd < 0:
                _open(file)
            _append(file, samples)
        except OSError as error:
            file.lost = True
            self._refuse(file, error)
        except (NotWav, ValueError) as error:
            self._fail(file, str(error))
        else:
            self._free()

    def _refuse(self, file: WavFile, error: OSError) -> None:
        if error.errno not in _FULL:
            self._fail(file, str(error))
            return
        file.refused = True
        self._retry_at = time.monotonic() + RETRY_SECONDS
        if not self._full_folder:
            self._full_folder = os.path.dirname(file.path)
            log.error("recordings cannot be written: %s", error)
            self._tell(Filled(str(error)))

    def _fail(self, file: WavFile, reason: str) -> None:
        file.failed = file.lost = True
        log.error("recording %d failed: %r: %s", file.recording, file.path, reason)
        self._tell(Failed(file))

    def _free(self) -> None:
        if self._full_folder:
            self._full_folder = ""
            log.info("recordings can be written again")
            self._tell(Freed())

    def _probe(self) -> None:
        """Try the disk while nothing is being recorded."""
        path = os.path.join(self._full_folder, ".writable")
        try:
            with open(path, "wb") as probe:
                probe.write(bytes(65536))
            os.unlink(path)
        except OSError:
            return
        self._free()

    def _close(self, file: WavFile) -> None:
        if file.fd >= 0:
            try:
                os.close(file.fd)
            except OSError as error:
                file.lost = True
                log.error("closing %r: %s", file.path, error)
            file.fd = -1
        self._tell(Closed(file, file.refused))


def _open(file: WavFile) -> None:
    """Open or create a file and find where its samples go; what a killed writer left is kept."""
    if not os.path.isabs(file.path):
        raise ValueError("not an absolute path")
    os.makedirs(os.path.dirname(file.path), mode=0o700, exist_ok=True)
    fd = os.open(file.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        size = os.fstat(fd).st_size
        if size < HEADER_BYTES:
            os.ftruncate(fd, 0)
            _write_all(fd, write_header(file.channels, 0), 0)
            start = size = HEADER_BYTES
        else:
            layout = read_layout(os.pread(fd, _HEAD_BYTES, 0))
            if layout.channels != file.channels:
                raise NotWav(f"has {layout.channels} channels, not {file.channels}")
            start = layout.data_start
    except (OSError, NotWav):
        os.close(fd)
        raise
    frame = file.channels * SAMPLE_BYTES
    file.fd, file.data_start = fd, start
    file.data_bytes = (size - start) // frame * frame


def _append(file: WavFile, samples: Octets) -> None:
    """Write samples, then the sizes in the header; on failure leave whole frames."""
    if not samples:
        return
    if file.data_bytes + len(samples) > MAX_DATA_BYTES:
        raise OSError(errno.EFBIG, "a wav file holds no more")
    end = file.data_start + file.data_bytes
    try:
        _write_all(file.fd, samples, end)
    except OSError:
        os.ftruncate(file.fd, end)
        raise
    file.data_bytes += len(samples)
    file.written += len(samples)
    if file.data_start == HEADER_BYTES:
        os.pwrite(file.fd, write_header(file.channels, file.data_bytes), 0)
        return
    size = file.data_start + file.data_bytes
    os.pwrite(file.fd, struct.pack("<I", file.data_bytes), file.data_start - 4)
    os.pwrite(file.fd, struct.pack("<I", size - 8), 4)


def _write_all(fd: int, octets: Octets, at: int) -> None:
    view = memoryview(octets)
    while view:
        count = os.pwrite(fd, view, at)
        at += count
        view = view[count:]

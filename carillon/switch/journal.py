"""The switch's durable journal: every event is written before it is acted on.

One line of JSON an event, in segment files named after their first cursor. `append` hands the bytes to
the kernel at once, so they survive `kill -9`; `when_durable` also waits for the disk (one `fdatasync`
serves everybody who waits), and comes before any answer that is passed on, so a power cut loses no
answered call either. Nobody is shown an event that is not on the disk: a cursor that was told is never
used again for another event. What the portal has taken is deleted, a segment at a time.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
import time
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path

import msgspec

from carillon.schema.events import AnyEvent, JournalEntry, JournalPage, read_entry, write_entry

log = logging.getLogger(__name__)

SEGMENT_BYTES = 4 << 20
RECENT_ENTRIES = 5000
RETRY_SECONDS = 1.0


class _Place(msgspec.Struct):
    """The part of a line that every release can read."""

    cursor: int


_read_place = msgspec.json.Decoder(_Place).decode


class Journal:
    """An append-only list of events on disk. Not thread-safe: one event loop owns it."""

    def __init__(self, folder: Path, *, segment_bytes: int = SEGMENT_BYTES) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        self._segment_bytes = segment_bytes
        self.id = self._read_id()
        self._segments = sorted(int(p.stem) for p in folder.glob("*.jsonl") if p.stem.isdecimal())
        self.cursor = 0
        self._written = 0
        self._durable = 0
        self._recent: deque[JournalEntry] = deque(maxlen=RECENT_ENTRIES)
        self._unwritten = bytearray()
        self._failed_at = 0.0
        self._waiting: list[Callable[[], None]] = []
        self._syncing: asyncio.Task[None] | None = None
        self._full_files: list[int] = []
        self._listeners: set[asyncio.Event] = set()
        self._read_to = (0, 0, 0)
        """The last cursor read from disk, its segment, and where the next line begins there."""
        self._size = 0
        self._file = self._open_last()

    # -- writing ---------------------------------------------------------------------------------

    def append(self, events: Iterable[AnyEvent]) -> None:
        """Write events; on a full disk keep them in memory and try again with the next ones."""
        entries = []
        for event in events:
            self.cursor += 1
            entries.append(JournalEntry(self.cursor, event))
        self._unwritten += b"".join(map(write_entry, entries))
        self._recent.extend(entries)
        self._write()
        self.wake()

    @property
    def failing(self) -> bool:
        """Whether events wait in memory because the disk refuses them."""
        return bool(self._unwritten)

    def retry(self) -> None:
        """Write what a full disk refused; call now and then, for when no more events come."""
        if self._unwritten:
            self._write()
            self.wake()

    def _write(self) -> None:
        if self._failed_at and time.monotonic() - self._failed_at < RETRY_SECONDS:
            return
        try:
            while self._unwritten:
                count = os.write(self._file, self._unwritten)
                self._size += count
                del self._unwritten[:count]
            self._written = self.cursor
            self._failed_at = 0.0
            if self._size > self._segment_bytes:
                self._new_segment()
        except OSError as error:
            if not self._failed_at:
                log.error("journal: cannot write (%s); events are kept in memory", error)
            self._failed_at = time.monotonic()

    def when_durable(self, *then: Callable[[], None]) -> None:
        """Call these in the event loop once everything appended so far has reached the disk.

        A disk that refuses to write delays nobody: a call matters more than its record.
        """
        self._waiting += then
        if self._syncing is None:
            self._syncing = asyncio.get_running_loop().create_task(self._sync())

    async def _sync(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._waiting:
                waiting, self._waiting = self._waiting, []
                files, self._full_files = [*self._full_files, self._file], []
                written = self._written
                await loop.run_in_executor(None, _sync_all, files)
                self._durable = max(self._durable, written)
                for then in waiting:
                    try:
                        then()
                    except Exception:
                        log.exception("journal: who waited for the disk met a fault of ours")
        finally:
            self._syncing = None

    # -- reading ---------------------------------------------------------------------------------

    async def page(self, after: int, limit: int, wait: float) -> JournalPage:
        """Return what follows a cursor, waiting up to `wait` seconds for something to happen."""
        if after >= self._written and wait > 0:
            listener = asyncio.Event()
            self._listeners.add(listener)
            try:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(listener.wait(), wait)
            finally:
                self._listeners.discard(listener)
        if after < self._written and self._durable < self._written:
            on_disk = asyncio.Event()
            self.when_durable(on_disk.set)
            await on_disk.wait()
        return JournalPage(self.id, tuple(self._after(after, limit)))

    def wake(self) -> None:
        """Let everybody who waits in `page` go."""
        for listener in self._listeners:
            listener.set()

    def _after(self, after: int, limit: int) -> list[JournalEntry]:
        if self._recent and self._recent[0].cursor <= after + 1:
            first = bisect_right(self._recent, after, key=_cursor)
            found = list(islice(self._recent, first, first + limit))
        else:
            found = self._read_page(after, limit)
        return found[: bisect_right(found, self._durable, key=_cursor)]

    def _read_page(self, after: int, limit: int) -> list[JournalEntry]:
        """Read from disk, from where the last page ended if this one follows it."""
        found: list[JournalEntry] = []
        for place, entry in self._lines(after, self._read_to):
            self._read_to = place
            if entry is not None:
                found.append(entry)
            if len(found) == limit:
                break
        return found

    def scan(self, after: int = 0, marks: tuple[bytes, ...] = ()) -> Iterator[JournalEntry]:
        """Read entries from the files, only lines that contain one of `marks` where given."""
        for _, entry in self._lines(after, (0, 0, 0), marks):
            if entry is not None:
                yield entry

    def _lines(
        self, after: int, known: tuple[int, int, int], marks: tuple[bytes, ...] = ()
    ) -> Iterator[tuple[tuple[int, int, int], JournalEntry | None]]:
        """Return what follows a cursor, each with its place; None for what cannot be understood."""
        first = max(0, bisect_right(self._segments, after + 1) - 1)
        for segment in self._segments[first:]:
            with open(self._path(segment), "rb") as file:
                if known[:2] == (after, segment):
                    file.seek(known[2])
                at = file.tell()
                for line in file:
                    at += len(line)
                    if marks and not any(mark in line for mark in marks):
                        continue
                    cursor = _cursor_of(line)
                    if cursor > after:
                        yield (cursor, segment, at), _entry(line)

    def forget(self, until: int) -> None:
        """Delete the segments whose every entry is at or before the cursor `until`."""
        while len(self._segments) > 1 and self._segments[1] <= until + 1:
            with contextlib.suppress(OSError):
                self._path(self._segments[0]).unlink()
            del self._segments[0]

    def close(self) -> None:
        """Write what is left and close the file."""
        self._failed_at = 0.0
        self._write()
        _sync_all([*self._full_files, self._file])
        os.close(self._file)

    # -- files -----------------------------------------------------------------------------------

    def _path(self, segment: int) -> Path:
        return self._folder / f"{segment}.jsonl"

    def _read_id(self) -> str:
        path = self._folder / "id"
        if not path.exists() or not path.read_text().strip():
            path.write_text(secrets.token_hex(8))
        return path.read_text().strip()

    def _open_last(self) -> int:
        """Open the newest segment for appending; what a crash tore off its end is cut away.

        A whole line of a newer release, whose event we cannot read, stays where it is.
        """
        if not self._segments:
            self._segments.append(1)
        path = self._path(self._segments[-1])
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        with open(path, "rb") as file:
            good = at = 0
            self.cursor = self._written = self._segments[-1] - 1
            for line in file:
                at += len(line)
                cursor = _cursor_of(line)
                if cursor <= self.cursor:
                    continue
                self.cursor = cursor
                good = at
                entry = _entry(line)
                if entry is not None:
                    self._written = cursor
                    self._recent.append(entry)
        self._durable = self._written
        os.ftruncate(handle, good)
        self._size = good
        return handle

    def _new_segment(self) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND
        fresh = os.open(self._path(self.cursor + 1), flags, 0o600)
        # The disk is waited for by the next `when_durable`, never here, between two packets.
        self._full_files.append(self._file)
        self._segments.append(self.cursor + 1)
        self._file = fresh
        self._size = 0


def _sync_all(files: list[int]) -> None:
    """Bring files to the disk; all but the last, which is still written, are then closed."""
    for file in files:
        with contextlib.suppress(OSError):
            os.fdatasync(file)
    for file in files[:-1]:
        os.close(file)


def _cursor(entry: JournalEntry) -> int:
    return entry.cursor


def _cursor_of(line: bytes) -> int:
    """Return a line's cursor, 0 when the line is torn."""
    if not line.endswith(b"\n"):
        return 0
    try:
        return _read_place(line).cursor
    except (ValueError, RecursionError):
        return 0


def _entry(line: bytes) -> JournalEntry | None:
    try:
        return read_entry(line)
    except (ValueError, RecursionError):
        return None

"""The switch's durable journal: every event is written before it is acted on.

One line of JSON an event, in segment files named after their first cursor. `append` hands the bytes to
the kernel at once, so they survive `kill -9`; `when_durable` also waits for the disk (one `fdatasync`
serves everybody who waits), and comes before any answer that is passed on, so a power cut loses no
answered call either. What the portal has taken is deleted, a segment at a time.
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
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

from carillon.schema.events import AnyEvent, JournalEntry, JournalPage, read_entry, write_entry

log = logging.getLogger(__name__)

SEGMENT_BYTES = 4 << 20
RECENT_ENTRIES = 5000
RETRY_SECONDS = 1.0


class Journal:
    """An append-only list of events on disk. Not thread-safe: one event loop owns it."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        self.id = self._read_id()
        self._segments = sorted(int(p.stem) for p in folder.glob("*.jsonl") if p.stem.isdecimal())
        self.cursor = 0
        self._recent: deque[JournalEntry] = deque(maxlen=RECENT_ENTRIES)
        self._unwritten = bytearray()
        self._failed_at = 0.0
        self._waiting: list[Callable[[], None]] = []
        self._syncing = False
        self._full_files: list[int] = []
        self._listeners: set[asyncio.Event] = set()
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

    def _write(self) -> None:
        if self._failed_at and time.monotonic() - self._failed_at < RETRY_SECONDS:
            return
        try:
            while self._unwritten:
                del self._unwritten[: os.write(self._file, self._unwritten)]
            self._failed_at = 0.0
        except OSError as error:
            if not self._failed_at:
                log.error("journal: cannot write (%s); events are kept in memory", error)
            self._failed_at = time.monotonic()
            return
        if os.lseek(self._file, 0, os.SEEK_CUR) > SEGMENT_BYTES:
            self._new_segment()

    def when_durable(self, then: Callable[[], None]) -> None:
        """Call `then` in the event loop once everything appended so far has reached the disk."""
        self._waiting.append(then)
        if not self._syncing:
            self._syncing = True
            asyncio.get_running_loop().create_task(self._sync())

    async def _sync(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            waiting, self._waiting = self._waiting, []
            files, self._full_files = [*self._full_files, self._file], []
            await loop.run_in_executor(None, _sync_all, files)
            for then in waiting:
                then()
        self._syncing = False

    # -- reading ---------------------------------------------------------------------------------

    async def page(self, after: int, limit: int, wait: float) -> JournalPage:
        """Return what follows a cursor, waiting up to `wait` seconds for something to happen."""
        if after >= self.cursor and wait > 0:
            listener = asyncio.Event()
            self._listeners.add(listener)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(listener.wait(), wait)
            self._listeners.discard(listener)
        return JournalPage(self.id, tuple(self._after(after, limit)))

    def wake(self) -> None:
        """Let everybody who waits in `page` go."""
        for listener in self._listeners:
            listener.set()

    def _after(self, after: int, limit: int) -> Sequence[JournalEntry]:
        if self._recent and self._recent[0].cursor <= after + 1:
            skip = after + 1 - self._recent[0].cursor
            return [self._recent[i] for i in range(skip, min(skip + limit, len(self._recent)))]
        found: list[JournalEntry] = []
        for entry in self.scan(after):
            found.append(entry)
            if len(found) == limit:
                break
        return found

    def scan(self, after: int = 0, marks: tuple[bytes, ...] = ()) -> Iterator[JournalEntry]:
        """Read entries from the files, only lines that contain one of `marks` where given."""
        first = max(0, bisect_right(self._segments, after + 1) - 1)
        for segment in self._segments[first:]:
            with open(self._path(segment), "rb") as file:
                for line in file:
                    if marks and not any(mark in line for mark in marks):
                        continue
                    entry = _entry(line)
                    if entry is not None and entry.cursor > after:
                        yield entry

    def forget(self, until: int) -> None:
        """Delete the segments whose every entry is at or before the cursor `until`."""
        while len(self._segments) > 1 and self._segments[1] <= until + 1:
            with contextlib.suppress(FileNotFoundError):
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
        if not path.exists():
            path.write_text(secrets.token_hex(8))
        return path.read_text().strip()

    def _open_last(self) -> int:
        """Open the newest segment for appending; a line torn by a crash is cut off."""
        if not self._segments:
            self._segments.append(1)
        path = self._path(self._segments[-1])
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        with open(path, "rb") as file:
            good = 0
            self.cursor = self._segments[-1] - 1
            for line in file:
                entry = _entry(line)
                if entry is None:
                    break
                self.cursor = entry.cursor
                self._recent.append(entry)
                good += len(line)
        os.ftruncate(handle, good)
        os.lseek(handle, 0, os.SEEK_END)
        return handle

    def _new_segment(self) -> None:
        # The disk is waited for by the next `when_durable`, never here, between two packets.
        self._full_files.append(self._file)
        self._segments.append(self.cursor + 1)
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND
        self._file = os.open(self._path(self.cursor + 1), flags, 0o600)


def _sync_all(files: list[int]) -> None:
    """Bring files to the disk; all but the last, which is still written, are then closed."""
    for file in files:
        with contextlib.suppress(OSError):
            os.fdatasync(file)
    for file in files[:-1]:
        os.close(file)


def _entry(line: bytes) -> JournalEntry | None:
    if not line.endswith(b"\n"):
        return None
    try:
        return read_entry(line)
    except msgspec.MsgspecError:
        return None

"""Prompts in memory: read once from disk by a thread of their own, the least used forgotten first."""

from __future__ import annotations

import logging
import os
import queue
import threading
from collections import OrderedDict, deque
from collections.abc import Callable

from carillon.media.prompt import Prompt, make_prompt
from carillon.media.wav import NotWav, read_wav

CACHE_BYTES = 128 << 20
CACHE_FILES = 4096
MAX_FILE_BYTES = 32 << 20

log = logging.getLogger(__name__)

Stamp = tuple[int, int]
"""Size and time of change of a file: another one means another sound."""


class Prompts:
    """A cache of prompts by path. `wake` is called, in the thread, when something has been read."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._cache: OrderedDict[str, tuple[Stamp, Prompt | None]] = OrderedDict()
        self._size = 0
        self._wanted: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._asked: set[str] = set()
        self._read: deque[tuple[str, Stamp, Prompt | None]] = deque()
        threading.Thread(target=self._run, name="prompts", daemon=True).start()

    def find(self, path: str) -> tuple[bool, Prompt | None]:
        """Return whether this path has been read as it is now, and its sound, None when it has none.

        A path not read yet is asked for; `collect` says when it is there.
        """
        cached = self._cache.get(path)
        if cached is not None and cached[0] == _stamp(path):
            self._cache.move_to_end(path)
            return True, cached[1]
        if path not in self._asked:
            self._asked.add(path)
            self._wanted.put(path)
        return False, None

    def collect(self) -> bool:
        """Take in what the thread has read; return whether there was anything."""
        found = False
        while self._read:
            path, stamp, prompt = self._read.popleft()
            self._asked.discard(path)
            self._forget(path)
            self._cache[path] = (stamp, prompt)
            self._size += prompt.size if prompt else 0
            while len(self._cache) > 1 and self._is_full():
                self._forget(next(iter(self._cache)))
            found = True
        return found

    def _is_full(self) -> bool:
        return self._size > CACHE_BYTES or len(self._cache) > CACHE_FILES

    def _forget(self, path: str) -> None:
        """Drop a path; legs that are hearing it keep its sound until they are done."""
        _, prompt = self._cache.pop(path, ((0, 0), None))
        self._size -= prompt.size if prompt else 0

    def _run(self) -> None:
        while True:
            path = self._wanted.get()
            stamp = _stamp(path)
            try:
                prompt = _load(path)
            except (OSError, ValueError, NotWav) as error:
                log.warning("prompt passed over: %r: %s", path, error)
                prompt = None
            self._read.append((path, stamp, prompt))
            self._wake()


def _stamp(path: str) -> Stamp:
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return (0, 0)
    return (status.st_size, status.st_mtime_ns)


def _load(path: str) -> Prompt | None:
    with open(path, "rb") as file:
        document = file.read(MAX_FILE_BYTES + 1)
    if len(document) > MAX_FILE_BYTES:
        raise NotWav("longer than half an hour")
    samples = read_wav(document)
    if samples.ndim == 2:
        samples = samples.mean(axis=1).astype(samples.dtype)
    return make_prompt(samples) if len(samples) else None

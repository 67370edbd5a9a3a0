"""Ports for the systems and phones of tests, that no other test on this machine can have taken meanwhile.

All below 32768: from there on Linux hands ports out to whoever connects without asking for one, and it may do
so between our look and our use. A block of ports belongs to the process that holds the lock on its file.
"""

from __future__ import annotations

import fcntl
import itertools
import socket
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

FIRST, LAST = 10000, 32700
BLOCK = 120
"""Room for one system: its own ports, and a hundred for sound."""
MOST_BLOCKS = 24
HOST = "127.0.0.1"


def is_free(port: int) -> bool:
    """Say whether a port can be bound on loopback, TCP and UDP."""
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(socket.AF_INET, kind) as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                return False
    return True


class _Blocks:
    """The blocks of this process, taken in turn so that a port rests before it is used again."""

    def __init__(self) -> None:
        self._locks: list[IO[bytes]] = []
        self._turn: Iterator[int] = iter(())

    def claim(self, offsets: Iterable[int]) -> int:
        """Return the base of a block in which all of these ports are free now."""
        if not self._locks:
            self._turn = itertools.cycle(list(self._take()))
        wanted = tuple(offsets)
        for base in itertools.islice(self._turn, 3 * MOST_BLOCKS):
            if all(is_free(base + n) for n in wanted):
                return base
        raise RuntimeError("no free ports")

    def _take(self) -> Iterator[int]:
        folder = Path(tempfile.gettempdir()) / "carillon-test-ports"
        folder.mkdir(exist_ok=True)
        for base in range(FIRST, LAST - BLOCK, BLOCK):
            if len(self._locks) == MOST_BLOCKS:
                return
            lock = open(folder / str(base), "ab")  # noqa: SIM115 - held for as long as we live
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                lock.close()
                continue
            self._locks.append(lock)
            yield base


_blocks = _Blocks()


def claim(offsets: Iterable[int] = (0, 1)) -> int:
    """Return an even port; the ports at `offsets` (below 120) from it are free, and ours alone."""
    return _blocks.claim(offsets)

"""Sends batches to legs, each from the socket that serves it."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from carillon.mediaplane.legs import Legs
from carillon.mediaplane.wire import Outbox

Rows = NDArray[np.intp]
Addresses = NDArray[np.uint64]
Piece = tuple[Addresses, NDArray[np.int64] | int]
"""Where one piece of each message lies, and how long it is."""


class Sender:
    """Sends from the shared socket `fd`, or from a leg's own in the column `own_fds`."""

    def __init__(
        self, legs: Legs, fd: int, own_fds: NDArray[np.int64], names: Addresses, outbox: Outbox
    ) -> None:
        self._legs = legs
        self._fd = fd
        self._own_fds = own_fds
        self._names = names
        self._outbox = outbox

    def send(self, rows: Rows, pieces: Sequence[Piece]) -> None:
        """Send one message to each of these legs, gathered from the pieces."""
        if not self._legs.own:
            self._lay_out(rows, pieces)
            self._outbox.send(self._fd, 0, len(rows))
            return
        fds = self._own_fds[rows]
        order = np.argsort(fds, kind="stable")
        self._lay_out(
            rows[order],
            [(at[order], size if isinstance(size, int) else size[order]) for at, size in pieces],
        )
        fds = fds[order]
        edges = [*np.flatnonzero(np.diff(fds, prepend=np.int64(-2))).tolist(), len(fds)]
        for start, stop in itertools.pairwise(edges):
            fd = int(fds[start])
            self._outbox.send(fd if fd >= 0 else self._fd, start, stop)

    def _lay_out(self, rows: Rows, pieces: Sequence[Piece]) -> None:
        self._outbox.address(self._names[rows])
        for index, (at, size) in enumerate(pieces):
            self._outbox.fill(index, at, size)

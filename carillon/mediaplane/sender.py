"""Sends batches to legs, each from the socket that serves it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from carillon.mediaplane.legs import Legs
from carillon.mediaplane.wire import Outbox, Piece

Rows = NDArray[np.intp]
Addresses = NDArray[np.uint64]


class Sender:
    """Sends from the shared socket `fd`, or from a leg's own in the column `own_fds`."""

    def __init__(self, legs: Legs, fd: int, own_fds: NDArray[np.int64], outbox: Outbox) -> None:
        self._legs = legs
        self._fd = fd
        self._own_fds = own_fds
        self._outbox = outbox

    def send(self, rows: Rows, names: Addresses, pieces: Sequence[Piece]) -> None:
        """Send one message to each of these legs, at these addresses, gathered from the pieces."""
        if not self._legs.own:
            self._outbox.fill(names, pieces)
            self._outbox.send(self._fd, 0, len(rows))
            return
        fds = self._own_fds[rows]
        order = np.argsort(fds, kind="stable")
        self._outbox.fill(
            names[order],
            [(at[order], size if isinstance(size, int) else size[order]) for at, size in pieces],
        )
        fds = fds[order]
        edges = np.flatnonzero(np.diff(fds, prepend=np.int64(-2), append=np.int64(-2)))
        runs = fds[edges[:-1]].tolist()
        # The shared socket's run is the first one, sorted by -1.
        runs = [self._fd if fd < 0 else fd for fd in runs[:1]] + runs[1:]
        self._outbox.send_each(runs, edges[:-1].tolist(), edges[1:].tolist())

"""Sends batches to legs, each from the socket that serves it, protected where the leg is secured."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from carillon.mediaplane.legs import Legs
from carillon.mediaplane.srtp import MAX_BYTES, TRAILER_BYTES
from carillon.mediaplane.wire import Outbox, Piece

Rows = NDArray[np.intp]
Addresses = NDArray[np.uint64]
Batch = tuple[Rows, Addresses, list[Piece]]


class Sender:
    """Sends from the shared socket `fd`, or from a leg's own in the column `own_fds`."""

    def __init__(
        self,
        legs: Legs,
        fd: int,
        own_fds: NDArray[np.int64],
        outbox: Outbox,
        *,
        rtcp: bool = False,
    ) -> None:
        self._legs = legs
        self._rtcp = rtcp
        self._room: NDArray[np.uint8] = np.zeros(0, np.uint8)
        self._fd = fd
        self._own_fds = own_fds
        self._outbox = outbox

    def send(self, rows: Rows, names: Addresses, pieces: Sequence[Piece]) -> None:
        """Send one message to each of these legs, at these addresses, gathered from the pieces."""
        covers = self._legs.covers
        if covers.count:
            secured = np.flatnonzero(covers.secured[rows])
            if len(secured):
                rows, names, pieces = self._cover(rows, names, pieces, secured)
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

    def _cover(self, rows: Rows, names: Addresses, pieces: Sequence[Piece], secured: Rows) -> Batch:
        """Protect the messages to secured legs, one by one; drop those that cannot be."""
        stride, count = MAX_BYTES + TRAILER_BYTES, len(secured)
        if len(self._room) < count * stride:
            self._room = np.zeros(count * stride, np.uint8)
        lengths = []
        to = rows[secured].tolist()
        for nth, packet in enumerate(_gathered(pieces, secured)):
            covered = self._legs.covers.cover(to[nth], packet, self._rtcp) or b""
            self._room.data[nth * stride : nth * stride + len(covered)] = covered
            lengths.append(len(covered))
        starts = [at.copy() for at, _ in pieces]
        sizes = [np.broadcast_to(np.asarray(size), len(rows)).copy() for _, size in pieces]
        first = np.uint64(self._room.ctypes.data)
        starts[0][secured] = first + np.arange(count, dtype=np.uint64) * np.uint64(stride)
        for size in sizes:
            size[secured] = 0
        sizes[0][secured] = lengths
        kept = sizes[0] > 0
        return (
            rows[kept],
            names[kept],
            [(at[kept], size[kept]) for at, size in zip(starts, sizes, strict=True)],
        )


def _gathered(pieces: Sequence[Piece], some: Rows) -> list[bytes]:
    """Return some of the messages, each whole."""
    read = ctypes.string_at
    parts = []
    for at, size in pieces:
        sizes = [size] * len(some) if isinstance(size, int) else size[some].tolist()
        parts.append(list(map(read, at[some].tolist(), sizes)))
    return parts[0] if len(parts) == 1 else [b"".join(each) for each in zip(*parts, strict=True)]

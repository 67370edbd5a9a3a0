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
        count = len(rows)
        starts = [at.copy() for at, _ in pieces]
        sizes = [np.broadcast_to(np.asarray(size, np.int64), count).copy() for _, size in pieces]
        stride = MAX_BYTES + TRAILER_BYTES
        if len(self._room) < len(secured) * stride:
            self._room = np.zeros(len(secured) * stride, np.uint8)
        base, room = self._room.ctypes.data, self._room.data
        covers, kept = self._legs.covers, np.ones(count, np.bool_)
        parts = [
            (at[secured].tolist(), size[secured].tolist())
            for at, size in zip(starts, sizes, strict=True)
        ]
        for nth, index in enumerate(secured.tolist()):
            packet = b"".join([ctypes.string_at(at[nth], size[nth]) for at, size in parts])
            covered = covers.cover(int(rows[index]), packet, self._rtcp)
            if covered is None:
                kept[index] = False
                continue
            room[nth * stride : nth * stride + len(covered)] = covered
            starts[0][index] = base + nth * stride
            sizes[0][index] = len(covered)
            for size in sizes[1:]:
                size[index] = 0
        return (
            rows[kept],
            names[kept],
            [(at[kept], size[kept]) for at, size in zip(starts, sizes, strict=True)],
        )

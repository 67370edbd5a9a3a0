"""Keys pressed, from RFC 4733 telephone events: each press once, however often it is repeated."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from carillon.media.rtp import HEADER_BYTES

KEYS = "0123456789*#ABCD"
EVENT_BYTES = 4
SHORTEST_PRESS = 0.03
"""Seconds between two presses of one leg; no finger is faster, and a flood stays small."""
_NONE = -1

Rows = NDArray[np.intp]
Words = NDArray[np.uint32]
Octets = NDArray[np.uint8]


class Digits:
    """What each leg is pressing, one row a leg."""

    def __init__(self, rows: int) -> None:
        self._time = np.full(rows, _NONE, np.int64)
        self._pressed_at = np.full(rows, -1e9, np.float64)

    def forget(self, rows: Rows) -> None:
        """Begin anew: the leg or its stream is another one, whose timestamps mean something else."""
        self._time[rows] = _NONE

    def receive(
        self, rows: Rows, words: Words, packets: Octets, sizes: NDArray[np.int64], now: float
    ) -> list[tuple[int, str]]:
        """Return (row, key) of presses that begin in these telephone-event packets (plain headers).

        RFC 4733 §2.5.1: all packets of one event carry the timestamp of its start; one older than the
        newest seen is late.
        """
        pressed = []
        times = words[:, 1].astype(np.int64)
        begins = (self._time[rows] != times) & (sizes >= HEADER_BYTES + EVENT_BYTES)
        begins &= packets[:, HEADER_BYTES] < len(KEYS)
        for index in np.flatnonzero(begins):
            row, time = int(rows[index]), int(times[index])
            newest = int(self._time[row])
            late = newest != _NONE and (time - newest) & 0xFFFFFFFF >= 0x80000000
            if late or time == newest or now - self._pressed_at[row] < SHORTEST_PRESS:
                continue
            self._time[row] = time
            self._pressed_at[row] = now
            pressed.append((row, KEYS[int(packets[index, HEADER_BYTES])]))
        return pressed

"""Notes what has been received, to be counted many batches at a time. kernel.c notes here as well."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from carillon.media.streams import Streams

CAPACITY = 8192

Rows = NDArray[np.intp]
Words = NDArray[np.uint32]
Sizes = NDArray[np.int64]


class Tally:
    """Room for the headers of some thousand packets."""

    def __init__(self, streams: Streams) -> None:
        self._streams = streams
        self.count_by: Callable[[int], None] | None = None
        """What counts the first so many packets instead of the streams themselves."""
        self.rows = np.zeros(CAPACITY, np.intp)
        self.words = np.zeros((CAPACITY, 3), np.uint32)
        self.sizes = np.zeros(CAPACITY, np.int64)
        self.arrived = np.zeros(CAPACITY, np.float64)
        self.used = np.zeros(1, np.int64)

    @property
    def room(self) -> int:
        """How many packets more can be kept before they are counted."""
        return CAPACITY - int(self.used[0])

    def add(self, rows: Rows, words: Words, sizes: Sizes, now: float) -> None:
        """Keep these packets."""
        if len(rows) > self.room:
            self.count()
        used = int(self.used[0])
        room = slice(used, used + len(rows))
        self.rows[room], self.words[room], self.sizes[room] = rows, words, sizes
        self.arrived[room] = now
        self.used[0] = room.stop

    def count(self) -> None:
        """Count all that has been kept, before anything is asked of the streams or changed in them."""
        used = int(self.used[0])
        self.used[0] = 0
        if used and self.count_by is not None:
            self.count_by(used)
        elif used:
            self._streams.count(
                self.rows[:used], self.words[:used], self.sizes[:used], self.arrived[:used]
            )

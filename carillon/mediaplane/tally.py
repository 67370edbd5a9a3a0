"""Notes what has been received, to be counted many batches at a time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from carillon.media.streams import Streams

CAPACITY = 8192

Rows = NDArray[np.intp]
Words = NDArray[np.uint32]
Sizes = NDArray[np.int64]


class Tally:
    """Room for the headers of some thousand packets. A batch reserves, fills in, and keeps or not."""

    def __init__(self, streams: Streams) -> None:
        self._streams = streams
        self._rows = np.zeros(CAPACITY, np.intp)
        self._words = np.zeros((CAPACITY, 3), np.uint32)
        self._sizes = np.zeros(CAPACITY, np.int64)
        self._arrived = np.zeros(CAPACITY, np.float64)
        self._used = 0

    def reserve(self, count: int) -> tuple[Rows, Words, Sizes]:
        """Return room for a batch: rows, header words, sizes. It is reused unless `keep` follows."""
        if self._used + count > CAPACITY:
            self.count()
        room = slice(self._used, self._used + count)
        return self._rows[room], self._words[room], self._sizes[room]

    def keep(self, count: int, now: float) -> None:
        """Keep what the last reservation was filled with."""
        self._arrived[self._used : self._used + count] = now
        self._used += count

    def add(self, rows: Rows, words: Words, sizes: Sizes, now: float) -> None:
        """Keep these packets."""
        room = self.reserve(len(rows))
        room[0][:], room[1][:], room[2][:] = rows, words, sizes
        self.keep(len(rows), now)

    def count(self) -> None:
        """Count all that has been kept, before anything is asked of the streams or changed in them."""
        used, self._used = self._used, 0
        if used:
            self._streams.count(
                self._rows[:used], self._words[:used], self._sizes[:used], self._arrived[:used]
            )

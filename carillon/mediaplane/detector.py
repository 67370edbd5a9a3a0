"""Listens for keys in the sound of legs whose far end may have no other way to send them."""

from __future__ import annotations

import numpy as np

from carillon.media.inband import InbandDigits
from carillon.mediaplane.legs import MAX_LEGS
from carillon.mediaplane.listener import Listener


class Detector:
    """All legs that are searched. One that sends events after all is searched no more."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._digits = InbandDigits(MAX_LEGS)
        self._searched: set[int] = set()
        self._ignored: set[int] = set()
        self._rows = np.zeros(0, np.intp)

    def search(self, row: int, wanted: bool) -> None:
        """Search a leg, or search it no more."""
        if not wanted:
            self._ignored.discard(row)
        if wanted and row not in self._searched | self._ignored:
            self._searched.add(row)
            self._digits.forget(row)
            self._listener.want(row)
        elif not wanted and row in self._searched:
            self._searched.discard(row)
            self._listener.release(row)
        self._rows = np.array(sorted(self._searched), np.intp)

    def ignore(self, row: int) -> None:
        """Take note that a leg sends events: its tones would be heard a second time."""
        if row in self._searched:
            self.search(row, False)
            self._ignored.add(row)

    def tick(self) -> list[tuple[int, str]]:
        """Return (row, key) of what was pressed."""
        if not self._searched:
            return []
        return self._digits.receive(self._rows, self._listener.frames(self._rows))

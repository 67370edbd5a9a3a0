"""The mixing tick: what legs hear that cannot be relayed to, summed, and encoded for all at once."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from carillon.media import codecs
from carillon.media.g711 import ALAW_OF_LINEAR, FRAME_SAMPLES, MULAW_OF_LINEAR, Samples
from carillon.media.mixing import Matrix, clip
from carillon.mediaplane.coding import Encoders
from carillon.mediaplane.legs import MAX_LEGS, NONE, Legs
from carillon.mediaplane.listener import Listener

_ENCODED = np.concatenate([MULAW_OF_LINEAR, ALAW_OF_LINEAR])

Rows = NDArray[np.intp]
Addresses = NDArray[np.uint64]
Sizes = NDArray[np.int64]


class Mixer:
    """Rows of the matrix; they are legs' rows, which `set` and `drop`."""

    def __init__(self, legs: Legs, listener: Listener, encoders: Encoders) -> None:
        self._legs = legs
        self._listener = listener
        self._encoders = encoders
        self._hears: dict[int, dict[int, float]] = {}
        self._matrix: Matrix | None = None
        self._place = np.full(MAX_LEGS, NONE, np.intp)
        self._out = np.zeros((MAX_LEGS, FRAME_SAMPLES), np.uint8)
        base = np.uint64(self._out.ctypes.data)
        self._out_at = base + np.arange(MAX_LEGS, dtype=np.uint64) * np.uint64(FRAME_SAMPLES)

    @property
    def busy(self) -> bool:
        """Somebody hears a mix."""
        return bool(self._hears)

    def set(self, row: int, sources: Mapping[int, float]) -> None:
        """Let a leg hear these legs' rows, each with its gain, from the next tick on."""
        present = self._hears.get(row)
        if present == sources:
            return
        for source in sources:
            self._listener.want(source)
        for source in present or ():
            self._listener.release(source)
        self._hears[row] = dict(sources)
        self._matrix = None

    def drop(self, row: int) -> None:
        """Mix nothing more for a leg."""
        self._encoders.drop(row)
        if row in self._hears:
            self._matrix = None
            for source in self._hears.pop(row):
                self._listener.release(source)

    def mixes(self, row: int) -> bool:
        """Tell whether a leg hears a mix."""
        return row in self._hears

    def tick(self, over: tuple[Rows, Samples]) -> tuple[Rows, Addresses, Sizes]:
        """Return who hears a mix, where its frame lies and how long it is.

        `over`: what is being played to some of them.
        """
        if self._matrix is None:
            self._matrix = Matrix(self._hears)
            self._place[self._matrix.listeners] = np.arange(len(self._matrix.listeners))
        rows = self._matrix.listeners
        heard = self._matrix.mix(self._listener.frames(self._matrix.sources))
        played, frames = over
        if len(played):
            heard[self._place[played]] += frames
        samples, codec = clip(heard), self._legs.codec[rows]
        at = samples.view(np.uint16) + ((codec == codecs.PCMA)[:, None] * np.int32(1 << 16))
        np.take(_ENCODED, at, out=self._out[: len(rows)])
        places: Addresses = self._out_at[: len(rows)].copy()
        sizes: Sizes = np.full(len(rows), FRAME_SAMPLES, np.int64)
        coded = np.flatnonzero(~codecs.IS_G711[codec])
        if len(coded):
            some = self._encoders.encode(rows[coded], codec[coded], samples[coded])
            places[coded], sizes[coded] = some
        return rows, places, sizes

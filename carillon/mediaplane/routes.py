"""What the relay needs to know of each leg in one row, so that a batch costs one gather.

A row says what a usual packet of the leg looks like, whom it comes from, and what turns it into one of
the leg that hears it: three numbers to add to the three header words, one to put over the first.
"""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray

from carillon.media import codecs
from carillon.mediaplane.legs import MAX_LEGS, Legs

# Columns of 32 bits.
EXPECTED = slice(0, 3)
SHIFT = slice(3, 6)
OVER = slice(6, 9)
KIND = 9
NAME = slice(10, 12)
SENDER = slice(12, 14)
COLUMNS = 16

RELAYED, UNHEARD, TRANSCODED = 0, 1, 2
"""Kinds: a usual packet goes on as it is; nobody hears it; it goes on in the other law."""

EXPECTED_MASK = np.array([0xFF7F0000, 0, 0xFFFFFFFF], np.uint32)
# A carry out of the sequence number ends in the payload type, which is masked and put over anew.
SHIFT_MASK = np.array([0x0080FFFF, 0xFFFFFFFF, 0xFFFFFFFF], np.uint32)
_NOTHING = 0xFFFFFFFF

# A row but its last two columns, which are nothing: ten numbers of 32 bits and two of 64.
_ROW = struct.Struct("=10I2Q")
_ROW_BYTES = COLUMNS * 4
_WORD = 0xFFFFFFFF

Rows = NDArray[np.intp]
Words = NDArray[np.uint32]


class Routes:
    """One row a leg. What is noted by `refresh` is written, once for many changes, before it is read."""

    def __init__(self, legs: Legs) -> None:
        self._legs = legs
        self.table = np.zeros((MAX_LEGS, COLUMNS), np.uint32)
        self.table[:, 0] = _NOTHING
        self._octets = self.table.data.cast("B")
        self._stale: set[int] = set()

    def refresh(self, *rows: int) -> None:
        """Take note that something about these legs, or the legs they are heard by, has changed."""
        self._stale.update(rows)

    def of(self, rows: Rows) -> Words:
        """Return the rows of these legs."""
        self.settle()
        return self.table.take(rows, axis=0)

    def settle(self) -> None:
        """Write anew what has changed: before the table is read."""
        for row in self._stale:
            _ROW.pack_into(self._octets, row * _ROW_BYTES, *self._route(row))
        self._stale.clear()

    def _route(self, row: int) -> tuple[int, ...]:
        # A number a leg: taken one by one, which costs less than array operations for a leg or two.
        legs, streams = self._legs, self._legs.streams
        target, ssrc = streams.target.item(row), streams.source_ssrc.item(row)
        heard = target >= 0
        ready = ssrc >= 0 and (not heard or streams.relayed.item(row))
        ready = ready and legs.aimed.item(row) and not legs.learning.item(row)
        expected = legs.audio_shape.item(row) if ready else _NOTHING
        ssrc &= _WORD
        sender = legs.remote.item(row)
        if not heard:
            return expected, 0, ssrc, 0, 0, 0, 0, 0, 0, UNHEARD, 0, sender
        shifts = streams.sequence_shift.item(row), streams.time_shift.item(row)
        change = (streams.out_ssrc.item(target) - ssrc) & _WORD
        over = legs.audio_shape.item(target)
        name = legs.remote_at.item(target)
        kind = self._kind(legs.codec.item(row), legs.codec.item(target))
        return expected, 0, ssrc, *shifts, change, over, 0, 0, kind, name, sender

    def _kind(self, codec: int, other: int) -> int:
        if codec == other:
            return RELAYED
        return TRANSCODED if codecs.IS_G711[codec] and codecs.IS_G711[other] else UNHEARD

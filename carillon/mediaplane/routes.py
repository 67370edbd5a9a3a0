"""What the relay needs to know of each leg in one row, so that a batch costs one gather.

A row says what a usual packet of the leg looks like, whom it comes from, and what turns it into one of
the leg that hears it: three numbers to add to the three header words, one to put over the first.
"""

from __future__ import annotations

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

Rows = NDArray[np.intp]
Words = NDArray[np.uint32]


class Routes:
    """One row a leg; `refresh` after anything about a leg, or the leg it is heard by, has changed."""

    def __init__(self, legs: Legs) -> None:
        self._legs = legs
        self.table = np.zeros((MAX_LEGS, COLUMNS), np.uint32)
        self.table[:, 0] = _NOTHING

    def refresh(self, rows: Rows) -> None:
        """Write these legs' rows anew from what is known of them."""
        legs, streams = self._legs, self._legs.streams
        target = streams.target[rows]
        heard = target >= 0
        ready = (streams.source_ssrc[rows] >= 0) & (streams.relayed[rows] | ~heard)
        ready &= legs.aimed[rows] & ~legs.learning[rows]
        shape, over = legs.audio_shape[rows], legs.audio_shape[target]
        ssrc = streams.source_ssrc[rows].astype(np.uint32)
        fresh = np.zeros((len(rows), COLUMNS), np.uint32)
        fresh[:, 0] = np.where(ready, shape, _NOTHING)
        fresh[:, 2] = ssrc
        fresh[:, 3] = streams.sequence_shift[rows]
        fresh[:, 4] = streams.time_shift[rows]
        fresh[:, 5] = streams.out_ssrc[target] - ssrc
        fresh[:, 6] = over
        codec, other = legs.codec[rows], legs.codec[target]
        laws = codecs.IS_G711[codec] & codecs.IS_G711[other]
        kind = np.where(codec == other, RELAYED, np.where(laws, TRANSCODED, UNHEARD))
        fresh[:, KIND] = np.where(heard, kind, UNHEARD)
        fresh.view(np.uint64)[:, NAME.start // 2] = legs.remote_at[target]
        fresh.view(np.uint64)[:, SENDER.start // 2] = legs.remote[rows]
        self.table[rows] = fresh

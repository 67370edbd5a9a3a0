"""The codecs of telephone sound, each by a small number that arrays can hold.

A codec's number is its RTP payload type where RFC 3551 gives it one; Opus (RFC 7587), which has none,
has a number nobody else uses here and goes under a payload type agreed on call by call.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

PCMU = 0
PCMA = 8
G722 = 9
OPUS = 10
NUMBERS = 11
"""One more than the highest number: the length of a table by codec."""


@dataclass(frozen=True, slots=True)
class Codec:
    """`name`, `clock` and `channels` are what SDP calls it; `payload_type` is what we offer it as.

    G.722 samples at 16 kHz, but its RTP clock is 8 kHz (RFC 3551 §4.5.2).
    """

    number: int
    name: str
    clock: int
    channels: int
    payload_type: int


CODECS = (
    Codec(PCMU, "PCMU", 8000, 1, PCMU),
    Codec(PCMA, "PCMA", 8000, 1, PCMA),
    Codec(G722, "G722", 8000, 1, G722),
    Codec(OPUS, "opus", 48000, 2, 111),
)
BY_NUMBER = {codec.number: codec for codec in CODECS}
_BY_NAME = {codec.name.lower(): codec for codec in CODECS}

CLOCKS: NDArray[np.int64] = np.full(NUMBERS, 8000, np.int64)
"""Hz of RTP timestamps, by codec."""
CLOCKS[OPUS] = 48000
IS_G711: NDArray[np.bool_] = np.zeros(NUMBERS, np.bool_)
"""Whether a codec is one of the two laws, which a table turns into each other."""
IS_G711[[PCMU, PCMA]] = True


def find(name: str, payload_type: int = -1) -> Codec | None:
    """Return a codec by the name SDP has for it; "": by its static payload type."""
    if not name:
        return BY_NUMBER.get(payload_type) if payload_type in (PCMU, PCMA, G722) else None
    return _BY_NAME.get(name.lower())

"""RTP headers of a whole batch at once (RFC 3550 §5.1), as arrays with one row a packet.

A packet is *plain* when its header is the fixed 12 bytes: no CSRC, extension or padding. Nearly all
are; the rest are made plain where they lie, so that everything after reads one layout.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

HEADER_BYTES = 12
PLAIN = 0x80000000
"""First header word of version 2 with nothing else set."""
MARKER = 0x00800000
SHAPE = np.uint32(0xFF7F0000)
"""All of the first header word but marker and sequence."""
COMFORT_NOISE = 13
"""RFC 3389's payload type."""

Words = NDArray[np.uint32]
Octets = NDArray[np.uint8]
Rows = NDArray[np.intp]


def read_headers(packets: Words) -> Words:
    """Return the three header words in the machine's byte order. `packets`: (n, words), as received."""
    return packets[:, :3].byteswap()


def shape_of(first_words: Words) -> Words:
    """Return each first word without marker and sequence: equal to `PLAIN | payload type << 16` if plain."""
    return first_words & SHAPE


def plain_shape(payload_type: int) -> int:
    """Return what `shape_of` gives for a plain packet of this payload type."""
    return PLAIN | payload_type << 16


def is_report(first_words: Words) -> NDArray[np.bool_]:
    """Return which packets are RTCP, or would be on a port shared with RTP (RFC 5761 §4)."""
    kind = first_words >> 16 & 0xFF
    report: NDArray[np.bool_] = (first_words >> 30 == 2) & (kind >= 192) & (kind <= 223)
    return report


def make_plain(packets: Octets, sizes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Strip CSRC, extension and padding in place and return the new sizes, 0 where it is no RTP.

    `packets`: (n, room), `sizes`: bytes received. Every length in the packet is a claim: none is
    believed beyond `sizes`.
    """
    if not len(packets):
        return sizes.copy()
    room = packets.shape[1]
    each = np.arange(len(packets))
    sizes = np.minimum(sizes, room)
    flags = packets[:, 0].astype(np.int64)
    start = HEADER_BYTES + 4 * (flags & 15)
    extended = (flags & 0x10) != 0
    at = np.minimum(start, room - 4)
    words = packets[each, at + 2].astype(np.int64) << 8 | packets[each, at + 3]
    valid = ~extended | (start + 4 <= sizes)
    start = np.where(extended, start + 4 + 4 * words, start)
    last = packets[each, np.clip(sizes - 1, 0, room - 1)].astype(np.int64)
    padding = np.where(flags & 0x20, last, 0)
    valid &= (flags & 0x20 == 0) | (padding > 0)
    payload = sizes - start - padding
    valid &= (flags >> 6 == 2) & (payload > 0)
    start = np.where(valid, start, HEADER_BYTES)
    columns = np.minimum(start[:, None] + np.arange(room - HEADER_BYTES), room - 1)
    packets[:, HEADER_BYTES:] = np.take_along_axis(packets, columns, axis=1)
    packets[:, 0] = 0x80
    return np.where(valid, payload + HEADER_BYTES, 0)

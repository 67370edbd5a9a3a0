"""G.711: tables between A-law, mu-law and 16-bit linear samples, and from one law to the other.

ITU-T G.711 (11/88). A byte of either law indexes `LINEAR`; a sample, seen as unsigned 16 bit, indexes
the encoders.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE = 8000
FRAME_SAMPLES = 160

Samples = NDArray[np.int16]
Octets = NDArray[np.uint8]

_SEGMENT_STARTS = np.array([0x100, 0x200, 0x400, 0x800, 0x1000, 0x2000, 0x4000], np.int32)


def _decode_mulaw() -> Samples:
    code = ~np.arange(256, dtype=np.uint8)
    exponent = (code >> 4) & 7
    magnitude = (((code & 15).astype(np.int32) << 3) + 0x84 << exponent) - 0x84
    return np.where(code & 0x80, -magnitude, magnitude).astype(np.int16)


def _decode_alaw() -> Samples:
    code = np.arange(256, dtype=np.uint8) ^ 0x55
    exponent = ((code >> 4) & 7).astype(np.int32)
    mantissa = (code & 15).astype(np.int32) << 4
    low = mantissa + 8
    high = mantissa + 0x108 << np.maximum(exponent - 1, 0)
    magnitude = np.where(exponent == 0, low, high)
    return np.where(code & 0x80, magnitude, -magnitude).astype(np.int16)


def _all_samples() -> NDArray[np.int32]:
    """Return every 16-bit sample in the order of its unsigned reading."""
    return np.arange(65536, dtype=np.uint16).view(np.int16).astype(np.int32)


def _encode_mulaw() -> Octets:
    sample = _all_samples()
    magnitude = np.minimum(np.abs(sample), 32635) + 0x84
    exponent = np.searchsorted(_SEGMENT_STARTS, magnitude, side="right").astype(np.int32)
    mantissa = magnitude >> (exponent + 3) & 15
    code = exponent << 4 | mantissa | np.where(sample < 0, 0x80, 0)
    return (~code & 0xFF).astype(np.uint8)


def _encode_alaw() -> Octets:
    sample = _all_samples()
    magnitude = np.where(sample < 0, ~sample, sample)
    exponent = np.searchsorted(_SEGMENT_STARTS, magnitude, side="right").astype(np.int32)
    mantissa = magnitude >> np.maximum(exponent + 3, 4) & 15
    code = exponent << 4 | mantissa | np.where(sample < 0, 0, 0x80)
    return (code ^ 0x55).astype(np.uint8)


LINEAR_OF_MULAW = _decode_mulaw()
LINEAR_OF_ALAW = _decode_alaw()
MULAW_OF_LINEAR = _encode_mulaw()
ALAW_OF_LINEAR = _encode_alaw()

LINEAR = np.stack([LINEAR_OF_MULAW, LINEAR_OF_ALAW])
"""Samples by law (0 mu-law, 1 A-law) and byte."""

OTHER_LAW = np.stack(
    [
        ALAW_OF_LINEAR[LINEAR_OF_MULAW.view(np.uint16)],
        MULAW_OF_LINEAR[LINEAR_OF_ALAW.view(np.uint16)],
    ]
)
"""Bytes of the other law by law (0 mu-law, 1 A-law) and byte."""


_PAIRS = np.arange(65536, dtype=np.uint16).view(np.uint8).reshape(-1, 2)
LINEAR_PAIRS = np.stack([law[_PAIRS].view(np.uint32)[:, 0] for law in LINEAR])
"""Two samples at once by law and two bytes, as they lie in memory: half as many look-ups."""


def decode(octets: Octets, law: NDArray[np.intp]) -> Samples:
    """Return samples of rows of bytes, (n, even), of the law of each row (0 mu-law, 1 A-law)."""
    pairs = np.ascontiguousarray(octets).view(np.uint16)
    if law.all() or not law.any():
        return np.take(LINEAR_PAIRS[int(law[0])], pairs).view(np.int16)
    at = pairs + (law << 16)[:, None]
    return np.take(LINEAR_PAIRS.reshape(-1), at).view(np.int16)


def encode_mulaw(samples: Samples) -> Octets:
    """Return mu-law bytes, one a sample."""
    return np.take(MULAW_OF_LINEAR, samples.view(np.uint16))


def encode_alaw(samples: Samples) -> Octets:
    """Return A-law bytes, one a sample."""
    return np.take(ALAW_OF_LINEAR, samples.view(np.uint16))


def decode_mulaw(octets: Octets) -> Samples:
    """Return samples of mu-law bytes."""
    return np.take(LINEAR_OF_MULAW, octets)


def decode_alaw(octets: Octets) -> Samples:
    """Return samples of A-law bytes."""
    return np.take(LINEAR_OF_ALAW, octets)

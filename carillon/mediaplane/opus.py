"""Opus (RFC 6716) through libopus, which comes with PyAV: mono at 8 kHz, which libopus resamples itself.

PyAV is not imported, which takes half a second and a hundred megabytes: only its libopus is loaded, when
the first Opus leg needs it; the system's one where PyAV has none.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import functools
import importlib.util
import weakref
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE = 8000
BITRATE = 24000
COMPLEXITY = 4
LONGEST_SAMPLES = 960
"""120 ms, the longest a packet can be."""
MOST_BYTES = 160
_VOICE = 2048
_SET_BITRATE, _SET_COMPLEXITY = 4002, 4010

Samples = NDArray[np.int16]
Octets = NDArray[np.uint8]


class NoOpus(Exception):
    """There is no libopus on this machine, or it has no memory left."""


@functools.cache
def _library() -> ctypes.CDLL:
    """Load libopus, once."""
    found = importlib.util.find_spec("av")
    folder = Path(found.origin).parent.parent / "av.libs" if found and found.origin else Path("/")
    names = [str(path) for path in sorted(folder.glob("libopus-*.so*"))]
    names += [name for name in (ctypes.util.find_library("opus"),) if name]
    if not names:
        raise NoOpus("no libopus")
    library = ctypes.CDLL(names[0])
    number, pointer = ctypes.c_int, ctypes.c_void_p
    kinds: dict[str, tuple[type, list[type]]] = {
        "opus_encoder_create": (pointer, [number, number, number, pointer]),
        "opus_decoder_create": (pointer, [number, number, pointer]),
        "opus_encode": (number, [pointer, pointer, number, pointer, number]),
        "opus_decode": (number, [pointer, pointer, number, pointer, number, number]),
        "opus_encoder_ctl": (number, [pointer, number, number]),
        "opus_encoder_destroy": (ctypes.c_void_p, [pointer]),
        "opus_decoder_destroy": (ctypes.c_void_p, [pointer]),
    }
    for name, (result, arguments) in kinds.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


class OpusEncoder:
    """One stream out; in-band error correction is off, as it is by default."""

    def __init__(self) -> None:
        library = _library()
        self._state = library.opus_encoder_create(SAMPLE_RATE, 1, _VOICE, None)
        if not self._state:
            raise NoOpus("no encoder")
        weakref.finalize(self, library.opus_encoder_destroy, self._state)
        library.opus_encoder_ctl(self._state, _SET_BITRATE, BITRATE)
        library.opus_encoder_ctl(self._state, _SET_COMPLEXITY, COMPLEXITY)
        self._encode = library.opus_encode

    def encode(self, samples: Samples, room: Octets) -> int:
        """Write 20 ms as a packet into `room` and return its size, 0 when it cannot be."""
        at, size = samples.ctypes.data, len(samples)
        return max(0, int(self._encode(self._state, at, size, room.ctypes.data, MOST_BYTES)))


class OpusDecoder:
    """One stream in; frames of any length, mono and stereo."""

    def __init__(self) -> None:
        library = _library()
        self._state = library.opus_decoder_create(SAMPLE_RATE, 1, None)
        if not self._state:
            raise NoOpus("no decoder")
        weakref.finalize(self, library.opus_decoder_destroy, self._state)
        self._decode = library.opus_decode

    def decode(self, packet: bytes, room: Samples) -> int:
        """Write a packet's samples into `room`, which holds the longest; return how many, 0 for nonsense."""
        at = room.ctypes.data
        return max(0, int(self._decode(self._state, packet, len(packet), at, LONGEST_SAMPLES, 0)))

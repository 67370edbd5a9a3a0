"""Legs whose codec is no table: G.722 and Opus, packet by packet, each leg with its own state.

All of it is mono at 8 kHz on our side. A packet that comes after a later one is not decoded: the state has
gone on, and one lost packet sounds better.
"""

from __future__ import annotations

import logging

import numpy as np
from G722 import G722
from numpy.typing import NDArray

from carillon.media import codecs
from carillon.media.g711 import Samples
from carillon.media.jitter import LOWEST
from carillon.media.resampling import Decimator
from carillon.mediaplane.legs import MAX_LEGS
from carillon.mediaplane.opus import (
    LONGEST_SAMPLES,
    MOST_BYTES,
    NoOpus,
    OpusDecoder,
    OpusEncoder,
)

G722_BITS = 64000
_NEVER = -1

Rows = NDArray[np.intp]
Words = NDArray[np.uint32]
Octets = NDArray[np.uint8]
Sizes = NDArray[np.int64]
Addresses = NDArray[np.uint64]

log = logging.getLogger(__name__)


class Decoders:
    """One a track; `grow` and `reset` as those of jitter buffers."""

    def __init__(self) -> None:
        self._decoders: dict[int, G722 | OpusDecoder] = {}
        self._newest: dict[int, int] = {}
        self._halves = Decimator(2)

    def grow(self, count: int) -> None:
        """Make room for so many tracks."""
        self._halves.grow(count)

    def reset(self, track: int, codec: int) -> None:
        """Begin a track in a codec; one of the two laws needs nothing here."""
        self._decoders.pop(track, None)
        self._newest.pop(track, None)
        self._halves.reset(track)
        if codec == codecs.G722:
            self._decoders[track] = G722(16000, G722_BITS)
        elif codec == codecs.OPUS:
            try:
                self._decoders[track] = OpusDecoder()
            except NoOpus as error:
                log.error("an Opus leg is not understood: %s", error)

    def decode(
        self, tracks: Rows, words: Words, payloads: Octets, lengths: Sizes
    ) -> tuple[Samples, Sizes]:
        """Return what packets say, (n, `LONGEST_SAMPLES`), and how many samples of each are said."""
        samples = np.zeros((len(tracks), LONGEST_SAMPLES), np.int16)
        counts = np.zeros(len(tracks), np.int64)
        for index, track in enumerate(tracks.tolist()):
            sequence = int(words[index, 0]) & 0xFFFF
            newest = self._newest.get(track, _NEVER)
            if newest != _NEVER and (sequence - newest - 1) & 0xFFFF >= 0x8000:
                continue
            self._newest[track] = sequence
            packet = payloads[index, : int(lengths[index])].tobytes()
            counts[index] = self._decode(track, packet, samples[index])
        np.maximum(samples, LOWEST, out=samples)
        return samples, counts

    def _decode(self, track: int, packet: bytes, room: Samples) -> int:
        decoder = self._decoders.get(track)
        if decoder is None:
            return 0
        if isinstance(decoder, OpusDecoder):
            return decoder.decode(packet, room)
        wide = np.asarray(decoder.decode(packet[:LONGEST_SAMPLES]), np.int16)
        narrow = self._halves.take(np.array([track]), wide[None, :])[0]
        room[: len(narrow)] = narrow
        return len(narrow)


class Encoders:
    """One a leg's row, made when it is needed, and forgotten by `drop`."""

    def __init__(self) -> None:
        self._encoders: dict[int, tuple[int, G722 | OpusEncoder | None]] = {}
        self._room = np.zeros((MAX_LEGS, MOST_BYTES), np.uint8)
        base = np.uint64(self._room.ctypes.data)
        self._room_at = base + np.arange(MAX_LEGS, dtype=np.uint64) * np.uint64(MOST_BYTES)

    def drop(self, row: int) -> None:
        """Forget a leg's encoder."""
        self._encoders.pop(row, None)

    def encode(self, rows: Rows, numbers: Rows, samples: Samples) -> tuple[Addresses, Sizes]:
        """Return where the packets of these legs' next 20 ms, (n, 160), lie, and their sizes.

        `numbers`: the legs' codecs. The next packet of a leg is written where this one lies.
        """
        sizes = np.zeros(len(rows), np.int64)
        for index, (row, number) in enumerate(zip(rows.tolist(), numbers.tolist(), strict=True)):
            known, encoder = self._encoders.get(row, (_NEVER, None))
            if known != number:
                encoder = _new_encoder(number)
                self._encoders[row] = number, encoder
            if isinstance(encoder, OpusEncoder):
                sizes[index] = encoder.encode(samples[index], self._room[row])
            elif encoder is not None:
                packet = np.frombuffer(encoder.encode(samples[index]), np.uint8)
                self._room[row, : len(packet)] = packet
                sizes[index] = len(packet)
        return self._room_at[rows], sizes


def _new_encoder(codec: int) -> G722 | OpusEncoder | None:
    if codec == codecs.G722:
        # At 8 kHz it fills the lower half of the band only: nothing has to be resampled.
        return G722(8000, G722_BITS)
    try:
        return OpusEncoder()
    except NoOpus as error:
        log.error("an Opus leg hears nothing: %s", error)
        return None

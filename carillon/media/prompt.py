"""What a leg can be made to hear: prompts and tones in both laws, and where each leg is in them.

A frame is 160 bytes, 20 ms, and is never copied: a cursor knows the memory address of its leg's next one,
which goes to the wire from there. A loop need not be whole frames long: behind its end its beginning lies
once more, so that the frame over the seam is one piece too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from carillon.media.codecs import PCMA
from carillon.media.g711 import (
    FRAME_SAMPLES,
    SAMPLE_RATE,
    Octets,
    Samples,
    decode_alaw,
    encode_alaw,
    encode_mulaw,
)

Rows = NDArray[np.intp]
Addresses = NDArray[np.uint64]

TONE_PEAK = 8000
"""About -12 dBm0 for a single frequency, what exchanges send."""

_PIECE_SAMPLES = 250 * FRAME_SAMPLES

# Frequencies in hertz, then seconds on, off, on, off… of one cycle (ITU-T E.180 Suppl. 2).
CADENCES: dict[tuple[str, str], tuple[tuple[int, ...], tuple[float, ...]]] = {
    ("ringback", "fr"): ((440,), (1.5, 3.5)),
    ("ringback", "gb"): ((400, 450), (0.4, 0.2, 0.4, 2.0)),
    ("ringback", "us"): ((440, 480), (2.0, 4.0)),
    ("busy", "fr"): ((440,), (0.5, 0.5)),
    ("busy", "gb"): ((400,), (0.38, 0.38)),
    ("busy", "us"): ((480, 620), (0.5, 0.5)),
}
BEEP: tuple[tuple[int, ...], tuple[float, ...]] = ((1000,), (0.4,))
WAITING: tuple[tuple[int, ...], tuple[float, ...]] = ((440,), (0.15, 0.15, 0.15, 0.05))
WAITING_PEAK = 2000
"""Soft: it is heard over a voice."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """Sound ready to be sent: `length` bytes of both laws, and behind them what fills up the last frame."""

    mulaw: Octets
    alaw: Octets
    length: int

    @property
    def size(self) -> int:
        """Bytes of memory."""
        return self.mulaw.nbytes + self.alaw.nbytes

    def address(self, codec: int) -> int:
        """Return where the first frame lies, in this codec."""
        octets = self.alaw if codec == PCMA else self.mulaw
        address: int = octets.__array_interface__["data"][0]
        return address

    def samples(self, positions: NDArray[np.int64]) -> Samples:
        """Return the frames that begin there, (n, 160)."""
        return decode_alaw(self.alaw[positions[:, None] + np.arange(FRAME_SAMPLES)])


def make_prompt(samples: Samples) -> Prompt:
    """Make mono samples a prompt; its last frame is filled up with silence."""
    padded = np.zeros(-(-len(samples) // FRAME_SAMPLES) * FRAME_SAMPLES, np.int16)
    padded[: len(samples)] = samples
    mulaw, alaw = np.empty(len(padded), np.uint8), np.empty(len(padded), np.uint8)
    # In pieces: the look-up takes eight times their memory for a moment, and other threads wait for it.
    for start in range(0, len(padded), _PIECE_SAMPLES):
        piece = slice(start, start + _PIECE_SAMPLES)
        mulaw[piece], alaw[piece] = encode_mulaw(padded[piece]), encode_alaw(padded[piece])
    return Prompt(mulaw, alaw, len(samples))


def make_loop(prompts: Sequence[Prompt]) -> Prompt:
    """Join prompts, at least one: each follows the one before, and the first the last, to the sample."""
    length = sum(prompt.length for prompt in prompts)
    rounds = max(1, -(-FRAME_SAMPLES // max(length, 1)))
    laws = []
    for parts in ([p.mulaw[: p.length] for p in prompts], [p.alaw[: p.length] for p in prompts]):
        once = np.tile(np.concatenate(parts), rounds)
        laws.append(np.concatenate([once, once[:FRAME_SAMPLES]]))
    return Prompt(laws[0], laws[1], length * rounds)


def make_tone(tone: str, country: str) -> Samples | None:
    """Return one cycle of ringback or busy, or all of a beep; None for a tone there is not.

    A country whose tones we do not know hears the French ones.
    """
    peak = TONE_PEAK
    if tone == "beep":
        frequencies, cadence = BEEP
    elif tone == "waiting":
        (frequencies, cadence), peak = WAITING, WAITING_PEAK
    else:
        found = CADENCES.get((tone, country)) or CADENCES.get((tone, "fr"))
        if found is None:
            return None
        frequencies, cadence = found
    parts = []
    for index, seconds in enumerate(cadence):
        at = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
        waves = [np.sin(2 * np.pi * frequency * at) for frequency in frequencies]
        loud = peak / len(waves) if index % 2 == 0 else 0.0
        parts.append(np.sum(waves, axis=0) * loud)
    return np.concatenate(parts).astype(np.int16)


class Cursors:
    """Where each leg is in what it hears, one row a leg."""

    def __init__(self, rows: int) -> None:
        self.active = np.zeros(rows, np.bool_)
        self.count = 0
        self._address = np.zeros(rows, np.uint64)
        self._position = np.zeros(rows, np.int64)
        self._length = np.ones(rows, np.int64)
        self._loop = np.zeros(rows, np.bool_)

    def start(self, row: int, address: int, length: int, loop: bool) -> None:
        """Let a leg hear so many samples (at least one; of a loop, at least a frame) that lie there."""
        self._address[row] = address
        self._position[row] = 0
        self._length[row] = max(length, 1)
        self._loop[row] = loop
        self.count += not self.active[row]
        self.active[row] = True

    def move(self, row: int, address: int) -> None:
        """Go on at the same sample of the same sound that lies elsewhere: in the other law."""
        self._address[row] = address

    def position(self, rows: Rows) -> NDArray[np.int64]:
        """Return at which samples of their sounds these legs' next frames begin."""
        positions: NDArray[np.int64] = self._position[rows]
        return positions

    def stop(self, row: int) -> None:
        """Let a leg hear nothing more."""
        self.count -= bool(self.active[row])
        self.active[row] = False

    def advance(self, rows: Rows) -> tuple[Addresses, Rows]:
        """Return where these legs' next frames lie, and the legs for which it is the last one.

        Looping legs begin again by themselves; the others must be started anew or stopped before
        the next call.
        """
        position = self._position[rows]
        addresses = self._address[rows] + position.astype(np.uint64)
        position += FRAME_SAMPLES
        over = position >= self._length[rows]
        if not over.any():
            self._position[rows] = position
            return addresses, rows[:0]
        loop = self._loop[rows]
        position[over & loop] -= self._length[rows[over & loop]]
        position[over & ~loop] = 0
        self._position[rows] = position
        return addresses, rows[over & ~loop]

"""What a leg can be made to hear: prompts and tones as frames of both laws, and where each leg is in them.

A frame is 160 bytes, 20 ms. Frames are never copied: a cursor holds the memory address of its leg's
next frame, which goes to the wire from there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from carillon.media.codecs import PCMA
from carillon.media.g711 import (
    FRAME_SAMPLES,
    SAMPLE_RATE,
    Octets,
    Samples,
    encode_alaw,
    encode_mulaw,
)

Rows = NDArray[np.intp]
Addresses = NDArray[np.uint64]

TONE_PEAK = 8000
"""About -12 dBm0 for a single frequency, what exchanges send."""

_PIECE_FRAMES = 250

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
    """Sound ready to be sent: frames of both laws, shape (frames, 160)."""

    mulaw: Octets
    alaw: Octets

    @property
    def frames(self) -> int:
        """How many 20 ms frames there are."""
        return len(self.mulaw)

    @property
    def size(self) -> int:
        """Bytes of memory."""
        return self.mulaw.nbytes + self.alaw.nbytes

    def address(self, codec: int) -> int:
        """Return where the first frame lies, in this codec."""
        frames = self.alaw if codec == PCMA else self.mulaw
        return int(frames.ctypes.data)


def make_prompt(samples: Samples) -> Prompt:
    """Cut mono samples into frames, the last one filled up with silence."""
    frames = -(-len(samples) // FRAME_SAMPLES)
    padded = np.zeros((frames, FRAME_SAMPLES), np.int16)
    padded.ravel()[: len(samples)] = samples
    mulaw, alaw = np.empty(padded.shape, np.uint8), np.empty(padded.shape, np.uint8)
    # In pieces: the look-up takes eight times their memory for a moment, and other threads wait for it.
    for start in range(0, frames, _PIECE_FRAMES):
        piece = slice(start, start + _PIECE_FRAMES)
        mulaw[piece], alaw[piece] = encode_mulaw(padded[piece]), encode_alaw(padded[piece])
    return Prompt(mulaw, alaw)


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
        self._frame = np.zeros(rows, np.int64)
        self._frames = np.ones(rows, np.int64)
        self._loop = np.zeros(rows, np.bool_)

    def start(self, row: int, address: int, frames: int, loop: bool) -> None:
        """Let a leg hear `frames` frames (at least one) that lie at `address`."""
        self._address[row] = address
        self._frame[row] = 0
        self._frames[row] = max(frames, 1)
        self._loop[row] = loop
        self.count += not self.active[row]
        self.active[row] = True

    def move(self, row: int, address: int) -> None:
        """Go on at the same frame of the same sound that lies elsewhere: in the other law."""
        self._address[row] = address

    def frame(self, rows: Rows) -> NDArray[np.int64]:
        """Return how many frames of their sounds these legs have heard."""
        frames: NDArray[np.int64] = self._frame[rows]
        return frames

    def stop(self, row: int) -> None:
        """Let a leg hear nothing more."""
        self.count -= bool(self.active[row])
        self.active[row] = False

    def advance(self, rows: Rows) -> tuple[Addresses, Rows]:
        """Return where these legs' next frames lie, and the legs for which it is the last one.

        Looping legs begin again by themselves; the others must be started anew or stopped before
        the next call.
        """
        frame = self._frame[rows]
        addresses = self._address[rows] + (frame * FRAME_SAMPLES).astype(np.uint64)
        frame += 1
        ended = frame >= self._frames[rows]
        if ended.any():
            frame[ended] = 0
            self._frame[rows] = frame
            return addresses, rows[ended & ~self._loop[rows]]
        self._frame[rows] = frame
        return addresses, rows[:0]

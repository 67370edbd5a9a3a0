"""Music on hold of our own, composed here, so that nobody has rights in it. Loops without a seam."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from carillon.media.wav import SAMPLE_RATE, write_wav

Wave = NDArray[np.float64]
LOUDEST = 7000.0
"""Well below speech: whoever waits wants to hear when somebody picks up."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Chords as semitones above `root` (MIDI), a pattern of chord notes by eighths, beats a minute.

    `brightness` is how much of the overtones is heard, 0 to 1.
    """

    root: int
    beats_a_minute: float
    chords: tuple[tuple[int, ...], ...]
    pattern: tuple[int, ...]
    melody: tuple[int | None, ...]
    brightness: float


PIECES = {
    "calm": Piece(
        57,
        72,
        ((0, 3, 7, 10), (-4, 0, 3, 7), (-9, -5, -2, 3), (-2, 2, 5, 9)),
        (0, 1, 2, 3, 2, 1, 2, 3),
        (15, None, 14, 10, None, 12, 10, None, 7, None, 10, 12, None, 14, 10, None),
        0.35,
    ),
    "morning": Piece(
        60,
        92,
        ((0, 4, 7, 11), (-3, 0, 4, 7), (-7, -3, 0, 4), (-5, -1, 2, 5)),
        (0, 2, 1, 3, 2, 1, 3, 2),
        (16, None, 19, None, 16, 14, 12, None, 12, 14, 16, None, 11, None, 14, None),
        0.5,
    ),
    "evening": Piece(
        55,
        60,
        ((0, 4, 7, 9), (5, 9, 12, 16), (2, 5, 9, 12), (-5, -1, 2, 7)),
        (0, 1, 2, 1, 3, 1, 2, 1),
        (12, None, None, 16, None, 14, None, None, 17, None, 16, None, 14, None, 11, None),
        0.25,
    ),
}


def compose(name: str) -> bytes:
    """Return a piece as a wav of 8 kHz, 16 bit, mono. KeyError when there is no such piece."""
    piece = PIECES[name]
    eighth = 30.0 / piece.beats_a_minute
    rounds = 2
    count = round(len(piece.chords) * len(piece.pattern) * rounds * eighth * SAMPLE_RATE)
    sound = np.zeros(count)
    for turn in range(rounds * len(piece.chords)):
        chord = piece.chords[turn % len(piece.chords)]
        begins = turn * len(piece.pattern)
        _add(sound, begins * eighth, _note(piece.root + chord[0] - 12, 8 * eighth, 0.2), 0.9)
        for step, place in enumerate(piece.pattern):
            note = piece.root + chord[place]
            _add(sound, (begins + step) * eighth, _note(note, 2.5, piece.brightness), 0.5)
        for step in range(0, len(piece.pattern), 2):
            height = piece.melody[(turn * 4 + step // 2) % len(piece.melody)]
            if height is not None and turn >= len(piece.chords):
                at = (begins + step) * eighth
                _add(sound, at, _note(piece.root + height, 2.0, piece.brightness), 0.6)
    peak = float(np.abs(sound).max())
    return write_wav((sound * (LOUDEST / peak)).astype(np.int16))


def _note(midi: int, seconds: float, brightness: float) -> Wave:
    """Return one struck note, soft at its beginning, that dies away."""
    hertz = 440.0 * 2.0 ** ((midi - 69) / 12)
    at = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    sound = np.zeros(len(at))
    for overtone in range(1, 5):
        if overtone * hertz < 3300:
            strength = brightness ** (overtone - 1)
            fading = np.exp(-at * (1.6 + 0.9 * overtone))
            sound += strength * fading * np.sin(2 * np.pi * overtone * hertz * at)
    edge = min(len(at), round(0.012 * SAMPLE_RATE))
    sound[:edge] *= np.linspace(0.0, 1.0, edge)
    sound[-edge:] *= np.linspace(1.0, 0.0, edge)
    return sound


def _add(sound: Wave, at: float, note: Wave, strength: float) -> None:
    """Add a note; what rings beyond the end is heard at the beginning, so that the loop has no seam."""
    places = (round(at * SAMPLE_RATE) + np.arange(len(note))) % len(sound)
    np.add.at(sound, places, note * strength)

"""Keys heard in the sound itself: their two tones (ITU-T Q.23, Q.24), for many legs at once.

Every 10 ms a window of 25 ms is compared with the eight frequencies. It holds a key when one of the low and
one of the high ones are nearly all there is in it, neither much louder than the other; a key is pressed
when three windows in a row hold it, which a tone of 40 ms does at any time, and a voice does not.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from carillon.media.digits import HIGH_HERTZ, LOW_HERTZ, PAD
from carillon.media.g711 import FRAME_SAMPLES, SAMPLE_RATE, Samples

WINDOW_SAMPLES = 200
HOP_SAMPLES = 80
WINDOWS = FRAME_SAMPLES // HOP_SAMPLES
HELD_WINDOWS = 3
ENDED_WINDOWS = 2
PURITY = 0.66
"""How much of all power the two tones have at least; of a window two thirds of which the tones fill, all."""
LEAST_POWER = 60.0**2
"""Of each tone: about -48 dBm0."""
MOST_HIGHER, MOST_LOWER = 5.5, 10.0
"""Decibels the high tone may be louder or softer than the low one by (Q.24 asks for 4 and 8)."""
APART = 6.0
"""How many times the power of the next frequency of its group a tone has at least."""
OFF = (0.988, 1.0, 1.012)
"""A phone may be off by 1.5 %."""
_NONE = -1
_KEPT = WINDOW_SAMPLES - HOP_SAMPLES

Rows = NDArray[np.intp]
Floats = NDArray[np.float32]
Marks = NDArray[np.int64]


def _waves() -> Floats:
    """Return cosines, then sines, of the eight frequencies, each as it is and a little off: (200, 48)."""
    at = np.arange(WINDOW_SAMPLES)[:, None] * (2 * np.pi / SAMPLE_RATE)
    angles = at * np.outer(OFF, LOW_HERTZ + HIGH_HERTZ).reshape(-1)
    return np.concatenate([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


_WAVES = _waves()


class InbandDigits:
    """What each leg is pressing, one row a leg."""

    def __init__(self, rows: int) -> None:
        self._tail = np.zeros((rows, _KEPT), np.float32)
        self._key = np.full(rows, _NONE, np.int64)
        self._held = np.zeros(rows, np.int64)
        self._pressed = np.full(rows, _NONE, np.int64)
        self._missed = np.zeros(rows, np.int64)

    def forget(self, row: int) -> None:
        """Begin a leg: nothing was heard."""
        self._tail[row] = 0
        self._key[row] = self._pressed[row] = _NONE
        self._held[row] = self._missed[row] = 0

    def receive(self, rows: Rows, frames: Samples) -> list[tuple[int, str]]:
        """Return (row, key) of presses that are certain after these 20 ms of different legs, (n, 160)."""
        heard = np.concatenate([self._tail[rows], frames], axis=1, dtype=np.float32)
        self._tail[rows] = heard[:, -_KEPT:]
        pressed: list[tuple[int, str]] = []
        for window in range(WINDOWS):
            start = window * HOP_SAMPLES
            keys = find_keys(heard[:, start : start + WINDOW_SAMPLES])
            at = self._follow(rows, keys)
            names = [PAD[key] for key in keys[at].tolist()]
            pressed += list(zip(rows[at].tolist(), names, strict=True))
        return pressed

    def _follow(self, rows: Rows, keys: Marks) -> Rows:
        """Return at which of these legs a key is pressed now."""
        same = keys == self._key[rows]
        held = np.where(same, self._held[rows] + 1, 1)
        self._key[rows], self._held[rows] = keys, held
        before = self._pressed[rows]
        missed = np.where((keys == before) & (before != _NONE), 0, self._missed[rows] + 1)
        before = np.where(missed >= ENDED_WINDOWS, _NONE, before)
        begins = (keys != _NONE) & (held >= HELD_WINDOWS) & (keys != before)
        self._pressed[rows] = np.where(begins, keys, before)
        self._missed[rows] = np.where(begins, 0, missed)
        return np.flatnonzero(begins)


def find_keys(windows: Floats) -> Marks:
    """Return the place in `PAD` of the key each window, (n, 200), holds; -1 for none."""
    parts = windows @ _WAVES
    # The mean power of a tone of that frequency that fills the window.
    square = np.square(parts).reshape(len(windows), 2, len(OFF), 8)
    power = square.sum(axis=1).max(axis=1) * (2 / WINDOW_SAMPLES**2)
    low, high = power[:, :4], power[:, 4:]
    first, second = low.argmax(axis=1), high.argmax(axis=1)
    each = np.arange(len(windows))
    lower, higher = low[each, first], high[each, second]
    total = np.square(windows).mean(axis=1)
    good = (lower > LEAST_POWER) & (higher > LEAST_POWER)
    good &= lower + higher > PURITY * total
    good &= higher < lower * 10 ** (MOST_HIGHER / 10)
    good &= lower < higher * 10 ** (MOST_LOWER / 10)
    good &= lower > APART * np.partition(low, 2, axis=1)[:, 2]
    good &= higher > APART * np.partition(high, 2, axis=1)[:, 2]
    return np.where(good, first * 4 + second, _NONE)

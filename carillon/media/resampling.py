"""Fewer samples a second, and nothing at a wrong frequency: one polyphase filter for all rows."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from carillon.media.g711 import Samples

TAPS_A_PHASE = 64
PASSED = 0.92
"""How much of the band below half the new rate is let through."""

Rows = NDArray[np.intp]
Floats = NDArray[np.float32]


def lowpass(factor: int) -> Floats:
    """Return the taps of a filter for a rate so many times lower (a sinc in a Kaiser window)."""
    count = TAPS_A_PHASE * factor
    at = np.arange(count) - (count - 1) / 2
    taps = np.sinc(at * PASSED / factor) * np.kaiser(count, 8.0)
    normed: Floats = (taps / taps.sum()).astype(np.float32)
    return normed


class Decimator:
    """Takes every `factor`th sample after filtering; each row goes on where its last piece ended."""

    def __init__(self, factor: int) -> None:
        self._factor = factor
        self._taps = lowpass(factor)
        self._before = np.zeros((0, len(self._taps) - factor), np.float32)

    def grow(self, count: int) -> None:
        """Make room for so many rows."""
        more = np.zeros((count - len(self._before), self._before.shape[1]), np.float32)
        self._before = np.concatenate([self._before, more])

    def reset(self, row: int) -> None:
        """Begin a row: before its first sample there was silence."""
        self._before[row] = 0

    def take(self, rows: Rows, samples: Samples) -> Samples:
        """Return (n, count) for (n, count * factor) samples of as many different rows."""
        known = np.concatenate([self._before[rows], samples], axis=1, dtype=np.float32)
        self._before[rows] = known[:, -self._before.shape[1] :]
        windows = sliding_window_view(known, len(self._taps), axis=1)[:, :: self._factor]
        filtered: Samples = np.rint(np.clip(windows @ self._taps, -32767, 32767)).astype(np.int16)
        return filtered

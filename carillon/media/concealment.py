"""Fills holes in what legs say (after ITU-T G.711 appendix I): the last pitch period again, fading.

What is repeated is the stretch of sound the hole began after that is most like the one before it. It is
as loud as before for 10 ms and gone after 60; the first samples after the hole are blended in.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from carillon.media.g711 import FRAME_SAMPLES, Samples
from carillon.media.jitter import MISSING

HISTORY_SAMPLES = 2 * FRAME_SAMPLES
SHORTEST_PERIOD, LONGEST_PERIOD = 40, 120
STEADY_SAMPLES, FADED_SAMPLES = 80, 480
BLEND_SAMPLES = 40

Rows = NDArray[np.intp]
Floats = NDArray[np.float32]
_EACH = np.arange(FRAME_SAMPLES)
_FAR = -(1 << 20)


class Concealer:
    """What each track repeats, one row a track."""

    def __init__(self) -> None:
        self._lost = np.full(0, FADED_SAMPLES, np.int64)
        self._period = np.full(0, LONGEST_PERIOD, np.int64)
        self._tail = np.zeros((0, LONGEST_PERIOD), np.float32)

    def grow(self, count: int) -> None:
        """Make room for so many tracks."""
        more = count - len(self._lost)
        self._lost = np.concatenate([self._lost, np.full(more, FADED_SAMPLES, np.int64)])
        self._period = np.concatenate([self._period, np.full(more, LONGEST_PERIOD, np.int64)])
        self._tail = np.concatenate([self._tail, np.zeros((more, LONGEST_PERIOD), np.float32)])

    def reset(self, track: int) -> None:
        """Begin a track: before its first sample there is silence."""
        self._lost[track] = FADED_SAMPLES

    def holes(self, tracks: Rows, frames: Samples) -> Rows:
        """Return which of these frames `fill` must be given; the rest are whole, after whole ones."""
        missing = (frames == MISSING).any(axis=1)
        return np.flatnonzero(missing | (self._lost[tracks] > 0))

    def fill(self, tracks: Rows, frames: Samples, history: Samples) -> Samples:
        """Return frames without holes. `history`: the 40 ms before each, (n, 320), as they were heard."""
        missing = frames == MISSING
        # Of those that fell silent long ago there may be many: they cost nothing.
        some = np.flatnonzero((self._lost[tracks] < FADED_SAMPLES) | ~missing.all(axis=1))
        filled = np.zeros_like(frames)
        if len(some):
            filled[some] = self._fill(tracks[some], frames[some], missing[some], history[some])
        return filled

    def _fill(
        self, tracks: Rows, frames: Samples, missing: NDArray[np.bool_], history: Samples
    ) -> Samples:
        lost = self._lost[tracks]
        begins = np.where(missing.any(axis=1), missing.argmax(axis=1), FRAME_SAMPLES)
        fresh = np.flatnonzero((lost == 0) & (begins < FRAME_SAMPLES))
        if len(fresh):
            self._listen(tracks[fresh], frames[fresh], history[fresh], begins[fresh])
        since = np.where(lost > 0, lost, -begins)
        age = since[:, None] + _EACH
        period = self._period[tracks][:, None]
        at = (LONGEST_PERIOD - period + np.maximum(age, 0) % period).astype(np.intp)
        gain = np.clip(
            1 - (age - STEADY_SAMPLES) / (FADED_SAMPLES - STEADY_SAMPLES), 0, 1, dtype=np.float32
        )
        again = np.take_along_axis(self._tail[tracks], at, axis=1) * gain
        heard = np.where(missing, again, frames) + self._blend(missing, lost, frames, again)
        self._lost[tracks] = np.where(missing[:, -1], since + FRAME_SAMPLES, 0)
        filled: Samples = np.rint(np.clip(heard, -32767, 32767)).astype(np.int16)
        return filled

    def _blend(
        self, missing: NDArray[np.bool_], lost: NDArray[np.int64], frames: Samples, again: Floats
    ) -> Floats:
        """Return what turns the first samples after each hole into a passage from the repeated ones."""
        last = np.where(missing, _EACH, _FAR)
        last[:, 0] = np.maximum(last[:, 0], np.where(lost > 0, -1, _FAR))
        after = _EACH - np.maximum.accumulate(last, axis=1)
        share = np.clip(1 - after / (BLEND_SAMPLES + 1), 0, 1, dtype=np.float32)
        passage: Floats = np.where(missing, np.float32(0), (again - frames) * share)
        return passage

    def _listen(
        self, tracks: Rows, frames: Samples, history: Samples, begins: NDArray[np.int64]
    ) -> None:
        """Find the pitch period of what was heard before these holes, and keep it."""
        known = np.concatenate([history, frames], axis=1)
        before = HISTORY_SAMPLES + begins
        span = FRAME_SAMPLES + LONGEST_PERIOD
        heard = np.take_along_axis(
            known, before[:, None] + np.arange(-span, 0), axis=1
        ).astype(np.float32)  # fmt: skip
        windows = sliding_window_view(heard, FRAME_SAMPLES, axis=1)
        windows = windows[:, : LONGEST_PERIOD - SHORTEST_PERIOD + 1]
        recent = heard[:, -FRAME_SAMPLES:]
        likeness = np.einsum("kwt,kt->kw", windows, recent)
        energy = np.einsum("kwt,kwt->kw", windows, windows)
        best = (likeness / np.sqrt(energy + 1)).argmax(axis=1)
        self._period[tracks] = LONGEST_PERIOD - best
        self._tail[tracks] = heard[:, -LONGEST_PERIOD:]

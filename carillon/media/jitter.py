"""Jitter buffers of all legs that are mixed or recorded: packets in at any time, 20 ms out every tick.

One ring of samples a leg, a second long; where nobody wrote lies `MISSING`. A packet goes where its RTP
timestamp puts it; `play` is the sample the next tick takes. A packet's *lead* is how long before its turn
it came. What the packets of the last seconds led by at least says how much delay is needed: the least
lead is held at `SPARE` by taking a few samples more or less from time to time, which follows the sender's
clock as well; by a pause when packets came too late; by leaving out what is quiet when there is delay to
spare.
The delay of the earliest packet never exceeds `MOST_DELAY`.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from carillon.media.g711 import FRAME_SAMPLES, Samples

RING_SAMPLES = 8000
MISSING = np.int16(-32768)
"""No decoder's sample: what nobody has written."""
LOWEST = np.int16(-32767)

SPARE = 220
"""A frame, as what is taken need not begin where a packet does, and a little more."""
MOST_DELAY = 1600
FIRST_DELAY = 320
LATE_SAMPLES = 1920
"""Later than this, and newer than all before, is no late packet: the sender's clock stood still."""
EARLY_SAMPLES = 4000
CALM = 48
"""How far the least lead may be off before anything is done,"""
AMPLE = 320
"""and how far where somebody speaks: too much delay is better than a change that might be heard."""
STEP = 2
"""Samples taken more or less in a frame that is stretched: 1.25 %, too little to hear."""
QUIET = 400
TICKS_BETWEEN_LOOKS = 8
BLOCKS = 4
BLOCK_TICKS = 50
_NEVER = 1 << 40

Rows = NDArray[np.intp]
Words = NDArray[np.uint32]
Counts = NDArray[np.int64]
_EACH = np.arange(FRAME_SAMPLES)
_RISE = ((_EACH + 0.5) / FRAME_SAMPLES).astype(np.float32)


class JitterBuffers:
    """One row a track; rows are made by `open`, `pull` is called every 20 ms."""

    def __init__(self) -> None:
        self._ring = np.full((0, RING_SAMPLES), MISSING, np.int16)
        self._windows = self._ring.reshape(0, 0, 0)
        self._play = np.zeros(0, np.int64)
        self._newest = np.zeros(0, np.int64)
        self._known = np.zeros(0, np.bool_)
        self._scale = np.ones(0, np.int64)
        self._least = np.full((0, BLOCKS), _NEVER, np.int64)
        self._most = np.full((0, BLOCKS), -_NEVER, np.int64)
        self._turn = 0

    def grow(self, count: int) -> None:
        """Make room for so many tracks."""
        more = count - len(self._play)
        fresh = JitterBuffers()
        for name, column in vars(fresh).items():
            if isinstance(column, np.ndarray) and name != "_windows":
                grown = np.zeros((count, *column.shape[1:]), column.dtype)
                grown[: count - more] = getattr(self, name)
                setattr(self, name, grown)
        row, sample = self._ring.strides
        shape = (count, RING_SAMPLES - FRAME_SAMPLES + 1, FRAME_SAMPLES)
        self._windows = as_strided(self._ring, shape, (row, sample, sample))

    def reset(self, track: int, scale: int = 1) -> None:
        """Begin a track: nothing has come. `scale`: ticks of its RTP clock to a sample of ours."""
        self._ring[track] = MISSING
        self._known[track] = False
        self._scale[track] = scale
        self._least[track], self._most[track] = _NEVER, -_NEVER

    def place(
        self, tracks: Rows, times: Words, samples: Samples, lengths: Counts, phases: Counts
    ) -> None:
        """Put packets where their timestamps say; several of one track come in order of arrival.

        `samples`: (n, room), of which `lengths` count. `phases`: samples from the last pull to their arrival.
        """
        starts = self._positions(tracks, times, lengths, phases)
        leads = starts - self._play[tracks] + FRAME_SAMPLES - phases
        block = self._turn // BLOCK_TICKS % BLOCKS
        np.minimum.at(self._least[:, block], tracks, leads)
        np.maximum.at(self._most[:, block], tracks, leads)
        np.maximum.at(self._newest, tracks, starts + lengths)
        late = starts < self._play[tracks]
        at = starts % RING_SAMPLES
        whole = ~late & (lengths == FRAME_SAMPLES) & (at <= RING_SAMPLES - FRAME_SAMPLES)
        if whole.all():
            self._windows[tracks, at] = samples[:, :FRAME_SAMPLES]
            return
        if whole.any():
            self._windows[tracks[whole], at[whole]] = samples[whole, :FRAME_SAMPLES]
        rest = np.flatnonzero(~whole)
        self._place_each(tracks[rest], starts[rest], samples[rest], lengths[rest])

    def _place_each(self, tracks: Rows, starts: Counts, samples: Samples, lengths: Counts) -> None:
        """Put samples one by one: over the ring's end, of any length, and only what is not late."""
        each = np.arange(min(int(lengths.max(initial=0)), samples.shape[1]))
        positions = starts[:, None] + each
        wanted = (each < lengths[:, None]) & (positions >= self._play[tracks][:, None])
        flat = positions % RING_SAMPLES + (tracks * RING_SAMPLES)[:, None]
        self._ring.reshape(-1)[flat[wanted]] = samples[:, : len(each)][wanted]

    def _positions(self, tracks: Rows, times: Words, lengths: Counts, phases: Counts) -> Counts:
        """Return where packets begin, in samples; begin anew where they cannot be believed."""
        positions = self._unwrap(tracks, times)
        ahead = positions - self._play[tracks]
        lost = (ahead > EARLY_SAMPLES) | (ahead < -RING_SAMPLES) | ~self._known[tracks]
        lost |= (ahead + lengths < -LATE_SAMPLES) & (positions >= self._newest[tracks])
        if not lost.any():
            return positions
        each, first = np.unique(tracks[lost], return_index=True)
        where = np.flatnonzero(lost)[first]
        begins = times[where].astype(np.int64) // self._scale[each]
        self._anchor(each, begins, phases[where])
        # What the same batch brought from before the leap is nothing any more.
        return np.maximum(self._unwrap(tracks, times), self._play[tracks] - RING_SAMPLES)

    def _unwrap(self, tracks: Rows, times: Words) -> Counts:
        """Return the positions nearest to what is being played, of all those a timestamp can mean."""
        scale, play = self._scale[tracks], self._play[tracks]
        off = (times - (play * scale).astype(np.uint32)).view(np.int32).astype(np.int64)
        return play + off // scale

    def _anchor(self, tracks: Rows, positions: Counts, phases: Counts) -> None:
        """Begin at these positions: whole frames, so that they lie in the ring as they are taken."""
        frames = np.rint((FIRST_DELAY - FRAME_SAMPLES + phases) / FRAME_SAMPLES).astype(np.int64)
        frames = np.maximum(frames, 1)
        self._play[tracks] = positions - frames * FRAME_SAMPLES
        self._newest[tracks] = positions
        self._known[tracks] = True
        self._ring[tracks] = MISSING
        self._least[tracks], self._most[tracks] = _NEVER, -_NEVER

    def behind(self, track: int) -> int:
        """Return how many samples have come that have not been taken yet."""
        return max(0, int(self._newest[track] - self._play[track])) if self._known[track] else 0

    def pull(self, tracks: Rows) -> Samples:
        """Return the next 20 ms of each of these tracks, (n, 160), with `MISSING` where nothing came."""
        starts = self._play[tracks]
        frames = self._read(tracks, starts)
        taken = np.full(len(tracks), FRAME_SAMPLES, np.int64)
        surplus = self._surplus(tracks)
        restless = self._restless(tracks, frames, surplus)
        if len(restless):
            some = tracks[restless]
            frames[restless], taken[restless] = self._adapt(
                some, starts[restless], frames[restless], surplus[restless]
            )
        self._clear(tracks, starts, taken)
        self._play[tracks] += taken
        moved = taken - FRAME_SAMPLES
        if len(restless):
            self._least[tracks] -= moved[:, None]
            self._most[tracks] -= moved[:, None]
        self._turn += 1
        if self._turn % BLOCK_TICKS == 0:
            block = self._turn // BLOCK_TICKS % BLOCKS
            self._least[:, block], self._most[:, block] = _NEVER, -_NEVER
        return frames

    def _restless(self, tracks: Rows, frames: Samples, surplus: Counts) -> Rows:
        """Return for which of these frames something may have to be done about the delay."""
        pressing = (surplus > AMPLE) | (surplus < -CALM)
        # A little delay too much can wait for a quiet moment, which is looked for now and then.
        turn = (tracks + self._turn) % TICKS_BETWEEN_LOOKS == 0
        waiting = np.flatnonzero(turn & (surplus > CALM) & ~pressing)
        pressing[waiting] = np.abs(frames[waiting]).max(axis=1, initial=0) < QUIET
        return np.flatnonzero(pressing)

    def _surplus(self, tracks: Rows) -> Counts:
        """Return how many samples of delay each track has too much; below zero, too little."""
        least, most = self._least[tracks].min(axis=1), self._most[tracks].max(axis=1)
        surplus = np.maximum(least - SPARE, most - MOST_DELAY)
        return np.where(least < _NEVER // 2, surplus, 0)

    def _read(self, tracks: Rows, starts: Counts) -> Samples:
        at = starts % RING_SAMPLES
        frames: Samples = self._windows[tracks, np.minimum(at, RING_SAMPLES - FRAME_SAMPLES)]
        over = np.flatnonzero(at > RING_SAMPLES - FRAME_SAMPLES)
        if len(over):
            frames[over] = self._read_each(tracks[over], starts[over], FRAME_SAMPLES)
        return frames

    def _read_each(self, tracks: Rows, starts: Counts, count: int) -> Samples:
        positions = (starts[:, None] + np.arange(count)) % RING_SAMPLES
        samples: Samples = self._ring[tracks[:, None], positions]
        return samples

    def _clear(self, tracks: Rows, starts: Counts, taken: Counts) -> None:
        at = starts % RING_SAMPLES
        whole = (taken == FRAME_SAMPLES) & (at <= RING_SAMPLES - FRAME_SAMPLES)
        self._windows[tracks[whole], at[whole]] = MISSING
        rest = np.flatnonzero(~whole)
        if len(rest):
            each = np.arange(2 * FRAME_SAMPLES)
            flat = (starts[rest][:, None] + each) % RING_SAMPLES
            flat += (tracks[rest] * RING_SAMPLES)[:, None]
            self._ring.reshape(-1)[flat[each < taken[rest][:, None]]] = MISSING

    def _adapt(
        self, tracks: Rows, starts: Counts, frames: Samples, surplus: Counts
    ) -> tuple[Samples, Counts]:
        """Return the frames of tracks that have too much or too little delay, and what they take."""
        double = self._read_each(tracks, starts, 2 * FRAME_SAMPLES)
        there = double != MISSING
        taken = np.full(len(tracks), FRAME_SAMPLES, np.int64)
        present = there[:, :FRAME_SAMPLES].all(axis=1)
        # Too late by a frame: wait for one. Nothing is taken, and what is heard meanwhile is concealed.
        wait = surplus < -FRAME_SAMPLES * 3 // 4
        # Too early by a frame: one that never came, or a quiet one, is left out.
        ample = surplus > FRAME_SAMPLES
        omit = ample & ~there[:, :FRAME_SAMPLES].any(axis=1)
        quiet = np.abs(double).max(axis=1) < QUIET
        blend = ample & quiet & there.all(axis=1)
        more = surplus > np.where(quiet, CALM, AMPLE)
        more &= ~omit & ~blend & there[:, : FRAME_SAMPLES + STEP].all(axis=1)
        less = (surplus < -CALM) & ~wait & present
        taken[wait] = 0
        taken[omit | blend] = 2 * FRAME_SAMPLES
        taken[more], taken[less] = FRAME_SAMPLES + STEP, FRAME_SAMPLES - STEP
        frames[wait] = MISSING
        frames[omit] = double[omit, FRAME_SAMPLES:]
        early, later = double[blend, :FRAME_SAMPLES], double[blend, FRAME_SAMPLES:]
        frames[blend] = np.rint(early * (1 - _RISE) + later * _RISE).astype(np.int16)
        for some, count in ((more, FRAME_SAMPLES + STEP), (less, FRAME_SAMPLES - STEP)):
            if some.any():
                frames[some] = _stretch(double[some, :count])
        return frames, taken


def _stretch(samples: Samples) -> Samples:
    """Return a few samples more or less as one frame, (n, 160)."""
    count = samples.shape[1]
    at = _EACH * (count / FRAME_SAMPLES)
    before = at.astype(np.intp)
    after = np.minimum(before + 1, count - 1)
    share = (at - before).astype(np.float32)
    mixed = samples[:, before] * (1 - share) + samples[:, after] * share
    stretched: Samples = np.rint(mixed).astype(np.int16)
    return stretched

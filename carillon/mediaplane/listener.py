"""What legs say, decoded: for the legs that are mixed, recorded or searched for keys, and for no other.

Their packets are noted as they come (`heard`), and put into jitter buffers once a tick. Every tick takes
20 ms from each, fills what is missing, and keeps more than a second of it: what is mixed and what is
recorded is the same sound, and all legs' lies side by side.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from carillon.media import codecs
from carillon.media.concealment import Concealer
from carillon.media.g711 import FRAME_SAMPLES, SAMPLE_RATE, Samples, decode
from carillon.media.jitter import MISSING, JitterBuffers
from carillon.mediaplane.coding import Decoders
from carillon.mediaplane.heard import Heard
from carillon.mediaplane.legs import MAX_LEGS, NONE, Legs
from carillon.mediaplane.pace import TICK_SECONDS

KEPT_FRAMES = 64
MAX_BEHIND = 6
"""Ticks the clock may be ahead of ours: a tick may be late, and is then made up for."""
LOUDEST_NOISE = 40
"""Decibels below the loudest: more is no comfort."""
_LAWS = {codecs.PCMU: 0, codecs.PCMA: 1}

Rows = NDArray[np.intp]
Words = NDArray[np.uint32]
Octets = NDArray[np.uint8]


class Listener:
    """One track a leg that is listened to; `tick_index` counts the frames since the clock's zero."""

    def __init__(self, legs: Legs) -> None:
        self._legs = legs
        self.track = np.full(MAX_LEGS, NONE, np.intp)
        self.heard = Heard()
        self.tick_index = 0
        self._uses = np.zeros(MAX_LEGS, np.int64)
        self._buffers = JitterBuffers()
        self._concealer = Concealer()
        self._decoders = Decoders()
        # As many tracks as there can be: memory is taken only where one has been used.
        for each in (self._buffers, self._concealer, self._decoders):
            each.grow(MAX_LEGS)
        self._noise = np.zeros(MAX_LEGS, np.float32)
        self._hiss = np.random.default_rng().normal(0, 1, (64, FRAME_SAMPLES)).astype(np.float32)
        # Which part of `_LINEAR` is a track's law; none for what the decoders decode.
        self._law = np.zeros(MAX_LEGS, np.intp)
        self._codec = np.zeros(MAX_LEGS, np.intp)
        self._kept = np.zeros((MAX_LEGS, KEPT_FRAMES, FRAME_SAMPLES), np.int16)
        self._free = list(range(MAX_LEGS - 1, -1, -1))
        self._live: Rows = np.zeros(0, np.intp)
        self._ticked_at = 0.0
        self.now = 0.0

    @property
    def busy(self) -> bool:
        """Some leg is listened to."""
        return len(self._live) > 0

    def want(self, row: int) -> None:
        """Listen to a leg, until `release` has been called as often."""
        self._uses[row] += 1
        if self._uses[row] == 1:
            self.track[row] = self._open(row)

    def release(self, row: int) -> None:
        """One who wanted to hear this leg does so no more."""
        self._uses[row] -= 1
        if self._uses[row] == 0:
            track = int(self.track[row])
            self.track[row] = NONE
            self.heard.forget(track)
            self._free.append(track)
            self._live = self._live[self._live != track]

    def _open(self, row: int) -> int:
        track = self._free.pop()
        self._kept[track] = 0
        self._noise[track] = 0
        self._concealer.reset(track)
        self._begin(track, row)
        self._live = np.append(self._live, track)
        return track

    def _begin(self, track: int, row: int) -> None:
        """Let a track begin anew in its leg's codec."""
        codec = int(self._legs.codec[row])
        self._law[track], self._codec[track] = _LAWS.get(codec, NONE), codec
        self._decoders.reset(track, codec)
        self._buffers.reset(track, int(codecs.CLOCKS[codec]) // SAMPLE_RATE)

    def change_codec(self, row: int) -> None:
        """Go on in a leg's codec, which may be another than before."""
        track, codec = int(self.track[row]), int(self._legs.codec[row])
        if track == NONE or self._codec[track] == codec:
            return
        self.settle()
        if codec in _LAWS and self._law[track] != NONE:
            self._law[track], self._codec[track] = _LAWS[codec], codec
        else:
            self._begin(track, row)

    def hear(self, rows: Rows, words: Words, payloads: Octets, lengths: NDArray[np.int64]) -> None:
        """Take packets of legs that are listened to, in their codecs."""
        tracks = self.track[rows]
        decoded = self._law[tracks] == NONE
        if decoded.any():
            some = tracks[decoded], words[decoded], payloads[decoded], lengths[decoded]
            samples, counts = self._decoders.decode(*some)
            said = counts > 0
            if said.any():
                arrived = np.full(np.count_nonzero(said), self.now)
                times = some[1][said, 1]
                self._place(some[0][said], times, samples[said], counts[said], arrived)
            tracks, words = tracks[~decoded], words[~decoded]
            payloads, lengths = payloads[~decoded], lengths[~decoded]
        if len(tracks) > self.heard.room:
            self.settle()
        self.heard.add(tracks, words[:, 1], payloads, lengths, self.now)

    def settle(self) -> None:
        """Put what has been noted where it belongs, before anything about the tracks changes."""
        if not self.heard.used[0]:
            return
        new = self.heard.take()
        if len(new.tracks):
            samples = decode(new.payloads, self._law[new.tracks])
            self._place(new.tracks, new.times, samples, new.lengths, new.arrived)

    def _place(
        self,
        tracks: Rows,
        times: Words,
        samples: Samples,
        lengths: NDArray[np.int64],
        arrived: NDArray[np.float64],
    ) -> None:
        self._noise[tracks] = 0
        phases = ((arrived - self._ticked_at) * SAMPLE_RATE).astype(np.int64)
        np.clip(phases, 0, 2 * FRAME_SAMPLES, out=phases)
        self._buffers.place(tracks, times, samples, lengths, phases)

    def catch_up(self, now: float) -> None:
        """Take note of the clock; after a stall, or a rest, nothing was heard meanwhile."""
        self.now = now
        behind = int(now / TICK_SECONDS + 0.5) - self.tick_index
        if abs(behind) > MAX_BEHIND:
            self.tick_index += behind
            self._kept[self._live] = 0

    def tick(self, now: float) -> None:
        """Take the next 20 ms of every leg."""
        self.tick_index += 1
        self.catch_up(now)
        self.settle()
        self._ticked_at = now
        tracks = self._live
        if not len(tracks):
            return
        frames = self._buffers.pull(tracks)
        holes = self._concealer.holes(tracks, frames)
        slot = self.tick_index % KEPT_FRAMES
        if len(holes):
            some = tracks[holes]
            history = [self._kept[some, (slot - back) % KEPT_FRAMES] for back in (2, 1)]
            missing = frames[holes] == MISSING
            frames[holes] = self._concealer.fill(
                some, frames[holes], np.concatenate(history, axis=1)
            )
            noisy = np.flatnonzero(self._noise[some] > 0)
            if len(noisy):
                frames[holes[noisy]] += self._make_noise(some[noisy]) * missing[noisy]
        self._kept[tracks, slot] = frames

    def pass_over(self, ticks: int, ticked_at: float) -> None:
        """Take note of ticks in which nobody was listened to, and when the last of them was."""
        self.tick_index += ticks
        self._ticked_at = ticked_at

    def _make_noise(self, tracks: Rows) -> Samples:
        """Return noise, (n, 160), as loud as these legs' far ends asked for, never the same for two."""
        pieces = (self.tick_index * 7 + tracks * 13) % len(self._hiss)
        noise = self._hiss[pieces] * self._noise[tracks][:, None]
        return noise.astype(np.int16)

    def take_noise(self, rows: Rows, levels: Octets) -> None:
        """Take comfort noise (RFC 3389): until a leg says something again there is this much noise."""
        self.settle()
        wanted = self.track[rows] != NONE
        level = np.maximum(levels[wanted] & 127, LOUDEST_NOISE).astype(np.float64)
        self._noise[self.track[rows[wanted]]] = np.float32(32767) * 10 ** (-level / 20)

    def frames(self, rows: Rows) -> Samples:
        """Return the present 20 ms of these legs, (n, 160); all of them are listened to."""
        samples: Samples = self._kept[self.track[rows], self.tick_index % KEPT_FRAMES]
        return samples

    def past(self, row: int, start: int, stop: int) -> Samples:
        """Return a leg's frames from tick `start` to before `stop`, (n, 160), of the last `KEPT_FRAMES`.

        They may be overwritten by the next tick.
        """
        kept: Samples = self._kept[self.track[row]]
        first, last = start % KEPT_FRAMES, (stop - 1) % KEPT_FRAMES + 1
        if start >= stop or last - first == stop - start:
            return kept[first : first + stop - start]
        return np.concatenate([kept[first:], kept[:last]])

    def behind(self, row: int) -> int:
        """Return how many frames have come of a leg that are still to be heard."""
        self.settle()
        return -(-self._buffers.behind(int(self.track[row])) // FRAME_SAMPLES)

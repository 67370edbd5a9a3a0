"""What legs say, placed on the clock: a ring of samples for each recorded leg.

All rings share one clock, counted in samples, so two legs of a call stay side by side and what nobody
sent is silence. A packet lies where its RTP timestamp puts it; the first one, and any that would lie too
far from its arrival, is put at its arrival instead, and those after it follow.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from carillon.media.g711 import FRAME_SAMPLES, LINEAR, PCMA, SAMPLE_RATE, Samples
from carillon.media.rtp import HEADER_BYTES

RING_SAMPLES = 16384
LATE_SAMPLES = 1920
"""How much later than the clock a packet may come and still be placed: 240 ms."""
EARLY_SAMPLES = 1920
VOICE_LEVEL = 260
"""Root mean square above which a frame is a voice, about -42 dB of full scale."""

Rows = NDArray[np.intp]
Words = NDArray[np.uint32]
Octets = NDArray[np.uint8]


class Tracks:
    """One ring of samples a recorded leg; `now` is counted in samples and never goes back."""

    def __init__(self) -> None:
        self._rings = np.zeros((0, RING_SAMPLES), np.int16)
        self._offset = np.zeros(0, np.int64)
        self._known = np.zeros(0, np.bool_)
        self._free: list[int] = []
        self._cleared = 0

    def open(self) -> int:
        """Return a new, silent track."""
        if not self._free:
            count = len(self._rings)
            wider = np.zeros((max(8, 2 * count), RING_SAMPLES), np.int16)
            wider[:count] = self._rings
            self._rings = wider
            self._offset = np.resize(self._offset, len(wider))
            self._known = np.resize(self._known, len(wider))
            self._free = list(range(len(wider) - 1, count - 1, -1))
        track = self._free.pop()
        self._rings[track] = 0
        self._known[track] = False
        return track

    def close(self, track: int) -> None:
        """Forget a track."""
        self._free.append(track)

    def clear_ahead(self, now: int) -> None:
        """Silence what will be written next, once a tick, before anything is placed."""
        stop = now + 4 * EARLY_SAMPLES
        start = max(self._cleared, stop - RING_SAMPLES)
        if stop <= start:
            return
        self._cleared = stop
        begin, length = start % RING_SAMPLES, stop - start
        self._rings[:, begin : begin + length] = 0
        self._rings[:, : max(0, begin + length - RING_SAMPLES)] = 0

    def place(
        self, tracks: Rows, words: Words, packets: Octets, sizes: NDArray[np.int64], now: int
    ) -> None:
        """Place G.711 packets (plain headers, law by payload type); several of a track come in order."""
        if now + 2 * EARLY_SAMPLES > self._cleared:
            self.clear_ahead(now)
        starts = self._positions(tracks, words[:, 1].astype(np.int64), now)
        lengths = sizes - HEADER_BYTES
        longest = min(int(lengths.max()), packets.shape[1] - HEADER_BYTES)
        law = ((words[:, 0] >> 16 & 0x7F) == PCMA).astype(np.intp)
        octets = packets[:, HEADER_BYTES : HEADER_BYTES + longest]
        samples = LINEAR.ravel()[octets + (law << 8)[:, None]]
        offsets = np.arange(longest)
        flat = (starts[:, None] + offsets) % RING_SAMPLES + tracks[:, None] * RING_SAMPLES
        if int(lengths.min()) >= longest:
            self._rings.ravel()[flat] = samples
        else:
            present = offsets < lengths[:, None]
            self._rings.ravel()[flat[present]] = samples[present]

    def _positions(self, tracks: Rows, times: NDArray[np.int64], now: int) -> NDArray[np.int64]:
        """Return where these packets begin on the clock, and anchor those that cannot be believed."""
        positions = self._wrapped(times + self._offset[tracks], now)
        astray = (positions < now - LATE_SAMPLES) | (positions > now + EARLY_SAMPLES)
        astray |= ~self._known[tracks]
        if astray.any():
            lost, first = np.unique(tracks[astray], return_index=True)
            self._offset[lost] = now - times[astray][first]
            self._known[lost] = True
            positions = self._wrapped(times + self._offset[tracks], now)
            positions = np.clip(positions, now - LATE_SAMPLES, now + EARLY_SAMPLES)
        return positions

    @staticmethod
    def _wrapped(positions: NDArray[np.int64], now: int) -> NDArray[np.int64]:
        """Choose, of all positions 2^32 apart, the ones near the clock."""
        return now + ((positions - now + 0x80000000) & 0xFFFFFFFF) - 0x80000000

    def read(self, track: int, start: int, stop: int) -> Samples:
        """Return the samples from `start` to before `stop`, at most the last second and a half."""
        ring: Samples = self._rings[track]
        return ring[np.arange(start, stop) % RING_SAMPLES]


def has_voice(samples: Samples) -> bool:
    """Tell whether somebody speaks in any 20 ms of this, shape (n,)."""
    frames = len(samples) // FRAME_SAMPLES
    if not frames:
        return False
    cut = samples[: frames * FRAME_SAMPLES].reshape(frames, FRAME_SAMPLES).astype(np.float32)
    return bool((np.square(cut).mean(axis=1) > VOICE_LEVEL**2).any())


def clock_samples(now: float) -> int:
    """Return the clock in samples."""
    return int(now * SAMPLE_RATE)

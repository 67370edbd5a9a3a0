"""What legs say, placed on the clock: a ring of G.711 bytes for each recorded leg.

All rings share one clock, counted in samples, so two legs of a call stay side by side and what nobody
sent is silence. A packet lies where its RTP timestamp puts it; the first one, and any that would lie too
far from its arrival, is put at its arrival instead, and those after it follow. Arrivals are rounded to
whole frames, so that nearly all packets are one frame of the ring.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from carillon.media.g711 import FRAME_SAMPLES, LINEAR, OTHER_LAW, PCMA, SAMPLE_RATE, Samples

RING_FRAMES = 50
RING_SAMPLES = RING_FRAMES * FRAME_SAMPLES
LATE_SAMPLES = 1920
"""How much later than the clock a packet may come and still be placed: 240 ms."""
EARLY_SAMPLES = 1600
AHEAD_SAMPLES = 2560
"""How far ahead of the clock a ring is silenced: the earliest packet and its length, and more."""
READABLE_SAMPLES = RING_SAMPLES - AHEAD_SAMPLES
"""How far behind the clock a ring can be read."""
VOICE_LEVEL = 260
"""Root mean square above which a frame is a voice, about -42 dB of full scale."""
_SILENCE = np.array([0xFF, 0xD5], np.uint8)

Rows = NDArray[np.intp]
Words = NDArray[np.uint32]
Octets = NDArray[np.uint8]


class Tracks:
    """One ring a recorded leg; `now` is counted in samples and never goes back."""

    def __init__(self) -> None:
        self._rings = np.zeros((0, RING_FRAMES, FRAME_SAMPLES), np.uint8)
        self._law = np.zeros(0, np.intp)
        self._offset = np.zeros(0, np.int64)
        self._known = np.zeros(0, np.bool_)
        self._free: list[int] = []
        self._cleared = 0

    def open(self, payload_type: int) -> int:
        """Return a new, silent track, of what comes in this codec."""
        if not self._free:
            count = len(self._rings)
            self._free = list(range(max(8, 2 * count) - 1, count - 1, -1))
            for name in ("_rings", "_law", "_offset", "_known"):
                present = getattr(self, name)
                shape = (len(self._free), *present.shape[1:])
                setattr(self, name, np.concatenate([present, np.zeros(shape, present.dtype)]))
        track = self._free.pop()
        self._law[track] = law = int(payload_type == PCMA)
        self._rings[track] = _SILENCE[law]
        self._known[track] = False
        return track

    def close(self, track: int) -> None:
        """Forget a track."""
        self._free.append(track)

    def change_law(self, track: int, payload_type: int) -> None:
        """Go on in another codec; what is there already is put into it."""
        law = int(payload_type == PCMA)
        if self._law[track] != law:
            self._rings[track] = OTHER_LAW[1 - law][self._rings[track]]
            self._law[track] = law

    def clear_ahead(self, now: int) -> None:
        """Silence what will be written next, once a tick, before anything is placed."""
        stop = now + AHEAD_SAMPLES
        start = max(self._cleared, stop - RING_SAMPLES)
        if stop <= start:
            return
        self._cleared = stop
        flat, silence = self._flat(), _SILENCE[self._law][:, None]
        begin, length = start % RING_SAMPLES, stop - start
        flat[:, begin : begin + length] = silence
        flat[:, : max(0, begin + length - RING_SAMPLES)] = silence

    def _flat(self) -> Octets:
        return self._rings.reshape(-1, RING_SAMPLES)

    def place(
        self, tracks: Rows, words: Words, payloads: Octets, lengths: NDArray[np.int64], now: int
    ) -> None:
        """Place packets of the tracks' codecs; several of one track come in order.

        `payloads`: (n, room); of each, `lengths` bytes count, at most 70 ms.
        """
        if now + AHEAD_SAMPLES > self._cleared:
            self.clear_ahead(now)
        starts = self._positions(tracks, words[:, 1].astype(np.int64), now)
        longest = int(lengths.max())
        if longest == int(lengths.min()) == FRAME_SAMPLES and not (starts % FRAME_SAMPLES).any():
            frames = starts // FRAME_SAMPLES % RING_FRAMES
            self._rings[tracks, frames] = payloads[:, :FRAME_SAMPLES]
            return
        offsets = np.arange(longest)
        flat = (starts[:, None] + offsets) % RING_SAMPLES + tracks[:, None] * RING_SAMPLES
        present = offsets < lengths[:, None]
        self._rings.reshape(-1)[flat[present]] = payloads[:, :longest][present]

    def _positions(self, tracks: Rows, times: NDArray[np.int64], now: int) -> NDArray[np.int64]:
        """Return where these packets begin on the clock, and anchor those that cannot be believed."""
        positions = _near(times + self._offset[tracks], now)
        astray = (positions < now - LATE_SAMPLES) | (positions > now + EARLY_SAMPLES)
        astray |= ~self._known[tracks]
        if astray.any():
            lost, first = np.unique(tracks[astray], return_index=True)
            self._offset[lost] = now // FRAME_SAMPLES * FRAME_SAMPLES - times[astray][first]
            self._known[lost] = True
            positions = _near(times + self._offset[tracks], now)
            positions = np.clip(positions, now - LATE_SAMPLES, now + EARLY_SAMPLES)
        return positions

    def read(self, track: int, start: int, stop: int) -> Samples:
        """Return the samples from `start` to before `stop`, at most `READABLE_SAMPLES` old."""
        ring = self._flat()[track]
        octets = ring[np.arange(start, stop) % RING_SAMPLES]
        samples: Samples = LINEAR[self._law[track]][octets]
        return samples


def _near(positions: NDArray[np.int64], now: int) -> NDArray[np.int64]:
    """Choose, of all positions 2^32 apart, the ones near the clock."""
    return now + ((positions - now + 0x80000000) & 0xFFFFFFFF) - 0x80000000


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

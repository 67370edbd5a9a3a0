"""Notes what came from legs that are listened to, to be decoded a tick's worth at once.

kernel.c notes here as well. Only the two laws: what a decoder with a state decodes is not kept waiting.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from carillon.media import rtp
from carillon.mediaplane.wire import PACKET_ROOM

CAPACITY = 4096
ROOM = PACKET_ROOM - rtp.HEADER_BYTES
"""Bytes of one payload, an even number: they are looked up two at a time."""
_GONE = -1

Tracks = NDArray[np.intp]
Times = NDArray[np.uint32]
Sizes = NDArray[np.int64]
Octets = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Packets:
    """What has been noted: true until more is."""

    tracks: Tracks
    times: Times
    lengths: Sizes
    arrived: NDArray[np.float64]
    payloads: Octets


class Heard:
    """Room for some thousand packets' sound; `room` before `add` is whoever adds them to see to."""

    def __init__(self) -> None:
        self.tracks = np.zeros(CAPACITY, np.intp)
        self.times = np.zeros(CAPACITY, np.uint32)
        self.lengths = np.zeros(CAPACITY, np.int64)
        self.arrived = np.zeros(CAPACITY, np.float64)
        self.payloads = np.zeros((CAPACITY, ROOM), np.uint8)
        self.used = np.zeros(1, np.int64)

    @property
    def room(self) -> int:
        """How many packets more can be noted before they are taken."""
        return CAPACITY - int(self.used[0])

    def add(
        self, tracks: Tracks, times: Times, payloads: Octets, lengths: Sizes, now: float
    ) -> None:
        """Note these packets, of which `lengths` bytes each count."""
        used = int(self.used[0])
        room = slice(used, used + len(tracks))
        self.tracks[room], self.times[room], self.lengths[room] = tracks, times, lengths
        self.payloads[room, : payloads.shape[1]] = payloads
        self.arrived[room] = now
        self.used[0] = room.stop

    def forget(self, track: int) -> None:
        """Let what is noted of a track be nothing: it is another's from now on."""
        tracks = self.tracks[: int(self.used[0])]
        tracks[tracks == track] = _GONE

    def take(self) -> Packets:
        """Return all that is noted, and note from the beginning again."""
        used = int(self.used[0])
        self.used[0] = 0
        kept = np.flatnonzero(self.tracks[:used] != _GONE)
        some: slice | Tracks = slice(used) if len(kept) == used else kept
        lengths = self.lengths[some]
        longest = int(lengths.max(initial=0))
        payloads = self.payloads[some, : longest + longest % 2]
        return Packets(self.tracks[some], self.times[some], lengths, self.arrived[some], payloads)

"""Sends one frame a tick to every leg that is not relayed to: prompts, tones, mixed sound, keys."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from carillon.media import rtp
from carillon.media.streams import FRAMES_A_SECOND
from carillon.mediaplane.legs import MAX_LEGS, Legs
from carillon.mediaplane.sender import Sender
from carillon.mediaplane.wire import Outbox, Piece

Rows = NDArray[np.intp]
Words = NDArray[np.uint32]
Addresses = NDArray[np.uint64]
Sizes = NDArray[np.int64]


class Speaker:
    """Carries each leg's stream on while it is ours to send. `pressing`: legs that are sent keys instead."""

    def __init__(self, legs: Legs, fd: int) -> None:
        self._legs = legs
        self._streams = legs.streams
        self._speaking = np.zeros(MAX_LEGS, np.bool_)
        self._marked = np.zeros(MAX_LEGS, np.bool_)
        self.pressing = np.zeros(MAX_LEGS, np.bool_)
        self._heads = np.zeros((MAX_LEGS, 3), np.uint32)
        base = np.uint64(self._heads.ctypes.data)
        self._heads_at = base + np.arange(MAX_LEGS, dtype=np.uint64) * np.uint64(rtp.HEADER_BYTES)
        self._sender = Sender(legs, fd, legs.fd, Outbox(MAX_LEGS, pieces=2))

    def begin(self, row: int, now: float) -> None:
        """Go on with a leg's stream, on the clock: a talk spurt, unless it is ours already."""
        if not self._speaking[row]:
            self._speaking[row] = self._marked[row] = True
            self._streams.catch_up(slice(row, row + 1), now)

    def leave(self, row: int) -> None:
        """Send nothing more: another leg is relayed there, or it is gone."""
        self._speaking[row] = False

    def mark(self, row: int) -> None:
        """Let the next frame be the first of a talk spurt."""
        self._marked[row] = True

    def say(self, rows: Rows, frames: Addresses, sizes: Sizes, now: float) -> None:
        """Send each of these legs the frame that lies there, unless keys are being sent."""
        wanted = self._legs.aimed[rows] & ~self.pressing[rows] & (sizes > 0)
        if not wanted.all():
            rows, frames, sizes = rows[wanted], frames[wanted], sizes[wanted]
        if not len(rows):
            return
        first = self._legs.audio_shape[rows].copy()
        first |= np.where(self._marked[rows], rtp.MARKER, 0).astype(np.uint32)
        self._marked[rows] = False
        self.send(rows, first, self._streams.next_time[rows], (frames, sizes), now)
        self.pass_time(rows)

    def pass_time(self, rows: Rows) -> None:
        """Let the timestamps of these legs go on by a frame."""
        frame = self._streams.rate[rows] // FRAMES_A_SECOND
        self._streams.next_time[rows] += frame.astype(np.uint32)

    def send(
        self,
        rows: Rows,
        first: Words,
        times: Words,
        payloads: tuple[Addresses, Sizes],
        now: float,
    ) -> None:
        """Send each leg one packet. `first`: header words without their sequence numbers."""
        streams, count = self._streams, len(rows)
        heads = np.empty((count, 3), np.uint32)
        heads[:, 0] = first | streams.next_sequence[rows]
        heads[:, 1] = times
        heads[:, 2] = streams.out_ssrc[rows]
        self._heads[:count] = heads.byteswap()
        pieces: list[Piece] = [(self._heads_at[:count], rtp.HEADER_BYTES), payloads]
        self._sender.send(rows, self._legs.remote_at[rows], pieces)
        streams.next_sequence[rows] = (streams.next_sequence[rows] + 1) & np.uint32(0xFFFF)
        streams.sent_at[rows] = now
        streams.sent[rows] += 1
        streams.sent_octets[rows] += payloads[1]

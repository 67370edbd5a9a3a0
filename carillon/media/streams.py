"""RTP streams of all legs as arrays: how each is received, and one continuous stream out to each.

Towards us (RFC 3550 appendix A): extended sequence numbers, loss, jitter. From us: whatever a leg hears,
a prompt, then ringback, then one party, then another, is one stream of one SSRC, whose sequence numbers
never jump and whose timestamps follow the clock. While a leg hears another one, packets are only shifted
(`sequence_shift`, `time_shift` of the packets' *source*), so the network's losses stay visible.

The clock, SSRCs and first numbers are passed in.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from carillon.media.g711 import FRAME_SAMPLES, SAMPLE_RATE

Rows = NDArray[np.intp]
Words = NDArray[np.uint32]

MAX_JUMP = 3000
"""RFC 3550 A.1 MAX_DROPOUT: a farther sequence number begins a new stream."""
UNKNOWN = -1


class Streams:
    """One row a leg; `reset` makes one new."""

    def __init__(self, rows: int) -> None:
        # Received. `ssrc` is UNKNOWN until the first packet, and when the shifts must be found anew.
        self.ssrc = np.full(rows, UNKNOWN, np.int64)
        self.source_ssrc = np.full(rows, UNKNOWN, np.int64)
        self.highest = np.zeros(rows, np.int64)
        self.first = np.zeros(rows, np.int64)
        self.expected_before = np.zeros(rows, np.int64)
        self.received = np.zeros(rows, np.int64)
        self.last_time = np.zeros(rows, np.uint32)
        self.transit = np.zeros(rows, np.int32)
        self.jitter = np.zeros(rows, np.float32)
        self.heard_at = np.full(rows, -1e9, np.float64)
        # Shifts from a leg's stream to the one it is relayed into; `relayed`: they are in use.
        self.sequence_shift = np.zeros(rows, np.uint32)
        self.time_shift = np.zeros(rows, np.uint32)
        self.relayed = np.zeros(rows, np.bool_)
        self.target = np.full(rows, UNKNOWN, np.intp)
        self.source = np.full(rows, UNKNOWN, np.intp)
        # Sent. `next_*` are only current while nothing is relayed to the leg.
        self.out_ssrc = np.zeros(rows, np.uint32)
        self.next_sequence = np.zeros(rows, np.uint32)
        self.next_time = np.zeros(rows, np.uint32)
        self.sent_at = np.full(rows, -1e9, np.float64)
        self.sent = np.zeros(rows, np.int64)
        self.sent_octets = np.zeros(rows, np.int64)

    def reset(self, row: int, ssrc: int, sequence: int, time: int, now: float) -> None:
        """Begin a leg: nothing received, and a stream out of this SSRC and these first numbers."""
        blank = Streams(1)
        for name, column in vars(self).items():
            column[row] = getattr(blank, name)[0]
        self.out_ssrc[row] = ssrc
        self.next_sequence[row] = sequence & 0xFFFF
        self.next_time[row] = time & 0xFFFFFFFF
        self.sent_at[row] = now

    def relay(self, source: int, target: int) -> None:
        """Send what `source` says to `target` from its next packet on; ends with `end_relay`."""
        self.target[source] = target
        self.source[target] = source
        self.ssrc[source] = UNKNOWN
        self.relayed[source] = False

    def end_relay(self, source: int) -> None:
        """Stop relaying `source`; its target's stream can go on from anything."""
        if self.target[source] < 0:
            return
        self._settle(np.array([source], np.intp))
        self.source[self.target[source]] = UNKNOWN
        self.target[source] = UNKNOWN

    def _settle(self, sources: Rows) -> None:
        """Note where the targets' streams have got to, and let the shifts be found anew."""
        sources = sources[self.relayed[sources] & (self.target[sources] >= 0)]
        targets = self.target[sources]
        highest = self.highest[sources].astype(np.uint32)
        self.next_sequence[targets] = (highest + self.sequence_shift[sources] + 1) & 0xFFFF
        frame = np.uint32(FRAME_SAMPLES)
        self.next_time[targets] = self.last_time[sources] + self.time_shift[sources] + frame
        self.sent_at[targets] = self.heard_at[sources]
        self.relayed[sources] = False

    def catch_up(self, rows: Rows, now: float) -> None:
        """Let the next timestamps of legs that heard nothing for a while follow the clock."""
        silent = np.rint((now - self.sent_at[rows]) * SAMPLE_RATE).astype(np.int64) - FRAME_SAMPLES
        self.next_time[rows] += np.maximum(silent, 0).astype(np.uint32)

    def sort_out(self, rows: Rows, words: Words) -> NDArray[np.bool_]:
        """Return which packets do not continue their leg's stream: new, other SSRC, or too far a jump."""
        sequence = words[:, 0] & np.uint32(0xFFFF)
        ahead = (sequence - self.highest[rows].astype(np.uint32) + np.uint32(MAX_JUMP)) & 0xFFFF
        strange: NDArray[np.bool_] = ahead > np.uint32(2 * MAX_JUMP)
        other: NDArray[np.bool_] = words[:, 2] != self.ssrc[rows]
        return strange | other

    def begin(self, rows: Rows, words: Words, now: float) -> Rows:
        """Begin new streams at these packets, at most one a leg; return legs whose SSRC is a new one."""
        self._settle(rows)
        sequence = (words[:, 0] & np.uint32(0xFFFF)).astype(np.int64)
        ssrc = words[:, 2].astype(np.int64)
        ahead = (sequence - self.highest[rows] + MAX_JUMP) & 0xFFFF
        other = (self.source_ssrc[rows] != ssrc) | (ahead > 2 * MAX_JUMP)
        new: Rows = rows[other]
        first = sequence[other]
        heard = self.source_ssrc[new] != UNKNOWN
        self.expected_before[new] += np.where(heard, self.highest[new] - self.first[new] + 1, 0)
        self.first[new] = first
        self.highest[new] = first - 1
        self.transit[new] = _arrival(now) - words[other, 1].view(np.int32)
        self.source_ssrc[rows] = ssrc
        self.ssrc[rows] = ssrc
        self._aim(rows, words, now)
        return new

    def _aim(self, rows: Rows, words: Words, now: float) -> None:
        """Find the shifts that put these packets next in their targets' streams."""
        aimed = self.target[rows] >= 0
        rows, words = rows[aimed], words[aimed]
        targets = self.target[rows]
        self.catch_up(targets, now)
        sequence = words[:, 0] & np.uint32(0xFFFF)
        self.sequence_shift[rows] = (self.next_sequence[targets] - sequence) & 0xFFFF
        self.time_shift[rows] = self.next_time[targets] - words[:, 1]
        self.relayed[rows] = True

    def receive(self, rows: Rows, words: Words, now: float) -> None:
        """Count packets that continue their streams: highest sequence number, jitter (RFC 3550 A.8).

        Of several packets of one leg in a batch the last one makes the jitter.
        """
        highest = self.highest[rows]
        ahead = (words[:, 0] - highest.astype(np.uint32)).astype(np.uint16).view(np.int16)
        np.maximum.at(self.highest, rows, highest + ahead)
        times = words[:, 1]
        self.last_time[rows] = times
        transit = _arrival(now) - times.view(np.int32)
        jitter = self.jitter[rows]
        jitter += (np.abs(transit - self.transit[rows]) - jitter) * np.float32(1 / 16)
        self.jitter[rows] = jitter
        self.transit[rows] = transit
        self.heard_at[rows] = now
        np.add.at(self.received, rows, 1)

    def time_at(self, rows: Rows, now: float) -> Words:
        """Return the timestamps a sample of these legs' streams out would have now."""
        source = self.source[rows]
        relayed = (source >= 0) & self.relayed[source]
        base = np.where(
            relayed, self.last_time[source] + self.time_shift[source], self.next_time[rows]
        )
        since = np.where(relayed, self.heard_at[source], self.sent_at[rows])
        elapsed = (np.clip(now - since, 0, 1e6) * SAMPLE_RATE).astype(np.int64)
        return ((base + elapsed) & 0xFFFFFFFF).astype(np.uint32)

    def lost(self, row: int) -> int:
        """Return how many packets of this leg never came."""
        expected = int(self.expected(np.array([row], np.intp))[0])
        return max(0, expected - int(self.received[row]))

    def expected(self, rows: Rows) -> NDArray[np.int64]:
        """Return how many packets should have come, over all the SSRCs there were."""
        heard = self.source_ssrc[rows] != UNKNOWN
        present = np.where(heard, self.highest[rows] - self.first[rows] + 1, 0)
        return self.expected_before[rows] + present

    def jitter_ms(self, row: int) -> float:
        """Return the interarrival jitter."""
        return float(self.jitter[row]) * 1000 / SAMPLE_RATE


def _arrival(now: float) -> np.int32:
    """Return the clock in samples, wrapping as timestamps do."""
    return np.uint32(int(now * SAMPLE_RATE) & 0xFFFFFFFF).view(np.int32)

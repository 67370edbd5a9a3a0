"""RTP streams of all legs as arrays: how each is received, and one continuous stream out to each.

Towards us (RFC 3550 appendix A): extended sequence numbers, loss, jitter. From us: whatever a leg hears,
a prompt, then ringback, then one party, then another, is one stream of one SSRC, whose sequence numbers
go on and whose timestamps follow the clock. While a leg hears another one, packets are only shifted
(`sequence_shift`, `time_shift` of the packets' *source*), so the network's losses stay visible.

The clock, SSRCs and first numbers are passed in. `rate` is the Hz of a leg's timestamps, both ways.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from carillon.media.g711 import SAMPLE_RATE

Rows = NDArray[np.intp]
Words = NDArray[np.uint32]

MAX_JUMP = 3000
"""RFC 3550 A.1 MAX_DROPOUT: a farther sequence number begins the count anew."""
UNKNOWN = -1
FRAMES_A_SECOND = 50
_KEPT = 15 / 16
_GAIN = 1 / 16


class Streams:
    """One row a leg; `reset` makes one new."""

    def __init__(self, rows: int) -> None:
        self.rate = np.full(rows, SAMPLE_RATE, np.int64)
        # Received. `source_ssrc` is UNKNOWN until the first packet.
        self.source_ssrc = np.full(rows, UNKNOWN, np.int64)
        self.highest = np.zeros(rows, np.int64)
        self.first = np.zeros(rows, np.int64)
        self.expected_before = np.zeros(rows, np.int64)
        self.received = np.zeros(rows, np.int64)
        self.last_time = np.zeros(rows, np.uint32)
        self.transit = np.zeros(rows, np.int32)
        self.jitter = np.zeros(rows, np.float64)
        self.heard_at = np.full(rows, -1e9, np.float64)
        # Relayed: whom a leg is heard by, whom it hears, and the shifts once they are known (`relayed`).
        self.target = np.full(rows, UNKNOWN, np.intp)
        self.source = np.full(rows, UNKNOWN, np.intp)
        self.relayed = np.zeros(rows, np.bool_)
        self.sequence_shift = np.zeros(rows, np.uint32)
        self.time_shift = np.zeros(rows, np.uint32)
        # Sent. `next_*` are only current while nothing is relayed to the leg.
        self.out_ssrc = np.zeros(rows, np.uint32)
        self.next_sequence = np.zeros(rows, np.uint32)
        self.next_time = np.zeros(rows, np.uint32)
        self.sent_at = np.full(rows, -1e9, np.float64)
        self.sent = np.zeros(rows, np.int64)
        self.sent_octets = np.zeros(rows, np.int64)

    def reset(self, row: int, ssrc: int, sequence: int, time: int, now: float) -> None:
        """Begin a leg: nothing received, and a stream out of this SSRC and these first numbers."""
        for name, column in vars(self).items():
            column[row] = _BLANK[name]
        self.out_ssrc[row] = ssrc
        self.next_sequence[row] = sequence & 0xFFFF
        self.next_time[row] = time & 0xFFFFFFFF
        self.sent_at[row] = now

    def relay(self, source: int, target: int) -> None:
        """Send what `source` says to `target` from its next packet on; ends with `end_relay`."""
        self.target[source] = target
        self.source[target] = source
        self.relayed[source] = False

    def end_relay(self, source: int) -> None:
        """Stop relaying `source`; its target's stream can go on from anything."""
        target = self.target[source]
        if target >= 0:
            if self.relayed[source]:
                self._settle(np.array([source], np.intp))
            self.source[target] = UNKNOWN
            self.target[source] = UNKNOWN

    def _settle(self, sources: Rows) -> None:
        """Note where the targets' streams have got to, and let the shifts be found anew."""
        sources = sources[self.relayed[sources] & (self.target[sources] >= 0)]
        targets = self.target[sources]
        highest = self.highest[sources].astype(np.uint32)
        self.next_sequence[targets] = (highest + self.sequence_shift[sources] + 1) & 0xFFFF
        frame = (self.rate[targets] // FRAMES_A_SECOND).astype(np.uint32)
        self.next_time[targets] = self.last_time[sources] + self.time_shift[sources] + frame
        self.sent_at[targets] = self.heard_at[sources]
        self.relayed[sources] = False

    def catch_up(self, rows: Rows | slice, now: float) -> None:
        """Let the next timestamps of legs that heard nothing for a while follow the clock."""
        rate = self.rate[rows]
        silent = np.rint((now - self.sent_at[rows]) * rate).astype(np.int64)
        silent -= rate // FRAMES_A_SECOND
        self.next_time[rows] += np.maximum(silent, 0).astype(np.uint32)

    def begin(self, rows: Rows, words: Words, now: float) -> Rows:
        """Begin at these packets, at most one a leg, what `is_steady` says no to; return new streams.

        A stream is new when its SSRC is; else only its shifts were wanting. Everything received
        before must have been counted.
        """
        self._settle(rows)
        sequence = (words[:, 0] & np.uint32(0xFFFF)).astype(np.int64)
        ssrc = words[:, 2].astype(np.int64)
        other = self.source_ssrc[rows] != ssrc
        new: Rows = rows[other]
        self._count_from(new, sequence[other])
        ticks = _clock(np.full(len(new), now), self.rate[new])
        self.transit[new] = ticks - words[other, 1].view(np.int32)
        self.source_ssrc[rows] = ssrc
        self._aim(rows, words, now)
        return new

    def _count_from(self, rows: Rows, sequence: NDArray[np.int64]) -> None:
        """Keep what was expected up to now, and count from these sequence numbers on."""
        heard = self.source_ssrc[rows] != UNKNOWN
        self.expected_before[rows] += np.where(heard, self.highest[rows] - self.first[rows] + 1, 0)
        self.first[rows] = sequence
        self.highest[rows] = sequence - 1

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

    def is_steady(self, rows: Rows, words: Words) -> NDArray[np.bool_]:
        """Return which packets go on as before: their leg's SSRC, and shifts known where relayed."""
        steady: NDArray[np.bool_] = words[:, 2] == self.source_ssrc[rows]
        return steady & (self.relayed[rows] | (self.target[rows] < 0))

    def count(
        self, rows: Rows, words: Words, sizes: NDArray[np.int64], arrived: NDArray[np.float64]
    ) -> None:
        """Count steady packets, in order of arrival: loss, jitter (RFC 3550 A.8), and what was relayed.

        `sizes` are of whole packets with plain headers. Cheap for many packets, so call it seldom,
        but before anything else is asked or changed.
        """
        if not len(rows):
            return
        order = np.argsort(rows, kind="stable")
        each = rows[order]
        starts = np.flatnonzero(np.diff(each, prepend=-1))
        legs: Rows = each[starts]
        counts = np.diff(starts, append=len(each))
        ends = starts + counts - 1
        self._count_sequence(each, legs, starts, words[order, 0])
        self._count_jitter(order, legs, starts, counts, words, arrived)
        self.last_time[legs] = words[order[ends], 1]
        self.heard_at[legs] = arrived[order[ends]]
        self.received[legs] += counts
        relayed = self.relayed[legs]
        targets = self.target[legs[relayed]]
        self.sent[targets] += counts[relayed]
        octets = np.add.reduceat(sizes[order], starts) - counts * 12
        self.sent_octets[targets] += octets[relayed]

    def _count_sequence(self, each: Rows, legs: Rows, starts: Rows, first_words: Words) -> None:
        highest = self.highest[each]
        ahead = (first_words - highest.astype(np.uint32)).astype(np.uint16).view(np.int16)
        # With all of a leg's packets in half of that reach, none is too far from any other.
        if int(ahead.max()) > MAX_JUMP // 2 or int(ahead.min()) < -MAX_JUMP // 2:
            far = np.abs(ahead.astype(np.int64)) > MAX_JUMP // 2
            jumping = np.isin(each, each[far])
            self._count_each(each[jumping], first_words[jumping])
            highest[jumping], ahead[jumping] = self.highest[each[jumping]], 0
        reached = np.maximum.reduceat(highest + ahead, starts)
        self.highest[legs] = np.maximum(reached, self.highest[legs])

    def _count_each(self, each: Rows, first_words: Words) -> None:
        """Count the sequence numbers of legs that may have begun anew, one after the other."""
        for index, row in enumerate(each.tolist()):
            sequence = int(first_words[index]) & 0xFFFF
            ahead = ((sequence - int(self.highest[row])) & 0xFFFF ^ 0x8000) - 0x8000
            if abs(ahead) > MAX_JUMP:
                self._count_from(each[index : index + 1], np.array([sequence]))
                ahead = 1
            self.highest[row] += max(ahead, 0)

    def _count_jitter(
        self,
        order: Rows,
        legs: Rows,
        starts: Rows,
        counts: Rows,
        words: Words,
        arrived: NDArray[np.float64],
    ) -> None:
        """Fold J += (|D| - J) / 16 over each leg's packets at once: older ones weigh less by 15/16 each."""
        each = self.rate[legs]
        rate = each[0] if (each == each[0]).all() else np.repeat(each, counts)
        transit = _clock(arrived[order], rate) - words[order, 1].view(np.int32)
        before = np.roll(transit, 1)
        before[starts] = self.transit[legs]
        change = np.abs((transit - before).astype(np.float64))
        last = starts + counts - 1
        age = np.repeat(last, counts) - np.arange(len(order))
        fresh = np.add.reduceat(change * _GAIN * _KEPT**age, starts)
        self.jitter[legs] = self.jitter[legs] * _KEPT**counts + fresh
        self.transit[legs] = transit[last]

    def time_at(self, rows: Rows, now: float) -> Words:
        """Return the timestamps a sample of these legs' streams out would have now."""
        source = self.source[rows]
        relayed = (source >= 0) & self.relayed[source]
        base = np.where(
            relayed, self.last_time[source] + self.time_shift[source], self.next_time[rows]
        )
        since = np.where(relayed, self.heard_at[source], self.sent_at[rows])
        elapsed = (np.clip(now - since, 0, 1e6) * self.rate[rows]).astype(np.int64)
        return ((base + elapsed) & 0xFFFFFFFF).astype(np.uint32)

    def lost(self, row: int) -> int:
        """Return how many packets of this leg never came."""
        expected = int(self.expected(slice(row, row + 1))[0])
        return max(0, expected - int(self.received[row]))

    def expected(self, rows: Rows | slice) -> NDArray[np.int64]:
        """Return how many packets should have come, over all the SSRCs there were."""
        heard = self.source_ssrc[rows] != UNKNOWN
        present = np.where(heard, self.highest[rows] - self.first[rows] + 1, 0)
        return self.expected_before[rows] + present

    def jitter_ms(self, row: int) -> float:
        """Return the interarrival jitter."""
        return float(self.jitter[row]) * 1000 / float(self.rate[row])

    def change_rate(self, row: int, rate: int) -> None:
        """Go on with timestamps of another clock, both ways; the far end's begin anew."""
        if self.rate[row] == rate:
            return
        self.rate[row] = rate
        rows = np.array([row], np.intp)
        self._count_from(rows, np.zeros(1, np.int64))
        self.source_ssrc[row] = UNKNOWN
        self.jitter[row] = 0.0
        self.relayed[row] = False


_BLANK = {name: column[0] for name, column in vars(Streams(1)).items()}


def _clock(at: NDArray[np.float64], rate: NDArray[np.int64] | np.int64) -> NDArray[np.int32]:
    """Return times in samples, wrapping as timestamps do."""
    return (at * rate).astype(np.int64).astype(np.uint32).view(np.int32)

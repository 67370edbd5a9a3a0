"""RTCP of many legs at once: sender and receiver reports out; what the far ends report, in.

RFC 3550 §6. A report is one compound packet: SR or RR, then SDES with the CNAME.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from carillon.media.streams import UNKNOWN, Streams

SENDER_REPORT = 200
RECEIVER_REPORT = 201
SOURCE_DESCRIPTION = 202
REPORT_SECONDS = 5.0
CNAME_BYTES = 16
_NTP_EPOCH = 2208988800
_SDES_WORDS = 7
_HEADER_BYTES = 8
_SENDER_BYTES = 20
_BLOCK_BYTES = 24
_BLOCKS_READ = 4
"""A far end that hears several streams reports on each; ours is looked for among so many."""
_LONGEST_ROUND_TRIP = 10.0

Rows = NDArray[np.intp]
Words = NDArray[np.uint32]
Octets = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Moment:
    """One instant on both clocks: monotonic seconds, and seconds since 1970."""

    now: float
    unix: float


class Reports:
    """What the reports of each leg remember from one to the next, one row a leg."""

    def __init__(self, rows: int, cname: bytes) -> None:
        """`cname`: 16 bytes of text that tell this process from others."""
        self._cname = cname[:CNAME_BYTES].ljust(CNAME_BYTES, b"-")
        self._expected = np.zeros(rows, np.int64)
        self._received = np.zeros(rows, np.int64)
        self._heard_ntp = np.zeros(rows, np.uint32)
        self._heard_at = np.zeros(rows, np.float64)
        # What the far ends last said; UNKNOWN where they said nothing.
        self.round_trip_ms = np.full(rows, UNKNOWN, np.float64)
        self.remote_lost_percent = np.full(rows, UNKNOWN, np.float64)
        self.remote_jitter_ms = np.full(rows, UNKNOWN, np.float64)

    def reset(self, row: int) -> None:
        """Begin a leg."""
        self._expected[row] = self._received[row] = self._heard_ntp[row] = 0
        for figure in (self.round_trip_ms, self.remote_lost_percent, self.remote_jitter_ms):
            figure[row] = UNKNOWN

    def receive(
        self,
        rows: Rows,
        packets: Octets,
        sizes: NDArray[np.int64],
        streams: Streams,
        moment: Moment,
    ) -> None:
        """Take reports in: when theirs were sent, and how they hear us. Anything else is nothing.

        `packets`: one a row, at least 128 bytes of room. A compound packet begins with a report
        (RFC 3550 §6.1); what follows it is not read.
        """
        words = np.ascontiguousarray(packets[:, :128]).view(np.uint32).byteswap()
        claimed = ((words[:, 0] & 0xFFFF).astype(np.int64) + 1) * 4
        sizes = np.minimum(np.minimum(sizes, claimed), 128)
        kind = words[:, 0] >> 16 & 0xFF
        version = words[:, 0] >> 30 == 2
        sends = version & (kind == SENDER_REPORT) & (sizes >= _HEADER_BYTES + _SENDER_BYTES)
        hears = version & (kind == RECEIVER_REPORT) & (sizes >= _HEADER_BYTES)
        self._heard_ntp[rows[sends]] = words[sends, 2] << 16 | words[sends, 3] >> 16
        self._heard_at[rows[sends]] = moment.now
        start = np.where(sends, _HEADER_BYTES + _SENDER_BYTES, _HEADER_BYTES)
        count = words[:, 0] >> 24 & 31
        each = np.arange(len(rows))
        for nth in range(_BLOCKS_READ):
            at = start + nth * _BLOCK_BYTES
            there = (sends | hears) & (count > nth) & (at + _BLOCK_BYTES <= sizes)
            there &= words[each, np.minimum(at // 4, 31)] == streams.out_ssrc[rows]
            for index in np.flatnonzero(there).tolist():
                first = int(at[index]) // 4
                self._take_block(int(rows[index]), words[index, first : first + 6], streams, moment)

    def _take_block(self, row: int, block: Words, streams: Streams, moment: Moment) -> None:
        """Take one report block on what we send (§6.4.1)."""
        lost = int(block[1]) & 0xFFFFFF
        lost = 0 if lost >= 0x800000 else lost
        sent = max(int(streams.sent[row]), 1)
        self.remote_lost_percent[row] = min(100.0 * lost / sent, 100.0)
        jitter = int(block[3]) * 1000 / int(streams.rate[row])
        self.remote_jitter_ms[row] = min(jitter, 60_000.0)
        if block[4]:
            # A - LSR - DLSR, in 65536ths of a second, around the clock; a little below 0 is rounding.
            passed = int(_middle(moment)) - int(block[4]) - int(block[5]) & 0xFFFFFFFF
            seconds = (passed - (1 << 32) if passed >= 1 << 31 else passed) / 65536
            if -0.1 <= seconds <= _LONGEST_ROUND_TRIP:
                self.round_trip_ms[row] = max(seconds, 0.0) * 1000

    def write(self, rows: Rows, streams: Streams, moment: Moment) -> list[tuple[Rows, Octets]]:
        """Return reports of these legs as (rows, packets) of one size each."""
        written = []
        sends = streams.sent[rows] > 0
        hears = streams.source_ssrc[rows] != UNKNOWN
        for sender in (True, False):
            for block in (True, False):
                some = rows[(sends == sender) & (hears == block)]
                if len(some):
                    written.append((some, self._write(some, streams, moment, sender, block)))
        return written

    def _write(
        self, rows: Rows, streams: Streams, moment: Moment, sender: bool, block: bool
    ) -> Octets:
        words = 2 + (5 if sender else 0) + (6 if block else 0)
        report = np.zeros((len(rows), words + _SDES_WORDS), np.uint32)
        kind = SENDER_REPORT if sender else RECEIVER_REPORT
        report[:, 0] = 0x80000000 | int(block) << 24 | kind << 16 | words - 1
        report[:, 1] = streams.out_ssrc[rows]
        if sender:
            seconds = moment.unix + _NTP_EPOCH
            report[:, 2] = int(seconds) & 0xFFFFFFFF
            report[:, 3] = int(seconds % 1 * 2**32) & 0xFFFFFFFF
            report[:, 4] = streams.time_at(rows, moment.now)
            report[:, 5] = streams.sent[rows] & 0xFFFFFFFF
            report[:, 6] = streams.sent_octets[rows] & 0xFFFFFFFF
        if block:
            report[:, words - 6 : words] = self._block(rows, streams, moment.now)
        report[:, words] = 0x81000000 | SOURCE_DESCRIPTION << 16 | _SDES_WORDS - 1
        report[:, words + 1] = streams.out_ssrc[rows]
        octets = report.byteswap().view(np.uint8)
        at = 4 * (words + 2)
        octets[:, at] = 1
        octets[:, at + 1] = CNAME_BYTES
        octets[:, at + 2 : at + 2 + CNAME_BYTES] = np.frombuffer(self._cname, np.uint8)
        return octets

    def _block(self, rows: Rows, streams: Streams, now: float) -> Words:
        """Return the report blocks (§6.4.1, loss as in A.3), shape (rows, 6)."""
        expected, received = streams.expected(rows), streams.received[rows]
        due = expected - self._expected[rows]
        missed = np.clip(due - (received - self._received[rows]), 0, None)
        fraction = np.where(due > 0, np.minimum(missed * 256 // np.maximum(due, 1), 255), 0)
        self._expected[rows], self._received[rows] = expected, received
        block = np.zeros((len(rows), 6), np.uint32)
        block[:, 0] = streams.source_ssrc[rows].astype(np.uint32)
        block[:, 1] = fraction << 24 | np.clip(expected - received, 0, 0x7FFFFF)
        block[:, 2] = streams.highest[rows] & 0xFFFFFFFF
        block[:, 3] = np.minimum(streams.jitter[rows], 2**31)
        block[:, 4] = self._heard_ntp[rows]
        delay = np.clip((now - self._heard_at[rows]) * 65536, 0, 2**32 - 1)
        block[:, 5] = np.where(self._heard_ntp[rows] != 0, delay, 0)
        return block


def _middle(moment: Moment) -> int:
    """Return the middle 32 bits of an instant's NTP timestamp, as LSR has it."""
    return int((moment.unix + _NTP_EPOCH) % 65536 * 65536)

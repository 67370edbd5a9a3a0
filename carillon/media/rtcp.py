"""RTCP of many legs at once: sender and receiver reports out, the times of sender reports in.

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

    def reset(self, row: int) -> None:
        """Begin a leg."""
        self._expected[row] = self._received[row] = self._heard_ntp[row] = 0

    def receive(self, rows: Rows, packets: Octets, sizes: NDArray[np.int64], now: float) -> None:
        """Remember when sender reports came. Anything that is not one, or too short, is nothing."""
        sender = (packets[:, 0] >> 6 == 2) & (packets[:, 1] == SENDER_REPORT) & (sizes >= 28)
        rows, packets = rows[sender], packets[sender]
        ntp = np.ascontiguousarray(packets[:, 10:14]).view(np.uint32)[:, 0].byteswap()
        self._heard_ntp[rows] = ntp
        self._heard_at[rows] = now

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

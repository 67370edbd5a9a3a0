"""RTCP: reports out every five seconds, and what comes in, on ports of its own or beside RTP."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from carillon.media import quality
from carillon.media.rtcp import Moment, Reports
from carillon.mediaplane.legs import MAX_LEGS, Legs
from carillon.mediaplane.sender import Sender
from carillon.mediaplane.wire import ADDRESS_BYTES, Inbox, Outbox
from carillon.schema.mediacontrol import LegStats

BATCH = 256
OWN_BURST = 2
TURNS = 10
"""Legs report in turn, so many turns in the time between two reports of one."""

Rows = NDArray[np.intp]
Octets = NDArray[np.uint8]
Sizes = NDArray[np.int64]


class Reporter:
    """Receives and answers RTCP of all legs. Where it shares RTP's port the relay brings what comes."""

    def __init__(self, legs: Legs, fd: int, rtp_fd: int, cname: bytes, turn_ticks: int) -> None:
        """`fd` is the shared port's, `rtp_fd` that of RTP; legs report in turn every `turn_ticks`."""
        self._legs = legs
        self._fd = fd
        self.reports = Reports(MAX_LEGS, cname)
        self.heard_at = np.zeros(MAX_LEGS, np.float64)
        self._inbox = Inbox(BATCH)
        self._names = np.zeros((MAX_LEGS, ADDRESS_BYTES), np.uint8)
        base = np.uint64(self._names.ctypes.data)
        names_at = base + np.arange(MAX_LEGS, dtype=np.uint64) * np.uint64(ADDRESS_BYTES)
        self._names_at = names_at
        self._sender = Sender(legs, fd, legs.rtcp_fd, Outbox(MAX_LEGS), rtcp=True)
        self._mux_sender = Sender(legs, rtp_fd, legs.fd, Outbox(MAX_LEGS), rtcp=True)
        self._ticks = turn_ticks
        self._tick = self._turn = 0

    def receive(self, moment: Moment) -> None:
        """Take in what has come; the oftener, the truer the round trips."""
        self._receive_shared(moment)
        if self._legs.own:
            self._receive_own(moment)

    def tick(self, moment: Moment) -> None:
        """Report to the legs whose turn it is."""
        self._tick = (self._tick + 1) % self._ticks
        if self._tick:
            return
        self._turn = (self._turn + 1) % TURNS
        rows = np.arange(self._turn, MAX_LEGS, TURNS)
        rows = rows[self._legs.aimed[rows]]
        if len(rows):
            self._report(rows, moment)

    def stats(self, leg: int, row: int) -> LegStats:
        """Return what there is to say of a leg that closes. Everything received must be counted."""
        streams, reports = self._legs.streams, self.reports
        received, lost = int(streams.received[row]), streams.lost(row)
        jitter, round_trip = streams.jitter_ms(row), float(reports.round_trip_ms[row])
        mos = 0.0
        if received:
            percent = 100 * lost / (received + lost)
            mos = quality.mos(int(self._legs.codec[row]), percent, jitter, round_trip)
        return LegStats(
            leg,
            received,
            int(streams.sent[row]),
            lost,
            round(jitter, 2),
            round(round_trip, 1),
            round(float(reports.remote_lost_percent[row]), 2),
            round(float(reports.remote_jitter_ms[row]), 2),
            mos,
        )

    def _receive_shared(self, moment: Moment) -> None:
        count = self._inbox.receive(self._fd)
        if count:
            senders = self._inbox.senders_of_rtcp(count)
            rows = self._legs.find(senders)
            rows[self._legs.remote[rows] != senders] = -1
            self._take(rows, moment)

    def _receive_own(self, moment: Moment) -> None:
        fds = [fd for fd, _ in self._legs.readable_rtcp.poll(0, BATCH // OWN_BURST)]
        counts = self._inbox.receive_each(fds, OWN_BURST)
        rows = np.repeat([self._legs.of_fd(fd) for fd in fds], counts)
        at = len(rows)
        if at:
            # Only the address counts: behind NAT the port of RTCP can be any.
            same = self._inbox.senders[:at] >> np.uint64(32)
            rows[same != self._legs.remote[rows] >> np.uint64(32)] = -1
            self._take(rows, moment)

    def _take(self, rows: Rows, moment: Moment) -> None:
        rows[self._legs.locked[rows]] = -1
        known = np.flatnonzero(rows >= 0)
        if len(known):
            rows, packets, sizes = rows[known], self._inbox.octets[known], self._inbox.sizes(known)
            sizes[sizes > packets.shape[1]] = 0
            if self._legs.covers.count:
                self._uncover(rows, packets, sizes)
            self.take(rows, packets, sizes, moment)

    def _uncover(self, rows: Rows, packets: Octets, sizes: Sizes) -> None:
        """Lay open what secured legs send; what is not genuine gets size 0."""
        covers = self._legs.covers
        for index in np.flatnonzero(covers.secured[rows]).tolist():
            packet = packets[index, : sizes[index]].tobytes()
            plain = covers.uncover(int(rows[index]), packet, rtcp=True) or b""
            packets[index, : len(plain)] = np.frombuffer(plain, np.uint8)
            sizes[index] = len(plain)

    def take(self, rows: Rows, packets: Octets, sizes: Sizes, moment: Moment) -> None:
        """Take reports of these legs, known to be theirs and laid open; size 0 is none."""
        good = sizes > 0
        self.heard_at[rows[good]] = moment.now
        streams = self._legs.streams
        self.reports.receive(rows[good], packets[good], sizes[good], streams, moment)

    def _report(self, rows: Rows, moment: Moment) -> None:
        names = self._legs.remotes[rows]
        # RFC 3550 §11: the port after RTP's, where it is not the same (RFC 5761).
        step = np.where(self._legs.mux[rows], 0, 1)
        ports = names[:, 2].astype(np.uint16) * 256 + names[:, 3] + step
        names[:, 2], names[:, 3] = ports >> 8 & 255, ports & 255
        self._names[rows] = names
        for some, packets in self.reports.write(rows, self._legs.streams, moment):
            size = packets.shape[1]
            start = np.uint64(packets.ctypes.data)
            at = start + np.arange(len(some), dtype=np.uint64) * np.uint64(size)
            mux = self._legs.mux[some]
            for sender, which in ((self._sender, ~mux), (self._mux_sender, mux)):
                if which.any():
                    sender.send(some[which], self._names_at[some[which]], [(at[which], size)])

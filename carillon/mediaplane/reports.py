"""RTCP: reports out every five seconds, and what comes in."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from carillon.media.rtcp import REPORT_SECONDS, Moment, Reports
from carillon.mediaplane.legs import MAX_LEGS, Legs
from carillon.mediaplane.sender import Sender
from carillon.mediaplane.wire import ADDRESS_BYTES, Inbox, Outbox

BATCH = 256
OWN_BURST = 2
TURNS = 10
"""Legs report in turn, so many turns in the time between two reports of one."""

Rows = NDArray[np.intp]


class Reporter:
    """Receives and answers RTCP of all legs, `fd` being the shared port's."""

    def __init__(self, legs: Legs, fd: int, cname: bytes, call_seconds: float) -> None:
        """`call_seconds`: how often `tick` is called."""
        self._legs = legs
        self._fd = fd
        self.reports = Reports(MAX_LEGS, cname)
        self.heard_at = np.zeros(MAX_LEGS, np.float64)
        self._inbox = Inbox(BATCH)
        self._names = np.zeros((MAX_LEGS, ADDRESS_BYTES), np.uint8)
        base = np.uint64(self._names.ctypes.data)
        names_at = base + np.arange(MAX_LEGS, dtype=np.uint64) * np.uint64(ADDRESS_BYTES)
        self._names_at = names_at
        self._sender = Sender(legs, fd, legs.rtcp_fd, Outbox(MAX_LEGS))
        self._calls = round(REPORT_SECONDS / TURNS / call_seconds)
        self._call = self._turn = 0

    def tick(self, moment: Moment) -> None:
        """Take in what has come, and report to the legs whose turn it is."""
        self._receive_shared(moment.now)
        if self._legs.own:
            self._receive_own(moment.now)
        self._call = (self._call + 1) % self._calls
        if self._call:
            return
        self._turn = (self._turn + 1) % TURNS
        rows = np.arange(self._turn, MAX_LEGS, TURNS)
        rows = rows[self._legs.aimed[rows]]
        if len(rows):
            self._report(rows, moment)

    def _receive_shared(self, now: float) -> None:
        count = self._inbox.receive(self._fd)
        if count:
            senders = self._inbox.senders_of_rtcp(count)
            rows = self._legs.find(senders)
            rows[self._legs.remote[rows] != senders] = -1
            self._take(rows, count, now)

    def _receive_own(self, now: float) -> None:
        fds = [fd for fd, _ in self._legs.readable_rtcp.poll(0, BATCH // OWN_BURST)]
        counts = self._inbox.receive_each(fds, OWN_BURST)
        rows = np.repeat([self._legs.of_fd(fd) for fd in fds], counts)
        at = len(rows)
        if at:
            # Only the address counts: behind NAT the port of RTCP can be any.
            same = self._inbox.senders[:at] >> np.uint64(32)
            rows[same != self._legs.remote[rows] >> np.uint64(32)] = -1
            self._take(rows, at, now)

    def _take(self, rows: Rows, count: int, now: float) -> None:
        known = np.flatnonzero(rows >= 0)
        if len(known):
            sizes = np.zeros(count, np.int64)
            self._inbox.read_sizes(sizes)
            rows, sizes = rows[known], sizes[known]
            self.heard_at[rows] = now
            self.reports.receive(rows, self._inbox.octets[known], sizes, now)

    def _report(self, rows: Rows, moment: Moment) -> None:
        names = self._legs.remotes[rows]
        ports = names[:, 2].astype(np.uint16) * 256 + names[:, 3] + 1
        names[:, 2], names[:, 3] = ports >> 8, ports & 255
        self._names[rows] = names
        for some, packets in self.reports.write(rows, self._legs.streams, moment):
            size = packets.shape[1]
            start = np.uint64(packets.ctypes.data)
            at = start + np.arange(len(some), dtype=np.uint64) * np.uint64(size)
            self._sender.send(some, self._names_at[some], [(at, size)])

"""The legs of this process: who is in which row, where they send from, which socket serves them."""

from __future__ import annotations

import heapq
import select
import socket
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from carillon.media import codecs
from carillon.media.digits import Digits
from carillon.media.rtp import plain_shape
from carillon.media.streams import Streams
from carillon.mediaplane import wire
from carillon.mediaplane.srtp import Covers
from carillon.schema.mediacontrol import AimLeg, OpenLeg

MAX_LEGS = 4096
NONE = -1
NO_DIGITS = 0xFFFFFFFF
"""A header word no packet has: the leg takes no telephone events."""
DIGIT_CLOCKS = (8000, 48000)
MAX_FDS = 65536

_GREATEST = np.uint64(0xFFFFFFFFFFFFFFFF)

Rows = NDArray[np.intp]
Addresses = NDArray[np.uint64]


class LegRefused(Exception):
    """The leg cannot be as it was asked for; its text is the reason, in a word."""


@dataclass(frozen=True, slots=True)
class OwnSockets:
    """The sockets of a leg with a port of its own."""

    rtp: socket.socket
    rtcp: socket.socket

    def close(self) -> None:
        """Give both ports back."""
        self.rtp.close()
        self.rtcp.close()


class Legs:
    """Every column has one row a leg; rows are reused, the lowest first, so that live ones lie close."""

    def __init__(self, host: str, first_port: int, last_port: int) -> None:
        self._host = host
        self._ports = range(first_port, last_port + 1, 2)
        self.streams = Streams(MAX_LEGS)
        self.digits = Digits(MAX_LEGS)
        self.leg_of = [NONE] * MAX_LEGS
        self._row_of: dict[int, int] = {}
        self._free = list(range(MAX_LEGS))
        self.remotes = np.zeros((MAX_LEGS, wire.ADDRESS_BYTES), np.uint8)
        self.remote = self.remotes.view(np.uint64)[:, 0]
        base = int(self.remotes.ctypes.data)
        self.remote_at = base + np.arange(MAX_LEGS, dtype=np.uint64) * wire.ADDRESS_BYTES
        # Aimed: sound can go there. Not before a leg that shall be secured has its keys: it is locked.
        self.aimed = np.zeros(MAX_LEGS, np.bool_)
        self.locked = np.zeros(MAX_LEGS, np.bool_)
        self._reachable = np.zeros(MAX_LEGS, np.bool_)
        self.covers = Covers(MAX_LEGS)
        self.mux = np.zeros(MAX_LEGS, np.bool_)
        self.learning = np.zeros(MAX_LEGS, np.bool_)
        self.learnt = np.zeros(MAX_LEGS, np.bool_)
        self.fd = np.full(MAX_LEGS, NONE, np.int64)
        self.rtcp_fd = np.full(MAX_LEGS, NONE, np.int64)
        # Numbers of `codecs`; the clock of a leg's timestamps is `streams.rate`.
        self.codec = np.full(MAX_LEGS, codecs.PCMA, np.intp)
        self.digit_clock = np.full(MAX_LEGS, 8000, np.int64)
        # Whom a leg's keys are passed on to, whether its sound is relayed there or mixed.
        self.partner = np.full(MAX_LEGS, NONE, np.intp)
        # First header words of plain packets of audio and of telephone events, as each leg has them.
        self.audio_shape = np.zeros(MAX_LEGS, np.uint32)
        self.digit_shape = np.full(MAX_LEGS, NO_DIGITS, np.uint32)
        self.own: dict[int, OwnSockets] = {}
        self.row_of_fd = np.full(MAX_FDS, NONE, np.int32)
        self.readable = select.epoll()
        self.readable_rtcp = select.epoll()
        # Whom the shared port serves, in order of address; behind the last of them all are the greatest.
        self.shared = np.full(MAX_LEGS + 1, _GREATEST, np.uint64)
        self.shared_rows = np.full(MAX_LEGS + 1, NONE, np.intp)
        self.shared_count = np.zeros(1, np.int64)

    @property
    def count(self) -> int:
        """How many legs there are."""
        return len(self._row_of)

    def __iter__(self) -> Iterator[int]:
        return iter(list(self._row_of))

    def row(self, leg: int) -> int | None:
        """Return where a leg is, None for one there is not."""
        return self._row_of.get(leg)

    def payload_type(self, row: int) -> int:
        """Return the number the leg's sound goes under; its codec is `codec`."""
        return int(self.audio_shape[row]) >> 16 & 0x7F

    def open(self, leg: int, port: int) -> int:
        """Make a leg, aimed at nothing yet, and return its row; `LegRefused` when it cannot be."""
        if leg in self._row_of:
            raise LegRefused("leg-exists")
        if not self._free:
            raise LegRefused("no-room")
        sockets = self._open_sockets(port) if port else None
        row = heapq.heappop(self._free)
        self._row_of[leg] = row
        self.leg_of[row] = leg
        self.remotes[row] = 0
        self.aimed[row] = self.learning[row] = self.learnt[row] = False
        self._reachable[row] = self.locked[row] = self.mux[row] = False
        self.fd[row] = self.rtcp_fd[row] = NONE
        self.partner[row] = NONE
        self.digits.forget(np.array([row], np.intp))
        if sockets:
            self.own[row] = sockets
            self.fd[row], self.rtcp_fd[row] = sockets.rtp.fileno(), sockets.rtcp.fileno()
            self.row_of_fd[[sockets.rtp.fileno(), sockets.rtcp.fileno()]] = row
            self.readable.register(sockets.rtp.fileno(), select.EPOLLIN)
            self.readable_rtcp.register(sockets.rtcp.fileno(), select.EPOLLIN)
        return row

    def _open_sockets(self, port: int) -> OwnSockets:
        if port not in self._ports:
            raise LegRefused("bad-port")
        try:
            rtp = wire.open_udp(self._host, port)
        except OSError as error:
            raise LegRefused("port-taken") from error
        try:
            rtcp = wire.open_udp(self._host, port + 1)
        except OSError as error:
            rtp.close()
            raise LegRefused("port-taken") from error
        sockets = OwnSockets(rtp, rtcp)
        if max(rtp.fileno(), rtcp.fileno()) >= MAX_FDS:
            sockets.close()
            raise LegRefused("no-room")
        return sockets

    def can_relay(self, source: int, target: int) -> bool:
        """Say whether packets of one leg can go to another as they are, or by a table."""
        one, other = int(self.codec[source]), int(self.codec[target])
        return one == other or bool(codecs.IS_G711[one] and codecs.IS_G711[other])

    def aim(self, row: int, wanted: OpenLeg | AimLeg) -> None:
        """Set codec and far end; `LegRefused` when they cannot be used.

        A leg that learns keeps the address it once learnt until it learns another: what a phone
        behind NAT writes into its SDP is no use.
        """
        payload_type, digit_type = wanted.payload_type, wanted.digit_payload_type
        codec = codecs.find(wanted.codec, payload_type)
        if codec is None or not 0 <= payload_type < 128 or wanted.digit_clock not in DIGIT_CLOCKS:
            raise LegRefused("bad-codec")
        if not -1 <= digit_type < 128 or digit_type == payload_type:
            raise LegRefused("bad-codec")
        self.mux[row] = wanted.rtcp_mux
        self.codec[row] = codec.number
        self.digit_clock[row] = wanted.digit_clock
        self.streams.change_rate(row, codec.clock)
        self.audio_shape[row] = plain_shape(payload_type)
        shape = NO_DIGITS if digit_type < 0 else plain_shape(digit_type)
        self.digit_shape[row] = shape
        learn = wanted.learn and row in self.own
        self.learning[row] = learn
        if wanted.remote is not None and not (learn and self.learnt[row]):
            self._set_remote(row, _address_of(wanted.remote))

    def learn(self, row: int, sender: int) -> None:
        """Pin a leg to where its first packet came from."""
        self.learning[row] = False
        self.learnt[row] = True
        self._set_remote(row, np.frombuffer(sender.to_bytes(8, "little") + bytes(8), np.uint8))

    def nominate(self, row: int, address: tuple[str, int]) -> None:
        """Send to the address a browser chose, and pin the leg to it; `LegRefused` if another has it."""
        place = _address_of(address)
        at = int(np.searchsorted(self.shared, place.view(np.uint64)[0]))
        taken = self.shared[at] == place.view(np.uint64)[0] and self.shared_rows[at] != row
        if taken:
            raise LegRefused("remote-in-use")
        self._set_remote(row, place)

    def reaches(self, row: int) -> bool:
        """Say whether the leg's far end is known, be it secured yet or not."""
        return bool(self._reachable[row])

    def lock(self, row: int, locked: bool) -> None:
        """Let no sound in or out until the leg has keys, or let it again."""
        self.locked[row] = locked
        self.aimed[row] = self._reachable[row] and not locked

    def _set_remote(self, row: int, address: NDArray[np.uint8]) -> None:
        shared = row not in self.own
        if shared:
            self._forget_shared(row)
        self.remotes[row] = address
        # RFC 3264 §8.4: the address 0.0.0.0 asks for silence.
        reachable = bool(address[4:8].any())
        if shared and reachable:
            key = self.remote[row]
            at, count = int(np.searchsorted(self.shared, key)), int(self.shared_count[0])
            if self.shared[at] == key:
                raise LegRefused("remote-in-use")
            for column, entry in ((self.shared, key), (self.shared_rows, row)):
                column[at + 1 : count + 1] = column[at:count]
                column[at] = entry
            self.shared_count[0] = count + 1
        self._reachable[row] = reachable
        self.lock(row, bool(self.locked[row]))

    def _forget_shared(self, row: int) -> None:
        if self._reachable[row]:
            at = int(np.searchsorted(self.shared, self.remote[row]))
            count = int(self.shared_count[0]) - 1
            for column, nothing in ((self.shared, _GREATEST), (self.shared_rows, NONE)):
                column[at:count] = column[at + 1 : count + 1]
                column[count] = nothing
            self.shared_count[0] = count
        self._reachable[row] = self.aimed[row] = False

    def find(self, senders: Addresses) -> Rows:
        """Return the only shared-port legs these senders can be; whether they are, `remote` says."""
        served = self.shared[: int(self.shared_count[0]) + 1]
        return self.shared_rows[served.searchsorted(senders)]

    def of_fd(self, fd: int) -> int:
        """Return the row whose own socket this is, -1 when it is closed already."""
        return int(self.row_of_fd[fd])

    def close(self, row: int) -> None:
        """Forget a leg and give its ports back."""
        if row in self.own:
            sockets = self.own.pop(row)
            for own in (sockets.rtp, sockets.rtcp):
                self.row_of_fd[own.fileno()] = NONE
            sockets.close()
        else:
            self._forget_shared(row)
        self.covers.forget(row)
        self.aimed[row] = self.learning[row] = self._reachable[row] = False
        self.audio_shape[row], self.digit_shape[row] = 0, NO_DIGITS
        del self._row_of[self.leg_of[row]]
        self.leg_of[row] = NONE
        heapq.heappush(self._free, row)


def _address_of(remote: tuple[str, int]) -> NDArray[np.uint8]:
    host, port = remote
    if not 0 < port < 65536:
        raise LegRefused("bad-remote")
    try:
        address = wire.socket_address(host, port)
    except (OSError, ValueError) as error:
        raise LegRefused("bad-remote") from error
    # Multicast, reserved and broadcast: no phone is there.
    if address[4] >= 224:
        raise LegRefused("bad-remote")
    return address

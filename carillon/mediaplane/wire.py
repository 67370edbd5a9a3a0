"""The kernel's batch calls on arrays: recvmmsg, sendmmsg and timers, through ctypes.

The structures lie in numpy arrays whose addresses the kernel is given; every array lives as long as
the object that made it. Layouts are those of 64-bit Linux.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import socket
import sys
import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

PACKET_ROOM = 576
"""Bytes kept together of a packet: 60 ms of G.711 with header and more. Nine cache lines."""
MORE_ROOM = 1024
"""Bytes kept apart of one that is longer, as those of handshakes are; what is longer still is dropped."""
ADDRESS_BYTES = 16
BUFFER_BYTES = 8 << 20

_IOVEC = np.dtype([("base", "u8"), ("length", "u8")])
_MMSGHDR = np.dtype(
    [
        ("name", "u8"),
        ("name_length", "u4"),
        ("_pad1", "u4"),
        ("iovec", "u8"),
        ("iovecs", "u8"),
        ("control", "u8"),
        ("control_length", "u8"),
        ("flags", "i4"),
        ("_pad2", "u4"),
        ("length", "u4"),
        ("_pad3", "u4"),
    ]
)
_MSG_DONTWAIT = 0x40
_EXPEDITED_FORWARDING = 0xB8
_MSG_TRUNC = np.uint64(0x20)
_TFD_TIMER_ABSTIME = 1

# Linux's socket options, which Python does not name.
_IP_MTU_DISCOVER = 10
_IP_PMTUDISC_DO = 2
_SO_SNDBUFFORCE = 32
_SO_RCVBUFFORCE = 33

_libc = ctypes.CDLL(None, use_errno=True)
_recvmmsg = _libc.recvmmsg
_recvmmsg.argtypes = [
    ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int, ctypes.c_void_p
]  # fmt: skip
_sendmmsg = _libc.sendmmsg
_sendmmsg.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int]
_sendto = _libc.sendto
_sendto.argtypes = [
    ctypes.c_int, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_void_p, ctypes.c_uint
]  # fmt: skip
_timerfd_create = _libc.timerfd_create
_timerfd_create.argtypes = [ctypes.c_int, ctypes.c_int]
_timerfd_settime = _libc.timerfd_settime
_timerfd_settime.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p]

Octets = NDArray[np.uint8]
Words = NDArray[np.uint32]
Addresses = NDArray[np.uint64]
Rows = NDArray[np.intp]
Piece = tuple[Addresses, NDArray[np.int64] | int]
"""Where one piece of each message lies, and how long it is."""


def open_udp(host: str, port: int) -> socket.socket:
    """Open a UDP socket for sound; OSError when the port is taken."""
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    try:
        udp.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, _EXPEDITED_FORWARDING)
        # Never fragmented, our packets need no identification, which costs the kernel 4 % to make up.
        udp.setsockopt(socket.IPPROTO_IP, _IP_MTU_DISCOVER, _IP_PMTUDISC_DO)
        udp.bind((host, port))
    except OSError:
        udp.close()
        raise
    return udp


def enlarge_buffers(udp: socket.socket) -> None:
    """Let a socket hold a second of thousands of legs; without privilege, what the system permits."""
    for forced, plain in (
        (_SO_RCVBUFFORCE, socket.SO_RCVBUF),
        (_SO_SNDBUFFORCE, socket.SO_SNDBUF),
    ):
        try:
            udp.setsockopt(socket.SOL_SOCKET, forced, BUFFER_BYTES)
        except OSError:
            with contextlib.suppress(OSError):
                udp.setsockopt(socket.SOL_SOCKET, plain, BUFFER_BYTES)


def socket_address(host: str, port: int) -> Octets:
    """Return the kernel's form of an IPv4 address and port, 16 bytes; OSError when it is none."""
    family = socket.AF_INET.to_bytes(2, sys.byteorder)
    octets = family + port.to_bytes(2, "big") + socket.inet_pton(socket.AF_INET, host)
    return np.frombuffer(octets.ljust(ADDRESS_BYTES, b"\0"), np.uint8)


def send_to(fd: int, octets: bytes, address: Octets) -> None:
    """Send one packet; what cannot be sent is lost. `address`: the kernel's form, 16 bytes."""
    _sendto(fd, octets, len(octets), _MSG_DONTWAIT, address.ctypes.data, ADDRESS_BYTES)


class Inbox:
    """Room for one batch of received packets: bytes, sizes and senders, one row a packet."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.octets: Octets = np.zeros((capacity, PACKET_ROOM), np.uint8)
        self.words: Words = self.octets.view(np.uint32)
        self._names = np.zeros((capacity, ADDRESS_BYTES), np.uint8)
        self.names_at = int(self._names.ctypes.data)
        # Family, port and address are the first 8 bytes: one integer tells senders apart.
        self.senders: Addresses = self._names.view(np.uint64)[:, 0]
        self._more: Octets = np.zeros((capacity, MORE_ROOM), np.uint8)
        self._iovecs = np.zeros((capacity, 2), _IOVEC)
        self._messages = np.zeros(capacity, _MMSGHDR)
        each = np.arange(capacity, dtype=np.uint64)
        self.base = int(self.octets.ctypes.data)
        self._iovecs["base"][:, 0] = self.base + each * np.uint64(PACKET_ROOM)
        self._iovecs["base"][:, 1] = self._more.ctypes.data + each * np.uint64(MORE_ROOM)
        self._iovecs["length"] = PACKET_ROOM, MORE_ROOM
        self._messages["name"] = self._names.ctypes.data + each * np.uint64(ADDRESS_BYTES)
        self._messages["name_length"] = ADDRESS_BYTES
        self._messages["iovec"] = self._iovecs.ctypes.data + each * np.uint64(2 * _IOVEC.itemsize)
        self._messages["iovecs"] = 2
        # The last two words of a message: flags, then length.
        self._ends = self._messages.view(np.uint64).reshape(capacity, -1)[:, -2:]
        self.start = int(self._messages.ctypes.data)

    def receive(self, fd: int) -> int:
        """Receive as many packets as there is room for; return how many came."""
        count = int(_recvmmsg(fd, self.start, self.capacity, _MSG_DONTWAIT, None))
        return max(count, 0)

    def receive_each(self, fds: Sequence[int], most: int) -> list[int]:
        """Receive from each of these up to `most` packets, one after the other; return how many of each.

        There must be room for `most` of each.
        """
        start, counts = self.start, []
        for fd in fds:
            count = _recvmmsg(fd, start, most, _MSG_DONTWAIT, None)
            if count > 0:
                start += count * _MMSGHDR.itemsize
            counts.append(count if count > 0 else 0)
        return counts

    def sizes(self, slots: Rows) -> NDArray[np.int64]:
        """Return how long these packets are, 0 for one that did not fit.

        Of one longer than `PACKET_ROOM` only so much lies in `octets`; see `whole`.
        """
        ends = self._ends[slots]
        sizes = ends[:, 1].astype(np.int64)
        if np.count_nonzero(ends[:, 0]):
            sizes[ends[:, 0] & _MSG_TRUNC != 0] = 0
        return sizes

    def whole(self, slot: int, size: int) -> bytes:
        """Return a packet from beginning to end."""
        octets = self.octets[slot, :size].tobytes()
        return octets + self._more[slot, : max(size - PACKET_ROOM, 0)].tobytes()

    def senders_of_rtcp(self, count: int) -> Addresses:
        """Return the senders of the first `count` packets with the port before theirs: RTP's."""
        names = self._names[:count].copy()
        ports = names.view(np.uint16)[:, 1]
        ports[:] = (ports.byteswap() - np.uint16(1)).byteswap()
        return names.view(np.uint64)[:, 0].copy()


class Outbox:
    """Room for one batch to send; each message is gathered from `pieces` pieces of memory."""

    def __init__(self, capacity: int, pieces: int = 1) -> None:
        self.capacity = capacity
        iovecs = np.zeros((capacity, pieces), _IOVEC)
        self._iovecs = iovecs
        self._bases = [iovecs["base"][:, piece] for piece in range(pieces)]
        self._lengths = [iovecs["length"][:, piece] for piece in range(pieces)]
        self._messages = np.zeros(capacity, _MMSGHDR)
        each = np.arange(capacity, dtype=np.uint64)
        self._messages["name_length"] = ADDRESS_BYTES
        size = np.uint64(pieces * _IOVEC.itemsize)
        self._messages["iovec"] = iovecs.ctypes.data + each * size
        self._messages["iovecs"] = pieces
        self._names = self._messages["name"]
        self.pieces_at = int(iovecs.ctypes.data)
        self.start = int(self._messages.ctypes.data)

    def fill(self, names: Addresses, pieces: Sequence[Piece]) -> None:
        """Lay out messages: where their destinations' addresses lie, and their pieces."""
        count = len(names)
        self._names[:count] = names
        for index, (at, size) in enumerate(pieces):
            self._bases[index][:count] = at
            self._lengths[index][:count] = size

    def send_each(self, fds: Sequence[int], starts: Sequence[int], stops: Sequence[int]) -> None:
        """Send runs of messages, each from a socket of its own, as `send` does."""
        for fd, start, stop in zip(fds, starts, stops, strict=True):
            address = self.start + start * _MMSGHDR.itemsize
            sent = _sendmmsg(fd, address, stop - start, _MSG_DONTWAIT)
            if sent != stop - start:
                self.send(fd, start + max(sent, 0), stop)

    def send(self, fd: int, start: int, stop: int) -> None:
        """Send these messages. What cannot be sent is skipped: a network may lose any packet."""
        while start < stop:
            address = self.start + start * _MMSGHDR.itemsize
            sent = int(_sendmmsg(fd, address, min(stop - start, 1024), _MSG_DONTWAIT))
            start += max(sent, 1)


class Timer:
    """Fires at every multiple of a period on the monotonic clock: a descriptor that becomes readable."""

    def __init__(self) -> None:
        self.fd = int(_timerfd_create(time.CLOCK_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC))
        if self.fd < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create")
        self._period = 0.0

    def fire_every(self, seconds: float, now: float) -> None:
        """Choose the period; 0: never."""
        if seconds == self._period:
            return
        self._period = seconds
        first = (now // seconds + 1) * seconds if seconds else 0.0
        times = [int(part) for each in (seconds, first) for part in (each, each % 1 * 1e9)]
        setting = np.array(times, np.int64)
        if _timerfd_settime(self.fd, _TFD_TIMER_ABSTIME, setting.ctypes.data, None):
            raise OSError(ctypes.get_errno(), "timerfd_settime")

    def take(self) -> None:
        """Let it become readable again only when it fires next."""
        try:
            os.read(self.fd, 8)
        except BlockingIOError:
            return

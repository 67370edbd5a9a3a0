"""The kernel's batch calls on arrays: recvmmsg, sendmmsg and ppoll, through ctypes.

The structures lie in numpy arrays whose addresses the kernel is given; every array lives as long as
the object that made it. Layouts are those of 64-bit Linux.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import socket

import numpy as np
from numpy.typing import NDArray

PACKET_ROOM = 576
"""Bytes kept of a packet: 60 ms of G.711 with header; what is longer is dropped. Nine cache lines."""
ADDRESS_BYTES = 16
BUFFER_BYTES = 16 << 20

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
_POLLFD = np.dtype([("fd", "i4"), ("events", "i2"), ("revents", "i2")])
_MSG_DONTWAIT = 0x40
_MSG_TRUNC = 0x20
_POLLIN = 1

# Linux's asm-generic socket options, which Python does not name.
_SO_SNDBUFFORCE = 32
_SO_RCVBUFFORCE = 33

_libc = ctypes.CDLL(None, use_errno=True)
_recvmmsg = _libc.recvmmsg
_recvmmsg.argtypes = [
    ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int, ctypes.c_void_p
]  # fmt: skip
_sendmmsg = _libc.sendmmsg
_sendmmsg.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int]
_ppoll = _libc.ppoll
_ppoll.argtypes = [ctypes.c_void_p, ctypes.c_ulong, ctypes.c_void_p, ctypes.c_void_p]

Octets = NDArray[np.uint8]
Words = NDArray[np.uint32]
Addresses = NDArray[np.uint64]
Rows = NDArray[np.intp]


def open_udp(host: str, port: int) -> socket.socket:
    """Open a UDP socket with buffers as large as the kernel allows; OSError when the port is taken."""
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    try:
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
    address = np.zeros(ADDRESS_BYTES, np.uint8)
    address[:2] = np.frombuffer(np.uint16(socket.AF_INET).tobytes(), np.uint8)
    address[2:4] = np.frombuffer(port.to_bytes(2, "big"), np.uint8)
    address[4:8] = np.frombuffer(socket.inet_pton(socket.AF_INET, host), np.uint8)
    return address


class Inbox:
    """Room for one batch of received packets: bytes, sizes and senders, one row a packet."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.octets: Octets = np.zeros((capacity, PACKET_ROOM), np.uint8)
        self.words: Words = self.octets.view(np.uint32)
        self._names = np.zeros((capacity, ADDRESS_BYTES), np.uint8)
        # Family, port and address are the first 8 bytes: one integer tells senders apart.
        self.senders: Addresses = self._names.view(np.uint64)[:, 0]
        self._iovecs = np.zeros(capacity, _IOVEC)
        self._messages = np.zeros(capacity, _MMSGHDR)
        each = np.arange(capacity, dtype=np.uint64)
        self.base = int(self.octets.ctypes.data)
        self._iovecs["base"] = self.base + each * np.uint64(PACKET_ROOM)
        self._iovecs["length"] = PACKET_ROOM
        self._messages["name"] = self._names.ctypes.data + each * np.uint64(ADDRESS_BYTES)
        self._messages["name_length"] = ADDRESS_BYTES
        self._messages["iovec"] = self._iovecs.ctypes.data + each * np.uint64(_IOVEC.itemsize)
        self._messages["iovecs"] = 1
        self._lengths = self._messages["length"]
        self._flags = self._messages["flags"]
        self._start = int(self._messages.ctypes.data)

    def receive(self, fd: int, at: int, most: int) -> int:
        """Receive up to `most` packets into the rows from `at` on; return how many came.

        A pending socket error (an ICMP answer to something we sent) is swallowed by being read.
        """
        most = min(most, self.capacity - at)
        start = self._start + at * _MMSGHDR.itemsize
        for _ in range(2):
            count = int(_recvmmsg(fd, start, most, _MSG_DONTWAIT, None))
            if count >= 0 or ctypes.get_errno() in (errno.EAGAIN, errno.EBADF):
                break
        return max(count, 0)

    def sizes(self, count: int) -> NDArray[np.int64]:
        """Return how long the first `count` packets are, 0 for one that did not fit."""
        sizes = self._lengths[:count].astype(np.int64)
        truncated = self._flags[:count] & _MSG_TRUNC
        if truncated.any():
            sizes[truncated != 0] = 0
        return sizes

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
        self._start = int(self._messages.ctypes.data)

    def address(self, names: Addresses) -> None:
        """Say where the kernel finds each message's destination."""
        self._names[: len(names)] = names

    def fill(self, piece: int, bases: Addresses, sizes: NDArray[np.int64] | int) -> None:
        """Say where this piece of each message lies and how long it is."""
        self._bases[piece][: len(bases)] = bases
        self._lengths[piece][: len(bases)] = sizes

    def send(self, fd: int, start: int, stop: int) -> None:
        """Send these messages. What cannot be sent is skipped: a network may lose any packet."""
        while start < stop:
            address = self._start + start * _MMSGHDR.itemsize
            sent = int(_sendmmsg(fd, address, min(stop - start, 1024), _MSG_DONTWAIT))
            start += max(sent, 1)


class Waiter:
    """Waits for a few descriptors with a time limit of any length."""

    def __init__(self) -> None:
        self._entries = np.zeros(8, _POLLFD)
        self._entries["events"] = _POLLIN
        self._limit = np.zeros(2, np.int64)

    def wait(self, descriptors: list[int], seconds: float) -> list[int]:
        """Return those that can be read, none when the time is up or a signal came."""
        count = len(descriptors)
        self._entries["fd"][:count] = descriptors
        seconds = max(seconds, 0.0)
        self._limit[0] = int(seconds)
        self._limit[1] = int(seconds % 1 * 1e9)
        ready = _ppoll(self._entries.ctypes.data, count, self._limit.ctypes.data, None)
        if ready <= 0:
            return []
        returned = self._entries["revents"][:count]
        return [fd for fd, events in zip(descriptors, returned.tolist(), strict=True) if events]

"""The relay's inner loop in C (kernel.c), where this machine has a compiler; see ADR 14.

It describes our arrays to the loop once; the loop works on them in place. Everything it does, relay.py
does in array operations as well: without the loop a packet costs up to twice as much, and nothing else
is different.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from carillon.media.g711 import OTHER_LAW
from carillon.mediaplane import srtp
from carillon.mediaplane.legs import Legs
from carillon.mediaplane.listener import Listener
from carillon.mediaplane.pace import TICK_SECONDS, Ticks
from carillon.mediaplane.routes import Routes
from carillon.mediaplane.tally import Tally
from carillon.mediaplane.wire import Inbox, Outbox

SOURCE = Path(__file__).with_name("kernel.c")
OFF = "CARILLON_MEDIA_KERNEL"
"""Set to `off`, relaying stays in numpy."""
_COMPILE_SECONDS = 60
_OTHERS, _READY = 16, 4096
_EVENT_BYTES = 16
_MORE, _LEFT = 1, 2

_POINTERS_1 = ("octets", "senders", "incoming")
_NUMBERS_1 = ("batch", "most_bytes")
_POINTERS_2 = (
    "shared", "shared_rows", "shared_count", "routes", "track", "fd", "target", "codec", "secured",
    "outward", "inward", "row_of_fd",
)  # fmt: skip
_STREAMS = (
    "rate", "source_ssrc", "highest", "first", "expected_before", "received", "sent",
    "sent_octets", "last_time", "transit", "jitter", "heard_at", "relayed",
)  # fmt: skip
_POINTERS_3 = (
    *_STREAMS, "other_law", "rows", "words", "sizes", "arrived", "used", "heard_tracks", "heard_times",
    "heard_lengths", "heard_arrived", "heard_payloads", "heard_used", "out", "pieces", "left", "left_rows",
)  # fmt: skip
_NUMBERS_3 = (
    "left_count", "rtp_fd", "own_epoll", "own_legs", "own_burst", "timer_fd", "rtcp_fd",
    "own_rtcp_epoll", "phase", "batches", "packets", "reports", "ready_count", "ready_next",
    "other_count",
)  # fmt: skip


class _Relay(ctypes.Structure):
    """relay_t of kernel.c."""

    _fields_ = [
        *((name, ctypes.c_void_p) for name in _POINTERS_1),
        *((name, ctypes.c_int64) for name in _NUMBERS_1),
        *((name, ctypes.c_void_p) for name in _POINTERS_2),
        ("fds", ctypes.c_int64),
        *((name, ctypes.c_void_p) for name in _POINTERS_3),
        *((name, ctypes.c_int64) for name in _NUMBERS_3),
        ("others", ctypes.c_int64 * _OTHERS),
        ("ready", ctypes.c_void_p),
        *((name, ctypes.c_double) for name in ("tick_at", "tick_seconds", "late")),
        ("idle_ticks", ctypes.c_int64),
        *((name, ctypes.c_void_p) for name in ("protect", "unprotect")),
    ]


def library() -> Path:
    """Return where the compiled loop lies: its name tells which source it was made of."""
    digest = hashlib.sha256(SOURCE.read_bytes()).hexdigest()[:12]
    return SOURCE.with_name(f"kernel-{digest}.so")


def build() -> Path | None:
    """Compile the loop unless it is there; None when this machine cannot."""
    made = library()
    if made.exists():
        return made
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None or sys.maxsize < 1 << 32 or not sys.platform.startswith("linux"):
        return None
    fresh = made.with_suffix(f".{os.getpid()}")
    command = [compiler, "-O2", "-shared", "-fPIC", "-o", str(fresh), str(SOURCE)]
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=_COMPILE_SECONDS)
        fresh.replace(made)
    except (OSError, subprocess.SubprocessError):
        fresh.unlink(missing_ok=True)
        return None
    for old in SOURCE.parent.glob("kernel-*.so"):
        if old != made:
            with contextlib.suppress(OSError):
                old.unlink()
    return made


def load() -> ctypes.CDLL | None:
    """Return the loop, None when it was not compiled, does not fit, or is turned off."""
    if os.environ.get(OFF) == "off" or not library().exists():
        return None
    try:
        loop = ctypes.CDLL(str(library()))
        loop.carillon_size.restype = ctypes.c_int64
        fits = loop.carillon_size() == ctypes.sizeof(_Relay)
    except (OSError, AttributeError):
        return None
    if not fits:
        return None
    relay = ctypes.POINTER(_Relay)
    loop.carillon_look.argtypes = [relay, ctypes.c_double, ctypes.c_int64, ctypes.c_int]
    loop.carillon_serve.argtypes = [relay, ctypes.c_int, ctypes.c_int, ctypes.c_int64]
    loop.carillon_count.argtypes = [relay, ctypes.c_int64]
    loop.carillon_count.restype = None
    return loop


@dataclass(frozen=True, slots=True)
class Tables:
    """What the loop works on."""

    legs: Legs
    inbox: Inbox
    outbox: Outbox
    routes: Routes
    tally: Tally
    listener: Listener


class Kernel:
    """The loop and its memory."""

    def __init__(
        self,
        loop: ctypes.CDLL,
        tables: Tables,
        fds: tuple[int, int],
        own_burst: int,
        most_bytes: int,
    ) -> None:
        self._loop = loop
        self._tables = tables
        self._left = np.zeros(tables.inbox.capacity, np.int64)
        self._left_rows = np.zeros(tables.inbox.capacity, np.int64)
        self._law = np.ascontiguousarray(OTHER_LAW, np.uint8)
        self._ready = np.zeros(_READY * _EVENT_BYTES, np.uint8)
        self._relay = relay = _Relay()
        self._at = ctypes.byref(relay)
        self.more = self.has_left = False
        """The last look has not seen everything; it has left packets."""
        relay.batch, relay.most_bytes = tables.inbox.capacity, most_bytes
        relay.rtp_fd, relay.rtcp_fd = fds
        relay.own_burst, relay.timer_fd = own_burst, -1
        relay.tick_seconds = TICK_SECONDS
        relay.protect, relay.unprotect = srtp.PROTECT, srtp.UNPROTECT
        relay.own_epoll = tables.legs.readable.fileno()
        relay.own_rtcp_epoll = tables.legs.readable_rtcp.fileno()
        self._describe()

    def _describe(self) -> None:
        relay, tables = self._relay, self._tables
        legs, tally, listener = tables.legs, tables.tally, tables.listener
        relay.octets, relay.senders = tables.inbox.base, tables.inbox.names_at
        relay.incoming, relay.out = tables.inbox.start, tables.outbox.start
        relay.pieces, relay.fds = tables.outbox.pieces_at, len(legs.row_of_fd)
        arrays: dict[str, NDArray[np.generic]] = {
            "shared": legs.shared, "shared_rows": legs.shared_rows,
            "shared_count": legs.shared_count, "routes": tables.routes.table,
            "track": listener.track, "fd": legs.fd, "target": legs.streams.target,
            "codec": legs.codec, "secured": legs.covers.secured, "outward": legs.covers.outward,
            "inward": legs.covers.inward, "row_of_fd": legs.row_of_fd,
            "other_law": self._law, "rows": tally.rows, "words": tally.words,
            "sizes": tally.sizes, "arrived": tally.arrived, "used": tally.used,
            "left": self._left, "left_rows": self._left_rows, "ready": self._ready,
        }  # fmt: skip
        arrays.update((name, getattr(legs.streams, name)) for name in _STREAMS)
        arrays.update((f"heard_{name}", column) for name, column in vars(listener.heard).items())
        for name, array in arrays.items():
            setattr(relay, name, array.ctypes.data)

    def count(self, packets: int) -> None:
        """Count the first packets of the tally, as `Streams.count` does."""
        self._loop.carillon_count(self._at, packets)

    def serve(self, poll: int, timer: int, ticks: Ticks, timeout: float) -> list[int]:
        """Wait and relay until a tick is due, or something is left to do; return what else is ready.

        `timeout`: seconds after which to return whatever has come. `more` and `has_left` tell the rest.
        """
        relay = self._relay
        relay.own_legs, relay.timer_fd = len(self._tables.legs.own), timer
        relay.tick_at, relay.idle_ticks = ticks.due_at, ticks.idle
        relay.late = 0.0
        found = self._loop.carillon_serve(self._at, poll, int(timeout * 1000), self._room)
        self.more, self.has_left = bool(found & _MORE), bool(found & _LEFT)
        if passed := ticks.idle - relay.idle_ticks:
            ticks.pass_over(passed, relay.late)
        return relay.others[: relay.other_count] if relay.other_count else []

    def look(self, now: float, begin: bool) -> None:
        """Look at the sockets, or go on with a look that is not whole."""
        self._relay.own_legs = len(self._tables.legs.own)
        self.more = bool(self._loop.carillon_look(self._at, now, self._room, begin))
        self.has_left = self._relay.left_count > 0

    @property
    def _room(self) -> int:
        """How many packets more can be noted."""
        return min(self._tables.tally.room, self._tables.listener.heard.room)

    @property
    def full(self) -> bool:
        """A look could bring more than there is room to keep."""
        return self._room < self._tables.inbox.capacity

    def left(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the slots and rows of packets that are not usual, and forget them."""
        count, self._relay.left_count, self.has_left = self._relay.left_count, 0, False
        return self._left[:count], self._left_rows[:count]

    @property
    def reports_came(self) -> bool:
        """When the last wait ended, there was RTCP."""
        return bool(self._relay.reports)

    def take_packets(self) -> int:
        """Return how many packets have come since the last time."""
        count, self._relay.packets = int(self._relay.packets), 0
        return count


if __name__ == "__main__":
    if build() is None:
        print(
            "No C compiler: sound is passed on in numpy, which costs up to twice the CPU. "
            "Install gcc and libc6-dev, then run tools/setup again, to change that.",
            file=sys.stderr,
        )

"""Strangers who try passwords or calls, scan or flood: each address may do so much, then it is not read.

Nobody counts against an address where it could hurt its neighbours: a carrier's address is never refused, and
one with phones of ours still has those phones heard (see `Devices.authenticate`).
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from carillon.switch.bucket import Bucket

MOST_ADDRESSES = 10_000
MOST_A_SECOND = {"INVITE": (10.0, 30.0), "request": (50.0, 300.0), "response": (200.0, 400.0)}
"""What is read from one stranger's address: so many a second, so many at once (an office that comes back)."""
SCANNED_BYTES = 2048
SCANNERS = (
    b"friendly-scanner",
    b"friendly-request",
    b"sipvicious",
    b"sipcli",
    b"sundayddr",
    b"pplsip",
    b"vaxsipuseragent",
    b"iwar",
    b"sip-scan",
    b"sivus",
    b"smap",
)
"""Programs nobody uses who has business with us, by what they call themselves, in lower case."""


def is_scanner(data: bytes) -> bool:
    """Say whether a message calls itself a program that looks for holes."""
    head = data[:SCANNED_BYTES].lower()
    start = head.find(b"\nuser-agent")
    if start < 0:
        return False
    line = head[start + 1 :].partition(b"\n")[0]
    return any(name in line for name in SCANNERS)


class Floods:
    """Bounds how much is read from each address: what is too much is dropped, as the net might.

    A flood costs a look-up each; whoever was quiet longest is forgotten first.
    """

    def __init__(self) -> None:
        self._addresses: OrderedDict[str, dict[str, Bucket]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._addresses)

    def takes(self, data: bytes, host: str, now: float) -> bool:
        """Count a message; say whether to read it."""
        buckets = self._addresses.setdefault(host, {})
        self._addresses.move_to_end(host)
        if len(self._addresses) > MOST_ADDRESSES:
            self._addresses.popitem(last=False)
        kind = "request"
        if data.startswith(b"INVITE "):
            kind = "INVITE"
        elif data.startswith(b"SIP/2.0 "):
            kind = "response"
        bucket = buckets.get(kind)
        if bucket is None:
            rate, burst = MOST_A_SECOND[kind]
            bucket = buckets[kind] = Bucket(rate, burst=burst)
        return bucket.take(now)


@dataclass(slots=True)
class _Address:
    since: float
    faults: int = 0
    blocked_until: float = 0.0


class Throttle:
    """Blocks an address for `seconds` after `most` faults within `seconds`.

    Remembers `MOST_ADDRESSES` at most; whoever was quiet longest is forgotten first.
    """

    def __init__(self, most: int, seconds: float) -> None:
        self._most = most
        self._seconds = seconds
        self._addresses: OrderedDict[str, _Address] = OrderedDict()

    def __len__(self) -> int:
        return len(self._addresses)

    def is_blocked(self, host: str, now: float) -> bool:
        """Say whether an address has failed too often."""
        found = self._addresses.get(host)
        return found is not None and found.blocked_until > now

    def blame(self, host: str, now: float) -> bool:
        """Count a fault; say whether it is the one that blocks the address."""
        found = self._addresses.setdefault(host, _Address(now))
        self._addresses.move_to_end(host)
        if len(self._addresses) > MOST_ADDRESSES:
            self._addresses.popitem(last=False)
        if now - found.since > self._seconds:
            found.since, found.faults = now, 0
        found.faults += 1
        if found.faults < self._most or found.blocked_until > now:
            return False
        found.since, found.faults, found.blocked_until = now, 0, now + self._seconds
        return True

    def forgive(self, host: str) -> None:
        """Take one fault back: it was the beginning of something good."""
        found = self._addresses.get(host)
        if found is None:
            return
        found.faults -= 1
        if found.faults <= 0 and not found.blocked_until:
            del self._addresses[host]

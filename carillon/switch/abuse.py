"""Strangers who try passwords or calls: each address may fail so often, then it is not listened to.

Nobody counts against an address where it could hurt its neighbours: a carrier's address is never refused, and
one with phones of ours still has those phones heard (see `Devices.authenticate`).
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

MOST_ADDRESSES = 10_000


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

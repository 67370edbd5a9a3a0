"""How often a key may ask.

Kept in the portal's one process, not in the database: a program that asks too often must not become one
that writes too often. A portal begun anew forgets it, which costs a minute's worth of requests.
"""

from __future__ import annotations

import threading
import time
from typing import NamedTuple

MOST_A_MINUTE = 120
WINDOW_SECONDS = 60.0
MOST_REMEMBERED = 10_000


class Taken(NamedTuple):
    """What is left after a request; `allowed` says whether it may go on."""

    allowed: bool
    left: int
    resets_in: float


class Allowance:
    """So many requests for each key in each minute; bounded, however many keys there are."""

    def __init__(self, most: int = MOST_A_MINUTE, remembered: int = MOST_REMEMBERED) -> None:
        self.most = most
        self._remembered = remembered
        self._windows: dict[str, tuple[float, int]] = {}
        self._lock = threading.Lock()

    def take(self, key: str, now: float) -> Taken:
        """Count one request of a key."""
        with self._lock:
            began, used = self._windows.get(key, (now, 0))
            if now - began >= WINDOW_SECONDS:
                began, used = now, 0
            if key not in self._windows and len(self._windows) >= self._remembered:
                self._forget(now)
            allowed = used < self.most
            self._windows[key] = began, used + allowed
        return Taken(allowed, self.most - used - allowed, began + WINDOW_SECONDS - now)

    def _forget(self, now: float) -> None:
        """Drop the windows that are over, else the oldest."""
        over = [key for key, (began, _) in self._windows.items() if now - began >= WINDOW_SECONDS]
        for key in over or [next(iter(self._windows))]:
            del self._windows[key]


allowance = Allowance()


def take(key: str) -> Taken:
    """Count one request of a key, now."""
    return allowance.take(key, time.monotonic())

"""So many in a second, with room for a burst of one second's worth (a token bucket)."""

from __future__ import annotations


class Bucket:
    """`rate` a second; 0: no bound. Times are monotonic seconds."""

    __slots__ = ("_at", "_left", "_rate")

    def __init__(self, rate: float, *, burst: float = 0.0) -> None:
        self._rate = rate
        self._left = burst or rate
        self._at = 0.0

    def _fill(self, now: float) -> None:
        if now > self._at:
            self._left = min(max(self._rate, 1.0), self._left + (now - self._at) * self._rate)
            self._at = now

    def has(self, now: float) -> bool:
        """Say whether one may be taken."""
        if not self._rate:
            return True
        self._fill(now)
        return self._left >= 1.0

    def take(self, now: float) -> bool:
        """Take one; False when there is none."""
        if not self.has(now):
            return False
        if self._rate:
            self._left -= 1.0
        return True

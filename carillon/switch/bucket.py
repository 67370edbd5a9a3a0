"""So many in a second, with room for a burst (a token bucket)."""

from __future__ import annotations


class Bucket:
    """`rate` a second, a `burst` at once (a second's worth); 0: no bound. Times are monotonic seconds."""

    __slots__ = ("_at", "_left", "_most", "_rate")

    def __init__(self, rate: float, *, burst: float = 0.0) -> None:
        self._rate = rate
        self._left = burst or rate
        self._most = max(burst or rate, 1.0)
        self._at = 0.0

    def _fill(self, now: float) -> None:
        if now > self._at:
            self._left = min(self._most, self._left + (now - self._at) * self._rate)
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

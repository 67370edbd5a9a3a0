"""How often to look at the sockets, and when to tick.

Seldom enough that a look finds many packets, never late. With a call or two each packet is awaited and
passed on at once; with more, the sockets are looked at on a grid that divides 20 ms, so that a stream sent
every 20 ms is always delayed by the same, and no jitter arises. Without the loop of `kernel` every look
costs the same some tenth of a millisecond of cold caches, however little it finds: then the grid is coarser
until there are many legs.
"""

from __future__ import annotations

TICK_SECONDS = 0.02
SLOW_SECONDS = 0.01
FAST_SECONDS = 0.005
AWAIT = 0.0
FEW = 4
MANY = 600
"""Packets in 20 ms up to which they are awaited, and from which on they are looked for most often."""


class Pace:
    """Chooses anew every tick, by what came since the tick before. `eager`: looks cost next to nothing."""

    def __init__(self, eager: bool) -> None:
        self._many = FEW + 1 if eager else MANY
        self.look_seconds = AWAIT
        self._packets = 0

    def note(self, packets: int) -> None:
        """Take note of what a look found."""
        self._packets += packets

    def choose(self, ticks: int) -> bool:
        """Choose, so many ticks after the last time; return whether it is another pace than before.

        What is in between the bounds of two choices stays as it is.
        """
        packets, self._packets = self._packets / ticks, 0
        before = self.look_seconds
        if packets <= FEW:
            self.look_seconds = AWAIT
        elif packets >= self._many:
            self.look_seconds = FAST_SECONDS
        elif before == AWAIT or packets < self._many * 3 // 4:
            self.look_seconds = SLOW_SECONDS
        return self.look_seconds != before


class Ticks:
    """When the next tick is due. Those that have nothing to do may be passed over, which costs nothing."""

    def __init__(self) -> None:
        self.due_at = 0.0
        """On the monotonic clock."""
        self.idle = 0
        """How many of the next ones have nothing to do; one less for each that is passed over."""
        self._count = 0
        self._late = 0.0

    def begin(self, now: float) -> None:
        """Take note that a tick is done now."""
        self._late = max(self._late, now - self.due_at)
        self.due_at += TICK_SECONDS
        self._count += 1

    def pass_over(self, ticks: int, late: float) -> None:
        """Take note that these were passed over, the latest of them by `late` seconds after it was due."""
        self._late = max(self._late, late)
        self.due_at += ticks * TICK_SECONDS
        self._count += ticks
        self.idle -= ticks

    def take_count(self) -> int:
        """Return how many there were, done or passed over, since the last time."""
        count, self._count = self._count, 0
        return count

    def take_late(self) -> float:
        """Return by how many seconds the latest came since the last time."""
        late, self._late = self._late, 0.0
        return late

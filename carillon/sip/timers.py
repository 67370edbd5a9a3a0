"""The times of RFC 3261 §17 and table 4, and one clockwork for everything that waits.

Starting and stopping cost O(log n); a stopped timer stays in the heap, empty, until its time comes.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from itertools import count

T1 = 0.5
T2 = 4.0
T4 = 5.0
LINGER = 64 * T1
"""Timers B, D, F, H, J, L, M: how long an answer, or its echo, may take."""

Action = Callable[[float], None]


class Timer:
    """One thing to do later."""

    __slots__ = ("action", "at")

    def __init__(self, at: float, action: Action) -> None:
        self.at = at
        self.action: Action | None = action

    def stop(self) -> None:
        """Forget it; harmless when it has already gone off."""
        self.action = None


class Timers:
    """All waiting timers, soonest first."""

    __slots__ = ("_heap", "_order")

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Timer]] = []
        self._order = count()

    def start(self, at: float, action: Action) -> Timer:
        """Have `action(now)` called at the first `fire` at or after `at`."""
        timer = Timer(at, action)
        heapq.heappush(self._heap, (at, next(self._order), timer))
        return timer

    @property
    def at(self) -> float | None:
        """When the next one goes off, None when none waits."""
        heap = self._heap
        while heap and heap[0][2].action is None:
            heapq.heappop(heap)
        return heap[0][0] if heap else None

    def fire(self, now: float) -> None:
        """Do everything that is due, in order; what it starts may be due as well."""
        heap = self._heap
        while heap and heap[0][0] <= now:
            timer = heapq.heappop(heap)[2]
            action, timer.action = timer.action, None
            if action is not None:
                action(now)

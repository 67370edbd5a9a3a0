"""The times of RFC 3261 §17 and table 4, and one clockwork for everything that waits.

Starting and stopping cost O(log n). A stopped timer stays in the heap, empty, until its time comes or the
empty ones outnumber the others: calls stop half-hour clocks by the thousand.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from itertools import count

FEWEST_EMPTY = 4096

T1 = 0.5
T2 = 4.0
T4 = 5.0
LINGER = 64 * T1
"""Timers B, D, F, H, J, L, M: how long an answer, or its echo, may take."""

Action = Callable[[float], None]


class Timer:
    """One thing to do later."""

    __slots__ = ("_timers", "action", "at")

    def __init__(self, at: float, action: Action, timers: Timers) -> None:
        self.at = at
        self.action: Action | None = action
        self._timers = timers

    def stop(self) -> None:
        """Forget it; harmless when it has already gone off."""
        if self.action is not None:
            self.action = None
            self._timers.empty += 1


class Timers:
    """All waiting timers, soonest first."""

    __slots__ = ("_heap", "_order", "empty")

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Timer]] = []
        self._order = count()
        self.empty = 0

    def __len__(self) -> int:
        """How many places the heap takes, stopped ones included."""
        return len(self._heap)

    def start(self, at: float, action: Action) -> Timer:
        """Have `action(now)` called at the first `fire` at or after `at`."""
        if self.empty > FEWEST_EMPTY and self.empty * 2 > len(self._heap):
            self._sweep()
        timer = Timer(at, action, self)
        heapq.heappush(self._heap, (at, next(self._order), timer))
        return timer

    def _sweep(self) -> None:
        # In place: `fire` may be at work on this very list.
        self._heap[:] = [entry for entry in self._heap if entry[2].action is not None]
        heapq.heapify(self._heap)
        self.empty = 0

    @property
    def at(self) -> float | None:
        """When the next one goes off, None when none waits."""
        heap = self._heap
        while heap and heap[0][2].action is None:
            heapq.heappop(heap)
            self.empty -= 1
        return heap[0][0] if heap else None

    def fire(self, now: float) -> None:
        """Do everything that is due, in order; what it starts may be due as well."""
        heap = self._heap
        while heap and heap[0][0] <= now:
            timer = heapq.heappop(heap)[2]
            action, timer.action = timer.action, None
            if action is not None:
                action(now)
            else:
                self.empty -= 1

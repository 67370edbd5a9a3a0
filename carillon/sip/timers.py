"""The times of RFC 3261 §17 and table 4, and one clockwork for everything that waits.

A heap for each second to come: starting and stopping cost O(log n) of one second's timers. A stopped one
stays where it is, empty, until its time comes or the empty ones outnumber the others of its second: calls
stop half-hour clocks by the thousand, and no message may wait until all of those are swept away at once.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from itertools import count

FEWEST_EMPTY = 256

T1 = 0.5
T2 = 4.0
T4 = 5.0
LINGER = 64 * T1
"""Timers B, D, F, H, J, L, M: how long an answer, or its echo, may take."""

Action = Callable[[float], None]


class Timer:
    """One thing to do later."""

    __slots__ = ("_second", "action", "at")

    def __init__(self, at: float, action: Action, second: _Second) -> None:
        self.at = at
        self.action: Action | None = action
        self._second = second

    def stop(self) -> None:
        """Forget it; harmless when it has already gone off."""
        if self.action is not None:
            self.action = None
            self._second.one_stopped()


class _Second:
    """The timers of one second, a heap; `empty` of them were stopped."""

    __slots__ = ("empty", "heap")

    def __init__(self) -> None:
        self.heap: list[tuple[float, int, Timer]] = []
        self.empty = 0

    def one_stopped(self) -> None:
        """Count it; sweep when that is worth the while."""
        self.empty += 1
        if self.empty > FEWEST_EMPTY and self.empty * 2 > len(self.heap):
            self.heap = [entry for entry in self.heap if entry[2].action is not None]
            heapq.heapify(self.heap)
            self.empty = 0

    def is_over(self) -> bool:
        """Take stopped timers off the top; tell whether none is left."""
        heap = self.heap
        while heap and heap[0][2].action is None:
            heapq.heappop(heap)
            self.empty -= 1
        return not heap


class Timers:
    """All waiting timers, soonest first; of two for the same moment the one started first."""

    __slots__ = ("_first", "_order", "_seconds")

    def __init__(self) -> None:
        self._seconds: dict[int, _Second] = {}
        self._first = 0
        """The earliest key of `_seconds`, while there are any."""
        self._order = count()

    def __len__(self) -> int:
        """How many places the heaps take, stopped timers included."""
        return sum(len(second.heap) for second in self._seconds.values())

    def start(self, at: float, action: Action) -> Timer:
        """Have `action(now)` called at the first `fire` at or after `at`."""
        key = int(at)
        second = self._seconds.get(key)
        if second is None:
            if not self._seconds or key < self._first:
                self._first = key
            second = self._seconds[key] = _Second()
        timer = Timer(at, action, second)
        heapq.heappush(second.heap, (at, next(self._order), timer))
        return timer

    def _soonest(self) -> _Second | None:
        """Return the second whose first timer is the next of all, None when none waits."""
        while self._seconds:
            second = self._seconds[self._first]
            if not second.is_over():
                return second
            del self._seconds[self._first]
            if self._seconds:
                self._first = min(self._seconds)
        return None

    @property
    def at(self) -> float | None:
        """When the next one goes off, None when none waits."""
        second = self._soonest()
        return second.heap[0][0] if second is not None else None

    def fire(self, now: float) -> None:
        """Do everything that is due, in order; what it starts may be due as well."""
        while (second := self._soonest()) is not None and second.heap[0][0] <= now:
            timer = heapq.heappop(second.heap)[2]
            action, timer.action = timer.action, None
            if action is not None:
                action(now)

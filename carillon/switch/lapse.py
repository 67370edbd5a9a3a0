"""Many things that are all due after the same time: one timer for all of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING
from weakref import ref

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

    from carillon.switch.calls import Call


class Lapse:
    """Tells `then` of each call `seconds` after it was added, unless it has finished by then."""

    def __init__(
        self, loop: AbstractEventLoop, seconds: float, then: Callable[[Call], None]
    ) -> None:
        self._loop = loop
        self._seconds = seconds
        self._then = then
        self._waiting: deque[tuple[float, ref[Call]]] = deque()

    def add(self, call: Call) -> None:
        """Wait for one more."""
        self._waiting.append((self._loop.time() + self._seconds, ref(call)))
        if len(self._waiting) == 1:
            self._loop.call_later(self._seconds, self._due)

    def _due(self) -> None:
        now = self._loop.time()
        while self._waiting and self._waiting[0][0] <= now:
            call = self._waiting.popleft()[1]()
            if call is not None and not call.finished:
                self._then(call)
        if self._waiting:
            self._loop.call_later(max(0.0, self._waiting[0][0] - now), self._due)

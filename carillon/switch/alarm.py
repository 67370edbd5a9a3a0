"""One thing a call will do later."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from carillon.switch.calls import Call
    from carillon.switch.switchboard import Switchboard


class Alarm:
    """Rings once, under the call's guard. Set again, the earlier time is forgotten."""

    def __init__(self, board: Switchboard) -> None:
        self._board = board
        self._handle: asyncio.TimerHandle | None = None

    def set(self, seconds: float, call: Call, then: Callable[[], None]) -> None:
        """Do something of a call in so many seconds."""
        self.stop()
        self._handle = self._board.loop.call_later(seconds, self._ring, call, then)

    def stop(self) -> None:
        """Ring no more."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _ring(self, call: Call, then: Callable[[], None]) -> None:
        self._handle = None
        with self._board.guard(call):
            then()

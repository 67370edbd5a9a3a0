"""What has to be looked after now and then, whether anything happens or not."""

from __future__ import annotations

import asyncio
import gc
import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from carillon.switch.switchboard import Switchboard

log = logging.getLogger(__name__)

HOUSE_SECONDS = 5.0
LONGEST_CALL_SECONDS = 4 * 3600.0
TIDY_SECONDS, LATEST_TIDY_SECONDS = 600.0, 3600.0
"""How often the collector looks at everything: when no call would notice, in the end in any case."""


async def keep_house(board: Switchboard) -> None:
    """Forget registrations that ran out, end endless calls, write what a full disk refused, for ever."""
    tidied_at = board.now
    while True:
        await asyncio.sleep(HOUSE_SECONDS)
        try:
            _look_round(board)
            since = board.now - tidied_at
            if since > LATEST_TIDY_SECONDS or (since > TIDY_SECONDS and not board.calls):
                gc.collect()
                tidied_at = board.now
        except Exception:
            log.exception("a fault of ours while keeping house")


def _look_round(board: Switchboard) -> None:
    board.devices.expire()
    board.serving.renew()
    for call in list(board.calls.values()):
        with board.guard(call):
            if board.now - call.began > LONGEST_CALL_SECONDS and not call.closing:
                call.decide("call.too-long")
                call.end(by="system", detail="too-long")
    board.queues.look()
    board.arrivals.look()
    board.halls.ping()
    board.journal.retry()

"""The canary: a real call with sound both ways, every half minute, that decides what "healthy" means."""

from __future__ import annotations

import asyncio
import logging
import time

from carillon.sandbox.network import Armed, Network
from carillon.sandbox.phones import Result, Script
from carillon.sandbox.rtp import tone, tone_share
from carillon.schema.canary import ANSWERING, CALLED
from carillon.schema.commands import CanaryReport

log = logging.getLogger(__name__)

EVERY_SECONDS = 30.0
FIRST_AFTER_SECONDS = 1.0
AGAIN_AFTER_SECONDS = 3.0
"""After a failure the next call comes sooner, so that health returns as soon as it is there."""
TALK_SECONDS = 0.6
CALLER_HERTZ, CALLEE_HERTZ = 700.0, 1100.0
HEARD_SHARE = 0.6
CALLER = "+9990000000"


class Canary:
    """Sings, and remembers how the last song went."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self.report: CanaryReport | None = None

    async def sing_for_ever(self) -> None:
        """Place a canary call every half minute."""
        await asyncio.sleep(FIRST_AFTER_SECONDS)
        while True:
            report = await self.sing()
            if self.report is None or self.report.healthy != report.healthy:
                log.info("canary: %s", "healthy" if report.healthy else report.detail)
            self.report = report
            await asyncio.sleep(EVERY_SECONDS if report.healthy else AGAIN_AFTER_SECONDS)

    async def sing(self) -> CanaryReport:
        """Place one canary call and judge it."""
        # The far end stays until we hang up; its ear must hear the whole song.
        answering = Script(say=tone(CALLEE_HERTZ, 1.0), loop=True, stay_seconds=10.0)
        armed = Armed(answering, ring_seconds=0.02)
        self._network.arm(ANSWERING, armed)
        calling = Script(say=tone(CALLER_HERTZ, TALK_SECONDS), stay_seconds=0.1)
        result = await self._network.call(CALLED, CALLER, calling, ring_seconds=5.0)
        far: Result | None = None
        if result.status == 200:
            try:
                far = await asyncio.wait_for(armed.results.get(), 2.0)
            except TimeoutError:
                far = None
        return _judge(result, far)


def _judge(near: Result, far: Result | None) -> CanaryReport:
    heard_callee = tone_share(near.heard[1600:], CALLEE_HERTZ) > HEARD_SHARE
    # The far end hears the tone and then the silence after it: judge the part with the tone.
    heard = far.heard[: int(TALK_SECONDS * 8000)][800:] if far is not None else near.heard[:0]
    heard_caller = tone_share(heard, CALLER_HERTZ) > HEARD_SHARE
    if near.status != 200:
        detail = f"the call was not answered ({near.status or 'no answer'})"
    elif not heard_caller and not heard_callee:
        detail = "no sound in either direction"
    elif not heard_caller:
        detail = "the called side did not hear the caller"
    elif not heard_callee:
        detail = "the caller did not hear the called side"
    else:
        detail = ""
    return CanaryReport(
        at=time.time(),
        healthy=not detail,
        detail=detail,
        setup_ms=round((near.answered_after or 0.0) * 1000, 1),
        heard_caller=heard_caller,
        heard_callee=heard_callee,
    )

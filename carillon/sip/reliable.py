"""Provisional responses that have to be acknowledged (RFC 3262): our side of a call that reaches us.

One at a time: the next waits for the PRACK of the one before. The 200 waits too where that one described
the session, since only the PRACK settles what was described (§3, §5).
"""

from __future__ import annotations

from collections import deque
from functools import partial
from typing import TYPE_CHECKING

from carillon.sip.core import Core
from carillon.sip.errors import RemoteError
from carillon.sip.headers import sdp_of, supports
from carillon.sip.message import Headers, Message
from carillon.sip.outputs import Cancelled, OfferAnswered, Offered, Send
from carillon.sip.timers import LINGER, T1, Timer
from carillon.sip.transaction import Transaction

if TYPE_CHECKING:
    from carillon.sip.answering import Answering
    from carillon.sip.leg import Leg

MAX_WAITING = 8
OPTION = "100rel"
UNHEARD = 'SIP;cause=504;text="PRACK missing"'


class Reliable:
    """What one caller has to acknowledge. `sent` is what waits for its PRACK, `rseq` its number."""

    __slots__ = (
        "acceptance",
        "described",
        "interval",
        "offering",
        "required",
        "rseq",
        "sent",
        "settling",
        "timer",
        "until",
        "waiting",
    )

    def __init__(self, *, required: bool, offering: bool) -> None:
        self.required = required
        self.offering = offering
        self.rseq = 0
        self.sent: Send | None = None
        self.settling = False
        """Whether `sent` describes the session."""
        self.described = False
        self.waiting: deque[tuple[int, bytes, Headers]] = deque(maxlen=MAX_WAITING)
        self.acceptance: tuple[bytes, Headers] | None = None
        """The 200 that has to wait."""
        self.interval = self.until = 0.0
        self.timer: Timer | None = None

    def stop(self) -> None:
        """Repeat nothing more."""
        if self.timer is not None:
            self.timer.stop()


def reliable_of(request: Message) -> Reliable | None:
    """Return a beginning for an INVITE whose sender knows PRACK, None else."""
    required = supports(request, OPTION, "Require")
    if not required and not supports(request, OPTION):
        return None
    return Reliable(required=required, offering=not sdp_of(request))


class Provisionals:
    """Sends them, repeats them, takes their PRACK."""

    def __init__(self, core: Core, answering: Answering) -> None:
        self._core = core
        self._answering = answering

    def send(
        self, leg: Leg, mine: Reliable, status: int, sdp: bytes, headers: Headers, now: float
    ) -> None:
        """Send a provisional response when the ones before are acknowledged."""
        if mine.sent is not None or leg.offered is not None:
            mine.waiting.append((status, sdp, headers))
            return
        if leg.server is None:
            return
        # An offer is answered once; what is described later belongs into an UPDATE (§5).
        body = b"" if mine.described else sdp
        mine.rseq = mine.rseq + 1 or 1
        if mine.rseq == 1:
            mine.rseq = int(self._core.tokens()[:7], 16) + 1
        numbers = (("Require", OPTION), ("RSeq", str(mine.rseq)))
        data = self._core.respond(
            leg.server,
            status,
            now,
            headers=(*headers, *numbers),
            body=body,
            to_tag=leg.local_tag,
            described=True,
        )
        leg.described = body or leg.described
        mine.sent = Send(data, leg.server.flow)
        mine.settling = bool(body)
        mine.described = mine.described or mine.settling
        mine.until, mine.interval = now + LINGER, T1
        mine.timer = self._core.timers.start(now + T1, partial(self._repeat, leg, mine))

    def _repeat(self, leg: Leg, mine: Reliable, now: float) -> None:
        if mine.sent is None or leg.state != "incoming":
            return
        if now >= mine.until:
            self._answering.refuse(leg, 504, now, "", (("Reason", UNHEARD),))
            self._core.tell(Cancelled(leg.number, UNHEARD))
            return
        self._core.outputs.append(mine.sent)
        mine.interval *= 2
        at = min(now + mine.interval, mine.until)
        mine.timer = self._core.timers.start(at, partial(self._repeat, leg, mine))

    def acknowledged(
        self, leg: Leg, transaction: Transaction, request: Message, now: float
    ) -> None:
        """Take a PRACK; 481 when it acknowledges nothing that waits."""
        mine = leg.reliable
        if mine is None or mine.sent is None or not self._means(leg, mine, request):
            raise RemoteError(481)
        sdp, settling = sdp_of(request), mine.settling
        if sdp and (leg.offered or leg.offering or not (mine.described or mine.offering)):
            raise RemoteError(488)
        mine.stop()
        mine.sent, mine.settling = None, False
        if leg.dialog is not None and settling:
            leg.dialog.settled = True
        if sdp and not (settling and mine.offering):
            leg.offered = transaction
            self._core.tell(Offered(leg.number, sdp, "PRACK"))
            return
        self._core.respond(transaction, 200, now)
        if settling and mine.offering:
            self._core.tell(OfferAnswered(leg.number, sdp))
        self.advance(leg, now)

    @staticmethod
    def _means(leg: Leg, mine: Reliable, request: Message) -> bool:
        rack = (request.get("RAck") or "").split()
        if len(rack) != 3 or rack[0] != str(mine.rseq) or rack[2] != "INVITE":
            return False
        return rack[1] == leg.key[2].split()[0]

    def advance(self, leg: Leg, now: float) -> None:
        """Do what had to wait for a PRACK, or for our answer to the offer in it."""
        mine = leg.reliable
        if mine is None or mine.sent is not None or leg.offered is not None:
            return
        if mine.acceptance is not None:
            sdp, headers = mine.acceptance
            mine.acceptance = None
            self._answering.accept(leg, sdp, now, headers)
        elif mine.waiting and leg.state == "incoming":
            status, sdp, headers = mine.waiting.popleft()
            self.send(leg, mine, status, sdp, headers, now)

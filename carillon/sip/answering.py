"""Legs that call us: ring, accept, refuse, and their CANCEL (RFC 3261 §9.2, §13.3, RFC 3262)."""

from __future__ import annotations

from functools import partial

from carillon.sip.core import Core
from carillon.sip.dialog import Dialog
from carillon.sip.errors import RemoteError
from carillon.sip.headers import Via
from carillon.sip.leg import Leg, Legs, default_port, is_address
from carillon.sip.message import Headers, Message
from carillon.sip.outputs import Cancelled, InviteReceived
from carillon.sip.reliable import Provisionals, reliable_of
from carillon.sip.replaces import replaces_of
from carillon.sip.transaction import Transaction

REMIND = 60.0
"""Seconds after which a caller is told again that it rings."""


class Answering:
    """The server side of first INVITEs."""

    def __init__(self, core: Core, legs: Legs) -> None:
        self._core = core
        self._legs = legs
        self.provisionals = Provisionals(core, self)

    def receive(self, transaction: Transaction, request: Message, via: Via, now: float) -> None:
        """Take a first INVITE that has passed every check; `RemoteError` when it makes no dialog."""
        flow = transaction.flow
        replaces = replaces_of(request)
        self._legs.expiries.check(request)
        leg = self._legs.admit(request, flow)
        transaction.number = leg.number
        try:
            leg.dialog = Dialog.of_request(request, leg.local_tag)
        except RemoteError:
            self._legs.remove(leg, now)
            raise
        same = via.host == flow.host and (via.port or default_port(flow.transport)) == flow.port
        leg.direct = same or not is_address(via.host)
        leg.server = transaction
        leg.allow = request.headers.get("Allow")
        leg.reliable = reliable_of(request)
        self._core.respond(transaction, 100, now)
        self._core.tell(InviteReceived(leg.number, request, flow, replaces))

    def ring(
        self, leg: Leg, now: float, status: int, sdp: bytes, headers: Headers, reliable: bool
    ) -> None:
        """Send a provisional response; ignored after a final one."""
        if leg.state != "incoming" or leg.server is None or status <= 100:
            return
        mine = leg.reliable
        # One that need not be acknowledged must not overtake those that have to be (RFC 3262 §3).
        if mine is not None and (mine.required or reliable or mine.rseq):
            self.provisionals.send(leg, mine, status, sdp, tuple(headers), now)
        else:
            self._core.respond(
                leg.server,
                status,
                now,
                headers=headers,
                body=sdp,
                to_tag=leg.local_tag,
                described=True,
            )
            leg.described = sdp or leg.described
        if leg.timer is None:
            leg.timer = self._core.timers.start(now + REMIND, partial(self._ring_on, leg, status))

    def _ring_on(self, leg: Leg, status: int, now: float) -> None:
        # Proxies on the way give a silent INVITE three minutes (§13.3.1.1).
        if leg.state != "incoming" or leg.server is None:
            return
        if leg.reliable is not None and leg.reliable.rseq:
            # A repeated number would be taken for an echo.
            self.provisionals.send(leg, leg.reliable, status, b"", (), now)
        else:
            self._core.transactions.repeat(leg.server)
        leg.timer = self._core.timers.start(now + REMIND, partial(self._ring_on, leg, status))

    def accept(self, leg: Leg, sdp: bytes, now: float, headers: Headers) -> None:
        """Send 200, once a PRACK it has to wait for is here; ignored after a final response."""
        if leg.state != "incoming" or leg.server is None:
            return
        mine = leg.reliable
        if mine is not None:
            if (mine.sent is not None and mine.settling) or leg.offered is not None:
                mine.acceptance = sdp, tuple(headers)
                return
            mine.stop()
            if leg.dialog is not None and leg.dialog.settled:
                sdp = b""
        leg.state = "answered"
        if leg.timer is not None:
            leg.timer.stop()
            leg.timer = None
        self._legs.accept(leg, leg.server, sdp, now, headers)
        leg.server = None

    def refuse(self, leg: Leg, status: int, now: float, reason: str, headers: Headers) -> None:
        """Send a final refusal and forget the leg; ignored after a final response."""
        if leg.state != "incoming" or leg.server is None:
            return
        self._core.respond(
            leg.server, status, now, reason=reason, headers=headers, to_tag=leg.local_tag
        )
        self._legs.remove(leg, now)

    def cancel(self, invite: Transaction, request: Message, now: float) -> None:
        """Take a CANCEL of a first INVITE or of one within the call."""
        leg = self._legs.get(invite.number)
        if leg is None:
            return
        if leg.offered is invite:
            leg.offered = None
            self._core.respond(invite, 487, now)
        elif leg.state == "incoming":
            self.refuse(leg, 487, now, "", ())
            self._core.tell(Cancelled(leg.number, request.get("Reason") or ""))

"""The whole of SIP behind one facade: bytes and `now` in, bytes and events out.

After every call drain `next_output` until None, then wake `handle_timer` at `timer_at`. Nothing a peer
sends raises; an operation on a leg that has just gone does nothing, since the news may still be in the
queue. A leg the switch has hung up or refused tells it nothing more.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from carillon.sip.answering import Answering
from carillon.sip.calling import Calling, new_request
from carillon.sip.core import Asked, Core, add_headers
from carillon.sip.digest import Credentials
from carillon.sip.errors import LocalError, RemoteError
from carillon.sip.leg import Legs
from carillon.sip.message import Headers, Message
from carillon.sip.outputs import (
    Answered,
    Cancelled,
    Confirmed,
    Event,
    Failed,
    Flow,
    HungUp,
    Informed,
    InviteReceived,
    OfferAnswered,
    Offered,
    OfferRefused,
    Output,
    Progressed,
    RequestReceived,
    ResponseReceived,
    Send,
)
from carillon.sip.reception import Reception
from carillon.sip.session import Session

__all__ = [
    "Answered",
    "Cancelled",
    "Confirmed",
    "Credentials",
    "Endpoint",
    "Event",
    "Failed",
    "Flow",
    "HungUp",
    "Informed",
    "InviteReceived",
    "LocalError",
    "Message",
    "OfferAnswered",
    "OfferRefused",
    "Offered",
    "Output",
    "Progressed",
    "RemoteError",
    "RequestReceived",
    "ResponseReceived",
    "Send",
]


class Endpoint:
    """One SIP user agent with many calls.

    `host` and `port` are what Via and Contact say. `tokens()` returns a fresh random hex text each time, 64
    bits or more. Above `max_transactions` at work new calls get 503; calls that are up go on.
    """

    def __init__(
        self,
        *,
        host: str,
        port: int,
        tokens: Callable[[], str],
        product: str = "Carillon",
        max_transactions: int = 20000,
    ) -> None:
        self._core = Core(host, port, tokens, product, max_transactions)
        self._legs = Legs(self._core)
        self._calling = Calling(self._core, self._legs)
        self._answering = Answering(self._core, self._legs)
        self._session = Session(self._core, self._legs)
        self._reception = Reception(
            self._core, self._legs, self._answering, self._session, max_transactions
        )

    # Input and output

    def receive(self, data: bytes, flow: Flow, now: float) -> None:
        """Take one datagram or one framed message."""
        self._reception.receive(data, flow, now)

    def handle_timer(self, now: float) -> None:
        """Do what is due."""
        self._core.timers.fire(now)

    @property
    def timer_at(self) -> float | None:
        """When `handle_timer` is next wanted, None when nothing waits."""
        return self._core.timers.at

    def next_output(self) -> Output | None:
        """Return the next thing to send or to know, None when there is none."""
        outputs = self._core.outputs
        return outputs.popleft() if outputs else None

    def flow_failed(self, flow: Flow, now: float) -> None:
        """Learn that a flow broke: what waits for an answer over it gets 503."""
        self._core.transactions.fail(flow, now)

    # The server side of a leg

    def ring(
        self, leg: int, now: float, *, status: int = 180, sdp: bytes = b"", headers: Headers = ()
    ) -> None:
        """Send a provisional response."""
        if found := self._legs.get(leg):
            self._answering.ring(found, now, status, sdp, headers)

    def accept(self, leg: int, sdp: bytes, now: float, headers: Headers = ()) -> None:
        """Answer: 200, repeated until the ACK. `Confirmed` follows, or `HungUp` with "no-ack"."""
        if found := self._legs.get(leg):
            self._answering.accept(found, sdp, now, headers)

    def refuse(
        self, leg: int, status: int, now: float, *, reason: str = "", headers: Headers = ()
    ) -> None:
        """Refuse with a final response of 300 or more; the leg is gone."""
        if status < 300:
            raise LocalError(f"{status} is no refusal")
        if found := self._legs.get(leg):
            self._answering.refuse(found, status, now, reason, headers)

    # The client side of a leg

    def invite(
        self,
        to_uri: str,
        flow: Flow,
        now: float,
        *,
        from_: str,
        to: str | None = None,
        sdp: bytes,
        headers: Headers = (),
        credentials: Credentials | None = None,
    ) -> int:
        """Call somebody; `from_` and `to` are addresses without tag. Return the leg."""
        leg = self._calling.invite(
            to_uri,
            flow,
            now,
            from_=from_,
            to=f"<{to_uri}>" if to is None else to,
            sdp=sdp,
            headers=headers,
            credentials=credentials,
        )
        return leg.number

    # Either side

    def hang_up(
        self, leg: int, now: float, *, reason: str = "", status: int = 480, headers: Headers = ()
    ) -> None:
        """End a leg by CANCEL, BYE or refusal, whatever its state asks; no event of it follows.

        `reason` is the value of a Reason header; `status` and `headers` serve where nothing was answered yet.
        """
        found = self._legs.get(leg)
        if found is None or found.let_go:
            return
        found.farewell = reason
        if found.state == "incoming":
            every = [*headers, ("Reason", reason)] if reason else headers
            self._answering.refuse(found, status, now, "", every)
        elif found.state == "confirmed":
            self._legs.end(found, now)
        elif found.state == "answered":
            # No BYE before the ACK (RFC 3261 §15): it follows, or the 200 gives up.
            found.let_go = True
        else:
            self._calling.cancel(found, now)

    def reoffer(self, leg: int, sdp: bytes, now: float) -> None:
        """Offer a change by re-INVITE when it is our turn; `OfferAnswered` or `OfferRefused` follows."""
        if found := self._legs.get(leg):
            self._session.offer(found, sdp, now)

    def answer_offer(self, leg: int, sdp: bytes, now: float) -> None:
        """Accept their `Offered`; where they gave none, `sdp` is our offer and `OfferAnswered` follows."""
        if found := self._legs.get(leg):
            self._session.answer(found, sdp, now)

    def refuse_offer(self, leg: int, status: int, now: float) -> None:
        """Refuse their `Offered`, the call goes on as before."""
        if found := self._legs.get(leg):
            self._session.refuse(found, status, now)

    def inform(self, leg: int, content_type: str, body: bytes, now: float) -> None:
        """Send INFO within the call."""
        if found := self._legs.get(leg):
            self._session.inform(found, content_type, body, now)

    def leg_call_id(self, leg: int) -> str:
        """Return the Call-ID of a leg, "" when it is gone."""
        found = self._legs.get(leg)
        return found.call_id if found else ""

    def leg_flow(self, leg: int) -> Flow | None:
        """Return the flow of a leg, None when it is gone."""
        found = self._legs.get(leg)
        return found.flow if found else None

    @property
    def legs(self) -> int:
        """How many legs there are."""
        return len(self._legs)

    @property
    def transactions(self) -> int:
        """How many transactions are kept, those that only wait for echoes included."""
        return len(self._core.transactions)

    # Outside dialogs

    def request(
        self,
        method: str,
        uri: str,
        flow: Flow,
        now: float,
        *,
        from_: str,
        to: str,
        headers: Headers = (),
        body: bytes = b"",
        credentials: Credentials | None = None,
        call_id: str | None = None,
        cseq: int | None = None,
    ) -> int:
        """Send a request outside a dialog, not INVITE; `ResponseReceived` of the returned number follows."""
        core = self._core
        message = new_request(
            method, uri, from_, to, core.tokens(), call_id or core.tokens(), cseq or 1
        )
        if method in ("REGISTER", "SUBSCRIBE", "OPTIONS"):
            message.headers["Contact"] = [core.contact(flow)]
        add_headers(message, headers)
        message.body = body
        number = core.number()
        core.ask(message, flow, now, partial(self._responded, number), credentials=credentials)
        return number

    def respond(
        self,
        transaction: int,
        status: int,
        now: float,
        *,
        reason: str = "",
        headers: Headers = (),
        body: bytes = b"",
        tag: bool = True,
    ) -> None:
        """Respond to a `RequestReceived`; ignored when a final response went before."""
        self._reception.respond(transaction, status, now, reason, headers, body, tag)

    def _responded(
        self, number: int, asked: Asked, status: int, response: Message | None, now: float
    ) -> None:
        reason = response.reason if response else ""
        self._core.tell(ResponseReceived(number, status, reason, response))

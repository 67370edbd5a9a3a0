"""The whole of SIP behind one facade: bytes and `now` in, bytes and events out.

After every call drain `next_output` until None, then wake `handle_timer` at `timer_at`. Nothing a peer
sends raises; an operation on a leg that has just gone does nothing, since the news may still be in the
queue. A leg the switch has hung up or refused tells it nothing more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from carillon.sip.answering import Answering
from carillon.sip.calling import Calling, new_request
from carillon.sip.core import Asked, Core, add_headers
from carillon.sip.digest import Credentials
from carillon.sip.errors import LocalError, RemoteError
from carillon.sip.leg import Legs
from carillon.sip.message import Headers, Message
from carillon.sip.multipart import Part
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
    ReferralAnswered,
    ReferralProgressed,
    Referred,
    RequestReceived,
    ResponseReceived,
    Resubscribed,
    Send,
    Subscribed,
    SubscriptionEnded,
)
from carillon.sip.reception import Reception
from carillon.sip.replaces import Replaces
from carillon.sip.session import Session
from carillon.sip.subscriptions import Subscriptions
from carillon.sip.transfer import Transfers

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
    "ReferralAnswered",
    "ReferralProgressed",
    "Referred",
    "RemoteError",
    "Replaces",
    "RequestReceived",
    "ResponseReceived",
    "Resubscribed",
    "Send",
    "Subscribed",
    "SubscriptionEnded",
]


class Endpoint:
    """One SIP user agent with many calls.

    `host` and `port` are what Via and Contact say; `ports` where a transport has one of its own. `tokens()`
    returns a fresh random hex text each time, 64 bits or more. Above `max_transactions` at work new calls get
    503; calls that are up go on. Calls are to be refreshed every `session_seconds` (RFC 4028).
    """

    def __init__(
        self,
        *,
        host: str,
        port: int,
        tokens: Callable[[], str],
        ports: Mapping[str, int] | None = None,
        product: str = "Carillon",
        max_transactions: int = 20000,
        session_seconds: int = 1800,
        min_session_seconds: int = 90,
    ) -> None:
        every = {"udp": port, **(ports or {})}
        core = self._core = Core(host, every, tokens, product, max_transactions)
        legs = self._legs = Legs(core, session_seconds, min_session_seconds)
        self._answering = Answering(core, legs)
        self._transfers = Transfers(core, legs)
        self._session = Session(core, legs, self._answering, self._transfers)
        self._calling = Calling(core, legs, self._session)
        self._subscriptions = Subscriptions(core)
        self._reception = Reception(
            core, legs, self._answering, self._session, self._subscriptions, max_transactions
        )
        # What others do for the switch just as it is: see their docstrings.
        self.answer_referral = self._transfers.answer
        self.tell_referral = self._transfers.tell
        self.refer = self._transfers.refer
        self.accept_subscription = self._subscriptions.accept
        self.refuse_subscription = self._subscriptions.refuse
        self.notify = self._subscriptions.notify

    # Input and output

    def receive(self, data: bytes, flow: Flow, now: float) -> None:
        """Take one datagram or one framed message."""
        self._reception.receive(data, flow, now)

    def turn_away(self, data: bytes, flow: Flow, retry_after: int) -> bool:
        """Under too much load, ask this before `receive`: True when it was a new call, now answered 503."""
        return self._reception.turn_away(data, flow, retry_after)

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
        self._subscriptions.flow_failed(flow, now)

    def move_flow(self, old: Flow, new: Flow) -> None:
        """Reach the legs of a phone that lost its connection by the one it came back with. O(n)."""
        for leg in self._legs.every():
            flow = leg.flow
            if (flow.transport, flow.host, flow.port) == (old.transport, old.host, old.port):
                leg.flow = new

    # The server side of a leg

    def ring(
        self,
        leg: int,
        now: float,
        *,
        status: int = 180,
        sdp: bytes = b"",
        headers: Headers = (),
        reliable: bool = False,
    ) -> None:
        """Send a provisional response; one to be acknowledged where the caller asks for it.

        `reliable`: also where the caller merely can (RFC 3262). With `sdp` that settles the description for
        good: offers may follow before the answer, and the 200 describes nothing any more.
        """
        if found := self._legs.get(leg):
            self._answering.ring(found, now, status, sdp, headers, reliable)

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
        sdp: bytes,
        to: str | None = None,
        headers: Headers = (),
        credentials: Credentials | None = None,
        max_forwards: int = 70,
        patience: float = 0.0,
        part: Part | None = None,
    ) -> int:
        """Call somebody; `from_` and `to` are addresses without tag. Return the leg.

        `part` travels beside the description, for headers that name it.
        """
        leg = self._calling.invite(
            to_uri,
            flow,
            now,
            from_=from_,
            to=f"<{to_uri}>" if to is None else to,
            sdp=sdp,
            headers=headers,
            credentials=credentials,
            max_forwards=max_forwards,
            patience=patience,
            part=part,
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
        """Offer a change when it is our turn; `OfferAnswered` or `OfferRefused` follows.

        By re-INVITE; before the answer by UPDATE where they take it, else as soon as there is an answer.
        """
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

    def inform(
        self, leg: int, content_type: str, body: bytes, now: float, headers: Headers = ()
    ) -> None:
        """Send INFO within the call."""
        if found := self._legs.get(leg):
            self._session.inform(found, content_type, body, now, headers)

    def find_leg(self, call_id: str, local_tag: str, remote_tag: str) -> int | None:
        """Return the leg a dialog belongs to: of a `Replaces`, `to_tag` is local and `from_tag` remote."""
        found = self._legs.find(call_id, local_tag, remote_tag)
        return None if found is None or found.let_go else found.number

    def leg_state(self, leg: int) -> str:
        """Return calling, early or cancelling (we called), incoming or answered (they did), confirmed, ""."""
        found = self._legs.get(leg)
        return found.state if found else ""

    def leg_call_id(self, leg: int) -> str:
        """Return the Call-ID of a leg, "" when it is gone."""
        found = self._legs.get(leg)
        return found.call_id if found else ""

    def leg_names(self, leg: int) -> tuple[str, str, str] | None:
        """Return a leg's Call-ID, our tag and theirs ("" while unknown); None when it is gone."""
        found = self._legs.get(leg)
        if found is None:
            return None
        remote = found.dialog.remote_tag if found.dialog is not None else ""
        return found.call_id, found.local_tag, remote

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
        if method in ("REGISTER", "SUBSCRIBE", "NOTIFY", "OPTIONS"):
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

"""Everything from the wire: what it is, whether we take it, who gets it (RFC 3261 §8.2, §12.2.2, §17.2)."""

from __future__ import annotations

from carillon.sip.admission import (
    check_extensions,
    check_headers,
    check_outside,
    top_via,
    transaction_key,
)
from carillon.sip.answering import Answering
from carillon.sip.core import ALLOW, Core, add_headers
from carillon.sip.errors import RemoteError
from carillon.sip.headers import Via, parse_cseq, parse_via, tag_of
from carillon.sip.leg import Legs
from carillon.sip.message import Headers, Message, parse
from carillon.sip.outputs import Flow, RequestReceived, Send
from carillon.sip.session import Session
from carillon.sip.shedding import is_new_call, turn_away
from carillon.sip.subscriptions import Subscriptions
from carillon.sip.transaction import Key, Transaction

# Outside a dialog the switch decides about these; the rest makes sense only within one.
_SWITCH = frozenset(("REGISTER", "OPTIONS", "NOTIFY", "PUBLISH", "MESSAGE", "REFER"))
_OURS = frozenset(("INVITE", "SUBSCRIBE"))
_WITHIN = frozenset(("BYE", "UPDATE", "PRACK", "INFO"))


class Reception:
    """Sorts what arrives; remembers the requests the switch has still to respond to."""

    def __init__(
        self,
        core: Core,
        legs: Legs,
        answering: Answering,
        session: Session,
        subscriptions: Subscriptions,
        max_requests: int,
    ) -> None:
        self._core = core
        self._legs = legs
        self._answering = answering
        self._session = session
        self._subscriptions = subscriptions
        self._requests: dict[int, Transaction] = {}
        self._max_requests = max_requests
        self._stateless_tag = core.tokens()
        self._shed_tag = core.tokens().encode()

    def turn_away(self, data: bytes, flow: Flow, retry_after: int) -> bool:
        """Answer a new call 503 without reading it whole; say whether this was one, or its ACK.

        An INVITE repeated of a call that was taken is none.
        """
        if data.startswith(b"ACK "):
            return self._shed_tag in data
        if not is_new_call(data):
            return False
        found = turn_away(data, self._shed_tag, retry_after)
        if found is None or self._core.transactions.server(found[0]) is not None:
            return False
        self._core.outputs.append(Send(found[1], flow))
        return True

    def receive(self, data: bytes, flow: Flow, now: float) -> None:
        """Take one datagram or one framed message."""
        try:
            message = parse(data, framed=flow.transport != "udp")
        except RemoteError as error:
            if error.message is not None:
                self._refuse(error.message, error, flow)
            return
        try:
            if message.status:
                self._receive_response(message, now)
            else:
                self._receive_request(message, flow, now)
        except RemoteError as error:
            self._refuse(message, error, flow)

    def respond(
        self,
        transaction: int,
        status: int,
        now: float,
        reason: str,
        headers: Headers,
        body: bytes,
        tag: bool,
    ) -> None:
        """Respond for the switch to a request outside dialogs."""
        found = self._requests.get(transaction)
        if found is None or found.request is None:
            return
        to_tag = ""
        if tag and status > 100 and not tag_of(found.request.get("To")):
            to_tag = self._core.tokens()
        self._core.respond(
            found, status, now, reason=reason, headers=headers, body=body, to_tag=to_tag
        )
        if status >= 200:
            del self._requests[transaction]

    def _receive_response(self, response: Message, now: float) -> None:
        # A response with more than our own Via, or none, was meant for somebody else (§8.1.3.3).
        vias = response.all("Via")
        if len(vias) != 1:
            return
        check_headers(response)
        _, method = parse_cseq(response.headers["CSeq"][0])
        self._core.transactions.receive(response, parse_via(vias[0]).branch, method, now)

    def _receive_request(self, request: Message, flow: Flow, now: float) -> None:
        check_headers(request)
        via = top_via(request, flow)
        key = transaction_key(request, via)
        transaction = self._core.transactions.server(key)
        # The ACK of a 2xx belongs to the dialog, even where a careless peer repeats the branch.
        if transaction is not None and not (
            request.method == "ACK" and transaction.state == "accepted"
        ):
            self._core.transactions.echo(transaction, request.method, now)
        elif request.method == "CANCEL":
            self._cancel(request, (*key[:-1], "INVITE"), flow, now)
        elif tag_of(request.headers["To"][0]):
            self._receive_within(request, key, flow, now)
        else:
            self._receive_outside(request, key, via, flow, now)

    def _cancel(self, request: Message, key: Key, flow: Flow, now: float) -> None:
        invite = self._core.transactions.server(key)
        if invite is None:
            raise RemoteError(481)
        leg = self._legs.get(invite.number)
        tag = leg.local_tag if leg else self._stateless_tag
        self._send_stateless(request.response(200, to_tag=_missing_tag(request, tag)), flow)
        self._answering.cancel(invite, request, now)

    def _receive_within(self, request: Message, key: Key, flow: Flow, now: float) -> None:
        headers = request.headers
        local, remote = tag_of(headers["To"][0]), tag_of(headers["From"][0])
        call_id = headers["Call-ID"][0]
        leg = self._legs.find(call_id, local, remote)
        if request.method == "ACK":
            if leg is not None:
                self._session.acknowledged(leg, request, now)
            return
        subscription = None if leg else self._subscriptions.find(call_id, local, remote)
        if leg is None and subscription is None:
            raise RemoteError(481)
        check_extensions(request)
        transaction = self._core.transactions.serve(request, key, flow, now)
        try:
            if leg is not None:
                self._session.receive(leg, transaction, request, now)
            elif subscription is not None:
                self._subscriptions.receive_within(subscription, transaction, request, now)
        except RemoteError as error:
            self._core.respond(
                transaction, error.status, now, reason=error.reason, headers=error.headers
            )

    def _receive_outside(
        self, request: Message, key: Key, via: Via, flow: Flow, now: float
    ) -> None:
        method = request.method
        if method == "ACK":
            return
        check_outside(request)
        if method in _WITHIN:
            raise RemoteError(481)
        if method not in _OURS and method not in _SWITCH:
            raise RemoteError(501, headers=(("Allow", ALLOW),))
        check_extensions(request)
        if self._core.transactions.full:
            raise RemoteError(503, headers=(("Retry-After", "10"),))
        transaction = self._core.transactions.serve(request, key, flow, now)
        if method in _SWITCH:
            self._hand_over(transaction, request, flow)
            return
        try:
            if method == "INVITE":
                self._answering.receive(transaction, request, via, now)
            else:
                self._subscriptions.receive(transaction, request, now)
        except RemoteError as error:
            self._core.respond(
                transaction,
                error.status,
                now,
                reason=error.reason,
                headers=error.headers,
                to_tag=self._core.tokens(),
            )

    def _hand_over(self, transaction: Transaction, request: Message, flow: Flow) -> None:
        number = self._core.number()
        # What the switch never answered has long died on the wire; forget the oldest of it.
        if len(self._requests) >= self._max_requests:
            del self._requests[next(iter(self._requests))]
        transaction.number = number
        self._requests[number] = transaction
        self._core.tell(RequestReceived(number, request, flow))

    def _refuse(self, message: Message, error: RemoteError, flow: Flow) -> None:
        """Answer without a transaction (§8.2.7): nothing a stranger sends wrongly costs us memory."""
        if message.status or message.method == "ACK" or error.status < 300:
            return
        try:
            top_via(message, flow)
            tag = _missing_tag(message, self._stateless_tag)
            response = message.response(error.status, error.reason, to_tag=tag)
        except RemoteError:
            return
        add_headers(response, error.headers)
        self._send_stateless(response, flow)

    def _send_stateless(self, response: Message, flow: Flow) -> None:
        response.headers["Server"] = [self._core.product]
        self._core.send(response, flow)


def _missing_tag(request: Message, tag: str) -> str:
    to = request.get("To")
    try:
        return "" if to is None or tag_of(to) else tag
    except RemoteError:
        return ""

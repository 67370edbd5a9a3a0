"""What every part of an endpoint stands on: who we are, what waits, and what goes out."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from itertools import count

from carillon.sip.dialog import Dialog
from carillon.sip.digest import Credentials, answer_challenge
from carillon.sip.errors import LocalError
from carillon.sip.headers import parse_cseq
from carillon.sip.message import Headers, Message
from carillon.sip.names import header_name, is_token
from carillon.sip.outputs import Event, Flow, Output, Send
from carillon.sip.timers import Timers
from carillon.sip.transaction import Transaction, Transactions
from carillon.sip.uri import host_text

ALLOW = "INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, UPDATE, PRACK, REFER, NOTIFY, SUBSCRIBE"
SUPPORTED = "100rel, replaces, timer, norefersub"
OPTIONS = frozenset(SUPPORTED.split(", "))
TRANSPORTS = ("udp", "tcp", "tls", "ws", "wss")
MAX_TRIES = 3
MOST_BY_UDP = 1300
MOST_SHUNNED = 1000

Then = Callable[["Asked", int, Message | None, float], None]


class Asked:
    """A request of ours on its way, and what to do with its answer; asks again when it is challenged.

    `then(asked, status, response, now)` gets every response of an INVITE and the final one of others;
    the response is None for a made-up 408 or 503.
    """

    __slots__ = (
        "core",
        "credentials",
        "dialog",
        "direct",
        "flow",
        "message",
        "sent_by",
        "then",
        "transaction",
        "tries",
    )

    def __init__(
        self, core: Core, message: Message, flow: Flow, then: Then, credentials: Credentials | None
    ) -> None:
        self.core = core
        self.message = message
        self.flow = self.sent_by = flow
        self.then = then
        self.credentials = credentials
        self.dialog: Dialog | None = None
        self.direct = False
        """Whether the peer can be reached by another transport than the flow's."""
        self.tries = 0
        self.transaction: Transaction | None = None

    def send(self, now: float) -> None:
        """Send it in a new transaction."""
        self.tries += 1
        branch = self.core.branch()
        message, core, flow = self.message, self.core, self.flow
        message.headers["Via"] = [core.via(flow, branch)]
        data = message.write()
        if len(data) > MOST_BY_UDP and self.direct and flow.transport == "udp":
            # RFC 3261 §18.1.1: in fragments it would not pass every firewall.
            flow = core.larger_way(flow)
            message.headers["Via"] = [core.via(flow, branch)]
            data = message.write()
        self.sent_by = flow
        self.transaction = core.transactions.start(message, data, branch, flow, now, self)

    def answered(self, transaction: Transaction, response: Message, now: float) -> None:
        """Take a response from the transaction."""
        status = response.status
        if status in (401, 407) and self._answer(response):
            self.send(now)
        else:
            self.then(self, status, response, now)

    def unanswered(self, transaction: Transaction, status: int, now: float) -> None:
        """Take the news that no response will come; where the flow was our choice, take theirs."""
        if status == 503 and self.sent_by != self.flow and transaction.fresh:
            self.core.shun(self.sent_by)
            self.send(now)
            return
        self.then(self, status, None, now)

    def _answer(self, response: Message) -> bool:
        if self.credentials is None or self.tries >= MAX_TRIES:
            return False
        asking, answering = (
            ("WWW-Authenticate", "Authorization")
            if response.status == 401
            else ("Proxy-Authenticate", "Proxy-Authorization")
        )
        message = self.message
        value = answer_challenge(
            response.all(asking),
            self.credentials,
            message.method,
            message.uri,
            cnonce=self.core.tokens(),
            body=message.body,
            refused=message.get(answering),
        )
        if value is None:
            return False
        self._change({answering: value})
        return True

    def again(self, headers: Mapping[str, str], now: float) -> bool:
        """Ask again with other headers; False when it was asked too often."""
        if self.tries >= MAX_TRIES:
            return False
        self._change(headers)
        self.send(now)
        return True

    def _change(self, headers: Mapping[str, str]) -> None:
        message = self.message
        number = parse_cseq(message.headers["CSeq"][0])[0] + 1
        if self.dialog is not None:
            number = self.dialog.next_cseq()
        again = Message(method=message.method, uri=message.uri, body=message.body)
        # The refused transaction still holds the old message for its echoes.
        again.headers = dict(message.headers)
        again.headers["CSeq"] = [f"{number} {message.method}"]
        again.headers.update((name, [value]) for name, value in headers.items())
        self.message = again


class Core:
    """Our identity, the clockwork, the transactions and the outgoing queue."""

    def __init__(
        self,
        host: str,
        ports: Mapping[str, int],
        tokens: Callable[[], str],
        product: str,
        max_transactions: int,
    ) -> None:
        self._vias: dict[str, str] = {}
        self._contacts: dict[str, str] = {}
        self._described: dict[str, dict[str, list[str]]] = {}
        for transport in TRANSPORTS:
            self._name(transport, f"{host_text(host)}:{ports.get(transport, ports['udp'])}")
        self.tokens = tokens
        self.product = product
        self.timers = Timers()
        self.outputs: deque[Output] = deque()
        self.transactions = Transactions(self.timers, self.outputs, max_transactions)
        self._numbers = count(1)
        self._shunned: dict[Flow, None] = {}

    def _name(self, transport: str, sent_by: str) -> None:
        # RFC 3581: always with rport. RFC 7118 §5: a URI has one word for WebSockets, secured or not.
        self._vias[transport] = f"SIP/2.0/{transport.upper()} {sent_by};rport;branch="
        way = "" if transport == "udp" else f";transport={transport.replace('wss', 'ws')}"
        self._contacts[transport] = f"<sip:{sent_by}{way}>"
        self._described[transport] = {
            "Contact": [self._contacts[transport]],
            "Allow": [ALLOW],
            "Supported": [SUPPORTED],
            "Content-Type": ["application/sdp"],
        }

    def number(self) -> int:
        """Return a new name for a leg or a transaction."""
        return next(self._numbers)

    def branch(self) -> str:
        """Return a new branch."""
        return f"z9hG4bK{self.tokens()}"

    def via(self, flow: Flow, branch: str) -> str:
        """Return our Via for requests over a flow."""
        return self._vias[flow.transport] + branch

    def contact(self, flow: Flow) -> str:
        """Return our Contact, reachable by the transport of a flow."""
        return self._contacts[flow.transport]

    def describe(self, message: Message, flow: Flow, sdp: bytes) -> None:
        """Write a session description, and what goes with one or with none in its place."""
        message.headers.update(self._described[flow.transport])
        message.body = sdp
        if not sdp:
            del message.headers["Content-Type"]

    def larger_way(self, flow: Flow) -> Flow:
        """Return TCP to the same peer, unless it is known to take none."""
        tcp = Flow("tcp", flow.host, flow.port)
        return flow if tcp in self._shunned else tcp

    def shun(self, flow: Flow) -> None:
        """Remember a peer that could not be reached so, the oldest of them not for ever."""
        self._shunned[flow] = None
        if len(self._shunned) > MOST_SHUNNED:
            del self._shunned[next(iter(self._shunned))]

    def tell(self, event: Event) -> None:
        """Hand an event to the switch."""
        self.outputs.append(event)

    def send(self, message: Message, flow: Flow) -> Send:
        """Send a message outside any transaction; return what was sent, to be sent again."""
        sent = Send(message.write(), flow)
        self.outputs.append(sent)
        return sent

    def ask(
        self,
        message: Message,
        flow: Flow,
        now: float,
        then: Then,
        *,
        credentials: Credentials | None = None,
        dialog: Dialog | None = None,
        direct: bool = False,
    ) -> Asked:
        """Send a request; `then` learns the outcome. `direct`: a large one may go by TCP instead of UDP."""
        message.headers.setdefault("User-Agent", [self.product])
        asked = Asked(self, message, flow, then, credentials)
        asked.dialog = dialog
        asked.direct = direct
        asked.send(now)
        return asked

    def respond(
        self,
        transaction: Transaction,
        status: int,
        now: float,
        *,
        reason: str = "",
        headers: Headers = (),
        body: bytes = b"",
        to_tag: str = "",
        described: bool = False,
    ) -> bytes:
        """Respond to a request; return the bytes. b"" when it was answered before.

        `described`: the body is our session description, or its place (`describe`).
        """
        request = transaction.request
        if request is None:
            return b""
        response = request.response(status, reason, to_tag=to_tag)
        response.headers["Server"] = [self.product]
        if described:
            self.describe(response, transaction.flow, body)
            add_headers(response, headers)
        else:
            add_headers(response, headers)
            response.body = body
            if not body:
                response.headers.pop("Content-Type", None)
        return self.transactions.respond(transaction, response, now)


_OURS = frozenset(
    (
        "Via",
        "From",
        "To",
        "Call-ID",
        "CSeq",
        "Max-Forwards",
        "Record-Route",
        "Content-Length",
    )
)


def add_headers(message: Message, headers: Headers) -> None:
    """Add the switch's headers; `LocalError` for one that is the endpoint's own affair."""
    added: set[str] = set()
    for name, value in headers:
        known = header_name(name)
        if not is_token(name):
            raise LocalError(f"{name!r} is no header name")
        if known in _OURS:
            raise LocalError(f"the endpoint writes {known}")
        # The first of a name replaces our default, the following join it.
        if known not in added:
            message.headers[known] = []
            added.add(known)
        message.headers[known].append(value)

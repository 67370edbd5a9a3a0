"""Legs: what is remembered of a call's parties, the way their requests take, and how they end."""

from __future__ import annotations

from functools import partial
from ipaddress import ip_address
from typing import TYPE_CHECKING

from carillon.sip.core import Asked, Core, Then
from carillon.sip.dialog import Dialog
from carillon.sip.digest import Credentials
from carillon.sip.errors import LocalError, RemoteError
from carillon.sip.expiry import Expiries, Expiry
from carillon.sip.headers import parse_cseq, sdp_of, tag_of
from carillon.sip.message import Headers, Message
from carillon.sip.outputs import Flow, HungUp, Send
from carillon.sip.timers import LINGER, T1, T2, Timer
from carillon.sip.transaction import Transaction
from carillon.sip.uri import Uri, parse_uri

if TYPE_CHECKING:
    from carillon.sip.reliable import Reliable
    from carillon.sip.transfer import Referral

MAX_FORKS = 16
_DIGITS = frozenset("0123456789.")


class Accepted:
    """A 2xx of ours that waits for its ACK, repeated until then (RFC 3261 §13.3.1.4)."""

    __slots__ = ("cseq", "interval", "offering", "sent", "started", "timer")

    def __init__(self, sent: Send, cseq: int, started: float, offering: bool) -> None:
        self.sent = sent
        self.cseq = cseq
        self.started = started
        self.offering = offering
        self.interval = 0.0
        self.timer: Timer | None = None

    def stop(self) -> None:
        """Repeat it no more."""
        if self.timer is not None:
            self.timer.stop()


class Leg:
    """One INVITE usage, from the first INVITE to the end.

    `state`: calling, early, cancelling (we called); incoming, answered (they called); confirmed; gone.
    `let_go`: the switch has hung up and is told nothing more.
    """

    __slots__ = (
        "accepted",
        "allow",
        "asked",
        "call_id",
        "caller",
        "credentials",
        "described",
        "dialog",
        "direct",
        "expiry",
        "farewell",
        "flow",
        "forks",
        "key",
        "let_go",
        "local_tag",
        "number",
        "offered",
        "offering",
        "postponed",
        "referrals",
        "referring",
        "reliable",
        "retried",
        "server",
        "state",
        "timer",
    )

    def __init__(self, number: int, state: str, call_id: str, local_tag: str, flow: Flow) -> None:
        self.number = number
        self.state = state
        self.caller = state == "calling"
        self.call_id = call_id
        self.local_tag = local_tag
        self.flow = flow
        self.key = ("", "", "")
        self.direct = True
        self.dialog: Dialog | None = None
        self.asked: Asked | None = None
        """Our first INVITE, while it has no final response."""
        self.server: Transaction | None = None
        """Their first INVITE."""
        self.offered: Transaction | None = None
        """Their INVITE or UPDATE that the switch has to answer."""
        self.offering: Asked | None = None
        """Our INVITE within the call that waits for its answer."""
        self.postponed: bytes | None = None
        """Our offer that has to wait for its turn."""
        self.accepted: Accepted | None = None
        self.credentials: Credentials | None = None
        self.allow: list[str] | None = None
        """What they say they take."""
        self.described = b""
        """The last session description we gave them."""
        self.expiry: Expiry | None = None
        self.forks: dict[str, Dialog] | None = None
        """Every early dialog by their tag, once there is more than one; `dialog` is who spoke last."""
        self.referrals: dict[int, Referral] | None = None
        self.referring = False
        """Whether a REFER of ours may still bring news."""
        self.reliable: Reliable | None = None
        self.farewell = ""
        self.let_go = False
        self.retried = False
        self.timer: Timer | None = None

    def allows(self, method: str) -> bool:
        """Whether the far end has said that it takes a method."""
        return any(method in text.upper() for text in self.allow or ())

    def turn_to(self, remote_tag: str) -> None:
        """Go on with the early dialog that a request or response belongs to."""
        if self.forks is not None:
            self.dialog = self.forks.get(remote_tag, self.dialog)

    def way(self, dialog: Dialog | None = None) -> Flow:
        """Return the flow for the next request within the dialog.

        A peer that told its true address is reached where its Contact or the first Route says; one behind
        NAT, or named by a host name (we ask no DNS here) or by its GRUU (RFC 5627: a name the registrar
        knows, which says nothing of where it is), where it was reached before.
        """
        dialog = dialog or self.dialog
        # Nobody can call a browser back (RFC 7118 §5).
        if not self.direct or dialog is None or self.flow.transport in ("ws", "wss"):
            return self.flow
        try:
            uri = parse_uri(dialog.next_hop())
        except RemoteError:
            return self.flow
        if not is_address(uri.host) or "gr" in uri.params:
            return self.flow
        usual = "tls" if uri.scheme == "sips" else "udp"
        transport = uri.params.get("transport", usual).lower()
        same = uri.host == self.flow.host
        if same and (self.flow.connection or transport == self.flow.transport != "udp"):
            return self.flow
        if transport not in ("udp", "tcp", "tls") or (
            not same and hidden(uri.host, self.flow.host)
        ):
            return self.flow
        return Flow(transport, uri.host, uri.port or default_port(transport))


def default_port(transport: str) -> int:
    """Return the port of a SIP address that names none."""
    return 5061 if transport == "tls" else 5060


def is_address(host: str) -> bool:
    """Tell an IP address from a host name."""
    return ":" in host or (host.count(".") == 3 and _DIGITS.issuperset(host))


def hidden(host: str, seen: str) -> bool:
    """Whether an address is of a private network that the one we see is not part of."""
    try:
        return ip_address(host).is_private and not ip_address(seen).is_private
    except ValueError:
        return True


def is_direct(uri: Uri, flow: Flow) -> bool:
    """Whether a peer's own idea of its address agrees with the flow that reaches it."""
    port = uri.port or default_port(flow.transport)
    return not is_address(uri.host) or (uri.host == flow.host and port == flow.port)


class Legs:
    """All legs, by our number and by dialog."""

    def __init__(self, core: Core, session_seconds: int, min_session_seconds: int) -> None:
        self.core = core
        self.expiries = Expiries(core.timers, self._expire, session_seconds, min_session_seconds)
        self.referrals: dict[int, Referral] = {}
        self._by_number: dict[int, Leg] = {}
        self._by_dialog: dict[tuple[str, str], Leg] = {}
        self._by_invite: dict[tuple[str, str, str], Leg] = {}

    def __len__(self) -> int:
        return len(self._by_number)

    def add(self, state: str, call_id: str, flow: Flow) -> Leg:
        """Make a leg with a tag of its own."""
        leg = Leg(self.core.number(), state, call_id, self.core.tokens(), flow)
        self._by_number[leg.number] = leg
        self._by_dialog[call_id, leg.local_tag] = leg
        return leg

    def get(self, number: int) -> Leg | None:
        """Return a leg by number; None when it is gone, which the switch may not know yet."""
        return self._by_number.get(number)

    def every(self) -> list[Leg]:
        """Return them all."""
        return list(self._by_number.values())

    def find(self, call_id: str, local_tag: str, remote_tag: str) -> Leg | None:
        """Return the leg a request within a dialog belongs to (§12.2.2)."""
        leg = self._by_dialog.get((call_id, local_tag))
        if leg is None or leg.dialog is None:
            return None
        if leg.dialog.remote_tag == remote_tag:
            return leg
        return leg if leg.forks is not None and remote_tag in leg.forks else None

    def admit(self, request: Message, flow: Flow) -> Leg:
        """Make the leg of an INVITE; 482 when it is here already by another way (§8.2.2.2)."""
        call_id = request.headers["Call-ID"][0]
        key = (call_id, tag_of(request.headers["From"][0]), request.headers["CSeq"][0])
        if key in self._by_invite:
            raise RemoteError(482)
        leg = self.add("incoming", call_id, flow)
        leg.key = key
        self._by_invite[key] = leg
        return leg

    def remove(self, leg: Leg, now: float) -> None:
        """Forget a leg; what still waits for our answer gets 487."""
        leg.state = "gone"
        leg.asked = leg.server = None
        self._by_number.pop(leg.number, None)
        self._by_dialog.pop((leg.call_id, leg.local_tag), None)
        self._by_invite.pop(leg.key, None)
        if leg.accepted is not None:
            leg.accepted.stop()
        if leg.timer is not None:
            leg.timer.stop()
        if leg.reliable is not None:
            leg.reliable.stop()
        self.expiries.stop(leg)
        if leg.offered is not None:
            self.core.respond(leg.offered, 487, now)
            leg.offered = None
        for number in leg.referrals or ():
            referral = self.referrals.pop(number)
            if referral.asked is not None:
                self.core.respond(referral.asked, 487, now)
        leg.referrals = None

    def _expire(self, leg: Leg, now: float) -> None:
        self.end(leg, now, reason='SIP;cause=408;text="Session expired"', told="expired")

    def bye(self, leg: Leg, now: float, reason: str = "", *, dialog: Dialog | None = None) -> None:
        """Send BYE; what comes of it is nobody's concern any more."""
        dialog = dialog or leg.dialog
        if dialog is None:
            raise LocalError("a BYE outside a dialog")
        message = dialog.request("BYE")
        if reason:
            message.headers["Reason"] = [reason]
        way = leg.way(dialog)
        self.core.ask(message, way, now, ignore, credentials=leg.credentials, dialog=dialog)

    def end(self, leg: Leg, now: float, *, reason: str = "", told: str = "") -> None:
        """Send BYE and forget the leg; `told` goes to the switch unless it has let go."""
        self.bye(leg, now, reason or leg.farewell)
        self.remove(leg, now)
        if told and not leg.let_go:
            self.core.tell(HungUp(leg.number, told))

    def ask(self, leg: Leg, message: Message, now: float, then: Then) -> Asked:
        """Send a request within the leg's dialog."""
        way = leg.way()
        return self.core.ask(
            message,
            way,
            now,
            then,
            credentials=leg.credentials,
            dialog=leg.dialog,
            direct=leg.direct,
        )

    def acknowledge(self, leg: Leg, dialog: Dialog, asked: Asked, response: Message) -> bool:
        """Send the ACK of a 2xx, again when it was sent before; tell whether this 2xx is new."""
        transaction = asked.transaction
        if transaction is None:
            return False
        tag = tag_of(response.get("To"))
        sent = transaction.acks.get(tag)
        if sent is not None:
            self.core.outputs.append(sent)
            return False
        if len(transaction.acks) >= MAX_FORKS:
            return False
        ack = dialog.request("ACK", parse_cseq(response.headers["CSeq"][0])[0])
        proof: dict[str, list[str]] = {
            name: asked.message.headers[name]
            for name in ("Authorization", "Proxy-Authorization")
            if name in asked.message.headers
        }
        ack.headers.update(proof)
        ack.headers["Via"] = [self.core.via(leg.way(dialog), self.core.branch())]
        transaction.acks[tag] = self.core.send(ack, leg.way(dialog))
        # The transaction waits half a minute for echoes and other forks: of the INVITE they need no more.
        asked.message = Message(method=asked.message.method, uri=asked.message.uri)
        asked.message.headers = proof
        return True

    def accept(
        self, leg: Leg, transaction: Transaction, sdp: bytes, now: float, headers: Headers = ()
    ) -> None:
        """Answer an INVITE with 200, repeated until the ACK (§13.3.1.4); without one the leg ends."""
        request = transaction.request
        if request is None:
            return
        offering = bool(sdp) and not sdp_of(request)
        number = parse_cseq(request.headers["CSeq"][0])[0]
        data = self.core.respond(
            transaction,
            200,
            now,
            headers=(*self.expiries.answer(leg, request, now), *headers),
            body=sdp,
            to_tag=self.to_tag(leg, request),
            described=True,
        )
        leg.described = sdp or leg.described
        accepted = Accepted(Send(data, transaction.flow), number, now, offering)
        leg.accepted = accepted
        accepted.interval = T1
        accepted.timer = self.core.timers.start(now + T1, partial(self._repeat, leg, accepted))

    def _repeat(self, leg: Leg, accepted: Accepted, now: float) -> None:
        if now - accepted.started >= LINGER:
            leg.accepted = None
            self.end(leg, now, reason='SIP;cause=408;text="ACK missing"', told="no-ack")
            return
        self.core.outputs.append(accepted.sent)
        accepted.interval = min(accepted.interval * 2, T2)
        at = now + accepted.interval
        accepted.timer = self.core.timers.start(at, partial(self._repeat, leg, accepted))

    @staticmethod
    def to_tag(leg: Leg, request: Message) -> str:
        """Return the tag a response of ours has to add: none where the request brought it."""
        return "" if tag_of(request.headers["To"][0]) else leg.local_tag


def ignore(asked: Asked, status: int, response: Message | None, now: float) -> None:
    """Take an answer nobody waits for."""

"""Legs we call: INVITE, its provisional and final responses, CANCEL (RFC 3261 §9.1, §13.2, RFC 3262)."""

from __future__ import annotations

from functools import partial

from carillon.sip.core import SUPPORTED, Asked, Core, add_headers
from carillon.sip.dialog import Dialog
from carillon.sip.digest import Credentials
from carillon.sip.errors import LocalError, RemoteError
from carillon.sip.headers import parse_cseq, parse_name_addr, sdp_of, supports, tag_of
from carillon.sip.leg import MAX_FORKS, Leg, Legs, ignore, is_direct
from carillon.sip.message import Headers, Message
from carillon.sip.multipart import Part, attach
from carillon.sip.outputs import Answered, Failed, Flow, Progressed
from carillon.sip.session import Session
from carillon.sip.timers import LINGER
from carillon.sip.transaction import Transaction
from carillon.sip.uri import parse_uri

MAX_CONTACTS = 10


class Calling:
    """The client side of first INVITEs."""

    def __init__(self, core: Core, legs: Legs, session: Session) -> None:
        self._core = core
        self._legs = legs
        self._session = session

    def invite(
        self,
        to_uri: str,
        flow: Flow,
        now: float,
        *,
        from_: str,
        to: str,
        sdp: bytes,
        headers: Headers,
        credentials: Credentials | None,
        max_forwards: int,
        patience: float,
        part: Part | None = None,
    ) -> Leg:
        """Send a first INVITE; no answer at all within `patience` seconds is 408 (0: timer B)."""
        try:
            direct = is_direct(parse_uri(to_uri), flow)
        except RemoteError as error:
            raise LocalError(f"cannot call {to_uri!r}") from error
        leg = self._legs.add("calling", self._core.tokens(), flow)
        leg.direct = direct
        leg.credentials = credentials
        leg.described = sdp
        message = new_request("INVITE", to_uri, from_, to, leg.local_tag, leg.call_id, 1)
        message.headers["Max-Forwards"] = [str(max_forwards)]
        then = partial(self._responded, leg)
        try:
            self._core.describe(message, flow, sdp)
            if part is not None:
                attach(message, part, f"part-{self._core.tokens()}")
            if not sdp:
                # An offer of theirs that had to be answered in a PRACK is more than we can do.
                message.headers["Supported"] = [SUPPORTED.removeprefix("100rel, ")]
            message.headers.update(self._legs.expiries.wish(leg))
            add_headers(message, headers)
            leg.asked = self._core.ask(
                message, flow, now, then, credentials=credentials, direct=direct
            )
        except LocalError:
            self._legs.remove(leg, now)
            raise
        if patience:
            self._core.timers.start(now + patience, partial(self._unanswered, leg))
        return leg

    def _unanswered(self, leg: Leg, now: float) -> None:
        # Not even 100 Trying: nobody is there, and another way may be open.
        if leg.state == "calling" and leg.asked is not None:
            if leg.asked.transaction is not None:
                self._core.transactions.give_up(leg.asked.transaction, now)
            self._failed(leg, 408, None, now)

    def cancel(self, leg: Leg, now: float) -> None:
        """Call it off: now when a provisional response came, else as soon as one comes (§9.1)."""
        leg.let_go = True
        asked = leg.asked
        if asked is None or asked.transaction is None or leg.state == "cancelling":
            return
        # A challenge that is still to come ends the call as well as a 487.
        asked.credentials = None
        if asked.transaction.state != "proceeding":
            return
        leg.state = "cancelling"
        invite = asked.message
        message = Message(method="CANCEL", uri=invite.uri)
        for name in ("Via", "Max-Forwards", "Route", "From", "To", "Call-ID"):
            if name in invite.headers:
                message.headers[name] = invite.headers[name]
        number = parse_cseq(invite.headers["CSeq"][0])[0]
        message.headers["CSeq"] = [f"{number} CANCEL"]
        if leg.farewell:
            message.headers["Reason"] = [leg.farewell]
        branch = asked.transaction.key[0]
        data = message.write()
        self._core.transactions.start(message, data, branch, asked.sent_by, now, _Nobody())
        leg.timer = self._core.timers.start(now + LINGER, partial(self._unheard, leg))

    def _unheard(self, leg: Leg, now: float) -> None:
        # A CANCEL without effect for this long will have none (§9.1).
        if leg.asked is not None and leg.asked.transaction is not None:
            self._core.transactions.give_up(leg.asked.transaction, now)
        self._legs.remove(leg, now)

    def _responded(
        self, leg: Leg, asked: Asked, status: int, response: Message | None, now: float
    ) -> None:
        try:
            if status == 422 and self._try_longer(leg, asked, response, now):
                return
            if response is None or status >= 300:
                self._failed(leg, status, response, now)
            elif status >= 200:
                self._answered(leg, asked, response, now)
            elif leg.state in ("calling", "early"):
                self._progressed(leg, asked, response, now)
        except RemoteError:
            # A provisional response we cannot follow is as good as none; such an answer ends it.
            if status >= 200:
                self._failed(leg, 502, None, now)

    def _try_longer(self, leg: Leg, asked: Asked, response: Message | None, now: float) -> bool:
        # RFC 4028 §7.3: with an interval their side can live with.
        if response is None or leg.let_go or leg.state == "gone":
            return False
        seconds = self._legs.expiries.longer(response)
        if seconds is None:
            return False
        return asked.again({"Session-Expires": str(seconds), "Min-SE": str(seconds)}, now)

    def _failed(self, leg: Leg, status: int, response: Message | None, now: float) -> None:
        if leg.state == "gone":
            return
        self._legs.remove(leg, now)
        if leg.let_go:
            return
        if response is None:
            self._core.tell(Failed(leg.number, status, "", None))
            return
        contacts = contacts_of(response) if 300 <= status < 400 else ()
        cause = response.get("Reason") or ""
        self._core.tell(Failed(leg.number, status, response.reason, response, cause, contacts))

    def _progressed(self, leg: Leg, asked: Asked, response: Message, now: float) -> None:
        leg.state = "early"
        if leg.let_go:
            self.cancel(leg, now)
            return
        if response.status == 100:
            return
        self._fork(leg, asked, response)
        sdp = sdp_of(response)
        if not self._acknowledge_provisional(leg, response, sdp, now):
            return
        leg.allow = response.headers.get("Allow", leg.allow)
        if leg.dialog is not None and not leg.dialog.settled:
            leg.dialog.early_sdp = sdp or leg.dialog.early_sdp
        event = Progressed(leg.number, response.status, response.reason, sdp, response)
        self._core.tell(event)
        self._session.next_offer(leg, now)

    @staticmethod
    def _fork(leg: Leg, asked: Asked, response: Message) -> None:
        """Turn to the early dialog a response belongs to, perhaps a new one (§12.1, §13.2.2.4)."""
        tag = tag_of(response.get("To"))
        if not tag or (leg.dialog is not None and leg.dialog.remote_tag == tag):
            return
        if leg.forks is None or tag not in leg.forks:
            dialog = Dialog.of_response(response, asked.message.uri)
            if leg.dialog is None:
                leg.dialog = dialog
                return
            leg.forks = leg.forks or {leg.dialog.remote_tag: leg.dialog}
            if len(leg.forks) >= MAX_FORKS:
                raise RemoteError(500)
            leg.forks[tag] = dialog
        leg.turn_to(tag)

    def _acknowledge_provisional(self, leg: Leg, response: Message, sdp: bytes, now: float) -> bool:
        """Send the PRACK a response asks for; False when it is an echo, or one before it is missing."""
        if not supports(response, "100rel", "Require"):
            return True
        rseq = (response.get("RSeq") or "").strip(" \t")
        dialog = leg.dialog
        if dialog is None or not rseq.isascii() or not rseq.isdigit() or len(rseq) > 10:
            return True
        if not int(rseq):
            return False
        if dialog.rseq and int(rseq) != dialog.rseq + 1:
            return False
        dialog.rseq = int(rseq)
        message = dialog.request("PRACK")
        message.headers["RAck"] = [f"{rseq} {response.headers['CSeq'][0]}"]
        self._legs.ask(leg, message, now, ignore)
        if sdp and leg.described and not dialog.settled:
            dialog.early_sdp, dialog.settled = sdp, True
        return True

    def _answered(self, leg: Leg, asked: Asked, response: Message, now: float) -> None:
        first = leg.state in ("calling", "early", "cancelling")
        dialog = Dialog.of_response(response, asked.message.uri)
        leg.turn_to(dialog.remote_tag)
        early, sdp = leg.dialog, sdp_of(response)
        if early is not None and early.remote_tag == dialog.remote_tag:
            # The route set is that of the 2xx (§13.2.2.4); the count goes on over what a PRACK has used.
            dialog.local_cseq = max(dialog.local_cseq, early.local_cseq)
            dialog.remote_cseq = early.remote_cseq
            # What was settled before the answer is not described once more (§13.2.1).
            sdp = early.early_sdp if early.settled else sdp or early.early_sdp
        if not self._legs.acknowledge(leg, dialog, asked, response):
            return
        if not first:
            # A second fork answered as well: it gets its ACK and is sent away.
            self._legs.bye(leg, now, dialog=dialog)
            return
        leg.dialog = dialog
        leg.state = "confirmed"
        leg.asked = leg.forks = None
        leg.allow = response.headers.get("Allow", leg.allow)
        if leg.timer is not None:
            leg.timer.stop()
        if leg.let_go:
            # Our CANCEL crossed their answer.
            self._legs.end(leg, now)
            return
        self._legs.expiries.agreed(leg, response, now)
        self._core.tell(Answered(leg.number, sdp, response))
        self._session.next_offer(leg, now)


def contacts_of(response: Message) -> tuple[str, ...]:
    """Return the URIs a 3xx names, the best first (§8.1.3.4, §20.10)."""
    found: list[tuple[float, str]] = []
    for text in response.all("Contact")[:MAX_CONTACTS]:
        try:
            contact = parse_name_addr(text)
            parse_uri(contact.uri)
        except RemoteError:
            continue
        found.append((-_quality(contact.params.get("q", "")), contact.uri))
    return tuple(uri for _, uri in sorted(found, key=lambda pair: pair[0]))


def _quality(text: str) -> float:
    whole, _, part = text.partition(".")
    if whole not in ("0", "1") or (part and not (part.isascii() and part.isdigit())):
        return 1.0
    return min(1.0, float(f"{whole}.{part[:3] or 0}"))


class _Nobody:
    """Who waits for the answer to a CANCEL."""

    def answered(self, transaction: Transaction, response: Message, now: float) -> None:
        """Take it."""

    def unanswered(self, transaction: Transaction, status: int, now: float) -> None:
        """Take none."""


def new_request(
    method: str, uri: str, from_: str, to: str, tag: str, call_id: str, cseq: int
) -> Message:
    """Start a request outside a dialog; `from_` and `to` are addresses without tag."""
    message = Message(method=method, uri=uri)
    message.headers["Via"] = []
    message.headers["Max-Forwards"] = ["70"]
    message.headers["From"] = [f"{_bracketed(from_)};tag={tag}"]
    message.headers["To"] = [_bracketed(to)]
    message.headers["Call-ID"] = [call_id]
    message.headers["CSeq"] = [f"{cseq} {method}"]
    return message


def _bracketed(address: str) -> str:
    return address if "<" in address else f"<{address}>"

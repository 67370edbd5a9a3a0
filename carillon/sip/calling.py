"""Legs we call: INVITE, its provisional and final responses, CANCEL (RFC 3261 §9.1, §13.2, RFC 3262)."""

from __future__ import annotations

from functools import partial

from carillon.sip.core import Asked, Core, add_headers
from carillon.sip.dialog import Dialog
from carillon.sip.digest import Credentials
from carillon.sip.errors import LocalError, RemoteError
from carillon.sip.headers import parse_cseq, sdp_of, tag_of
from carillon.sip.leg import Leg, Legs, ignore, is_direct
from carillon.sip.message import Headers, Message
from carillon.sip.outputs import Answered, Failed, Flow, Progressed
from carillon.sip.timers import LINGER
from carillon.sip.transaction import Transaction
from carillon.sip.uri import parse_uri


class Calling:
    """The client side of first INVITEs."""

    def __init__(self, core: Core, legs: Legs) -> None:
        self._core = core
        self._legs = legs

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
    ) -> Leg:
        """Send a first INVITE."""
        try:
            direct = is_direct(parse_uri(to_uri), flow)
        except RemoteError as error:
            raise LocalError(f"cannot call {to_uri!r}") from error
        leg = self._legs.add("calling", self._core.tokens(), flow)
        leg.direct = direct
        leg.credentials = credentials
        message = new_request("INVITE", to_uri, from_, to, leg.local_tag, leg.call_id, 1)
        then = partial(self._responded, leg)
        try:
            add_headers(message, (*self._core.answer_headers(flow), *headers))
            message.body = sdp
            if not sdp:
                del message.headers["Content-Type"]
            leg.asked = self._core.ask(message, flow, now, then, credentials=credentials)
        except LocalError:
            self._legs.remove(leg, now)
            raise
        return leg

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
        self._core.transactions.start(message, branch, asked.flow, now, _Nobody())
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

    def _failed(self, leg: Leg, status: int, response: Message | None, now: float) -> None:
        if leg.state == "gone":
            return
        self._legs.remove(leg, now)
        if not leg.let_go:
            reason = response.reason if response else ""
            self._core.tell(Failed(leg.number, status, reason, response))

    def _progressed(self, leg: Leg, asked: Asked, response: Message, now: float) -> None:
        leg.state = "early"
        if leg.let_go:
            self.cancel(leg, now)
            return
        if response.status == 100:
            return
        tag = tag_of(response.get("To"))
        if tag and (leg.dialog is None or leg.dialog.remote_tag != tag):
            leg.dialog = Dialog.of_response(response, asked.message.uri)
            leg.rseq = 0
            leg.early_sdp = b""
        if not self._acknowledge_provisional(leg, response, now):
            return
        sdp = sdp_of(response)
        leg.early_sdp = sdp or leg.early_sdp
        event = Progressed(leg.number, response.status, response.reason, sdp, response)
        self._core.tell(event)

    def _acknowledge_provisional(self, leg: Leg, response: Message, now: float) -> bool:
        # We do not offer 100rel; a peer that insists all the same is given its PRACK (RFC 3262 §4).
        if not any(tag.lower() == "100rel" for tag in response.all("Require")):
            return True
        rseq = (response.get("RSeq") or "").strip(" \t")
        if leg.dialog is None or not rseq.isascii() or not rseq.isdigit() or len(rseq) > 10:
            return True
        if leg.rseq and int(rseq) != leg.rseq + 1:
            return False
        leg.rseq = int(rseq)
        message = leg.dialog.request("PRACK")
        message.headers["RAck"] = [f"{rseq} {response.headers['CSeq'][0]}"]
        self._legs.ask(leg, message, now, ignore)
        return True

    def _answered(self, leg: Leg, asked: Asked, response: Message, now: float) -> None:
        first = leg.state in ("calling", "early", "cancelling")
        dialog = Dialog.of_response(response, asked.message.uri)
        early = leg.dialog
        if early is not None and early.remote_tag == dialog.remote_tag:
            # The route set is that of the 2xx (§13.2.2.4); the count goes on over what a PRACK has used.
            dialog.local_cseq = max(dialog.local_cseq, early.local_cseq)
            dialog.remote_cseq = early.remote_cseq
            early_sdp = leg.early_sdp
        else:
            early_sdp = b""
        if not self._legs.acknowledge(leg, dialog, asked, response):
            return
        if not first:
            # A second fork answered as well: it gets its ACK and is sent away.
            self._legs.bye(leg, now, dialog=dialog)
            return
        leg.dialog = dialog
        leg.state = "confirmed"
        leg.asked = None
        if leg.timer is not None:
            leg.timer.stop()
        if leg.let_go:
            # Our CANCEL crossed their answer.
            self._legs.end(leg, now)
            return
        self._core.tell(Answered(leg.number, sdp_of(response) or early_sdp, response))


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

"""What happens within a call: ACK, BYE, INFO, and new offers (RFC 3261 §12-15, RFC 3264, RFC 3311).

One offer at a time. Ours waits until theirs and the ACK are done with; when both cross, 491 sends both
away, and ours comes back once, after the wait of §14.1. Before the call is answered offers are UPDATEs, and
only once the first one has been answered reliably; then they are INVITEs, which people may have to agree to.
"""

from __future__ import annotations

from functools import partial

from carillon.sip.answering import Answering
from carillon.sip.core import ALLOW, Asked, Core, Then, add_headers
from carillon.sip.errors import RemoteError
from carillon.sip.headers import media_type, parse_cseq, sdp_of, tag_of
from carillon.sip.leg import Leg, Legs
from carillon.sip.message import Headers, Message
from carillon.sip.outputs import (
    Confirmed,
    Flow,
    HungUp,
    Informed,
    OfferAnswered,
    Offered,
    OfferRefused,
)
from carillon.sip.timers import LINGER
from carillon.sip.transaction import Transaction
from carillon.sip.transfer import Transfers

# What leaves no doubt that the far end has lost the call (§12.2.1.2).
_LOST = (408, 481)
PATIENCE = 2 * LINGER
"""How long an offer of ours may stay without a final response, in seconds."""


class Session:
    """Requests within dialogs, both directions."""

    def __init__(self, core: Core, legs: Legs, answering: Answering, transfers: Transfers) -> None:
        self._core = core
        self._legs = legs
        self._provisionals = answering.provisionals
        legs.expiries.refresh = self._refresh
        self._methods = {
            "INVITE": self._invited,
            "UPDATE": self._updated,
            "BYE": self._bye,
            "INFO": self._informed,
            "OPTIONS": self._asked_options,
            "PRACK": self._provisionals.acknowledged,
            "REFER": transfers.referred,
            "NOTIFY": transfers.notified,
            "SUBSCRIBE": transfers.resubscribed,
        }

    def receive(self, leg: Leg, transaction: Transaction, request: Message, now: float) -> None:
        """Take a request within a dialog, not ACK; `RemoteError` says how to answer."""
        if leg.forks is not None:
            leg.turn_to(tag_of(request.headers["From"][0]))
        if leg.dialog is None:
            raise RemoteError(481)
        take = self._methods.get(request.method)
        if take is None:
            raise RemoteError(405, headers=(("Allow", ALLOW),))
        leg.dialog.accept(request)
        self._follow(leg, transaction.flow)
        transaction.number = leg.number
        take(leg, transaction, request, now)

    @staticmethod
    def _follow(leg: Leg, flow: Flow) -> None:
        # A phone's NAT may give it another port, and its TCP connection may be a new one.
        if flow != leg.flow and (not leg.direct or flow.host == leg.flow.host):
            leg.flow = flow

    def acknowledged(self, leg: Leg, request: Message, now: float) -> None:
        """Take the ACK of a 2xx."""
        accepted = leg.accepted
        if accepted is None or parse_cseq(request.headers["CSeq"][0])[0] != accepted.cseq:
            return
        self._confirm(leg, sdp_of(request), now)

    def _confirm(self, leg: Leg, sdp: bytes, now: float) -> None:
        accepted, leg.accepted = leg.accepted, None
        if accepted is not None:
            accepted.stop()
        if leg.state == "answered":
            leg.state = "confirmed"
            if leg.let_go:
                self._legs.end(leg, now)
                return
            self._core.tell(Confirmed(leg.number, sdp))
        elif accepted is not None and accepted.offering:
            self._core.tell(OfferAnswered(leg.number, sdp))
        self.next_offer(leg, now)

    def _bye(self, leg: Leg, transaction: Transaction, request: Message, now: float) -> None:
        if leg.state in ("calling", "early", "cancelling"):
            raise RemoteError(481)
        self._core.respond(transaction, 200, now)
        if leg.state == "incoming" and leg.server is not None:
            self._core.respond(leg.server, 487, now, to_tag=leg.local_tag)
        self._legs.remove(leg, now)
        if not leg.let_go:
            self._core.tell(HungUp(leg.number, request.get("Reason") or ""))

    def _informed(self, leg: Leg, transaction: Transaction, request: Message, now: float) -> None:
        self._core.respond(transaction, 200, now)
        if not leg.let_go:
            record = (request.get("Record") or "").strip(" \t").lower()
            wanted = record if record in ("on", "off") else ""
            self._core.tell(Informed(leg.number, media_type(request), request.body, wanted))

    def _asked_options(
        self, leg: Leg, transaction: Transaction, request: Message, now: float
    ) -> None:
        headers = (("Allow", ALLOW), ("Accept", "application/sdp"))
        self._core.respond(transaction, 200, now, headers=headers)

    def _invited(self, leg: Leg, transaction: Transaction, request: Message, now: float) -> None:
        self._legs.expiries.check(request)
        self._free_for_offer(leg, answered=True)
        if leg.accepted is not None:
            # Their ACK was lost, but who sends the next INVITE has seen our 200.
            self._confirm(leg, b"", now)
            if leg.offering is not None or leg.state == "gone":
                raise RemoteError(491)
        self._core.respond(transaction, 100, now)
        leg.offered = transaction
        self._core.tell(Offered(leg.number, sdp_of(request), "INVITE"))

    def _updated(self, leg: Leg, transaction: Transaction, request: Message, now: float) -> None:
        self._legs.expiries.check(request)
        sdp = sdp_of(request)
        if not sdp:
            self._accept_refresh(leg, transaction, request, now)
            return
        self._free_for_offer(leg)
        if leg.accepted is not None and leg.accepted.offering:
            raise RemoteError(491)
        leg.offered = transaction
        if leg.dialog is not None:
            leg.dialog.early_sdp = sdp
        self._core.tell(Offered(leg.number, sdp, "UPDATE"))

    def _accept_refresh(
        self, leg: Leg, transaction: Transaction, request: Message, now: float
    ) -> None:
        if leg.dialog is not None:
            leg.dialog.refresh(request)
        self._agree(leg, transaction, b"", now)

    def _agree(self, leg: Leg, transaction: Transaction, sdp: bytes, now: float) -> None:
        """Answer an UPDATE or PRACK with 200."""
        request = transaction.request
        headers: Headers = ()
        # Session timers do not run before the call is answered (RFC 4028 §4), and no PRACK touches them.
        if request is not None and request.method == "UPDATE" and leg.state == "confirmed":
            headers = self._legs.expiries.answer(leg, request, now)
        self._core.respond(transaction, 200, now, headers=headers, body=sdp, described=True)
        leg.described = sdp or leg.described

    def _free_for_offer(self, leg: Leg, *, answered: bool = False) -> None:
        early = leg.state in ("calling", "early", "cancelling", "incoming")
        settled = not answered and leg.dialog is not None and leg.dialog.settled
        if leg.offering is not None or (early and leg.state != "incoming" and not settled):
            raise RemoteError(491)
        if leg.offered is not None or (early and not settled):
            wait = str(int(self._core.tokens()[:4], 16) % 10)
            raise RemoteError(500, headers=(("Retry-After", wait),))
        if leg.let_go:
            raise RemoteError(488)

    def answer(self, leg: Leg, sdp: bytes, now: float) -> None:
        """Accept their offer with our answer, or give the offer they asked for."""
        transaction, leg.offered = leg.offered, None
        if transaction is None or transaction.request is None or leg.dialog is None:
            return
        request = transaction.request
        leg.dialog.refresh(request)
        if request.method == "INVITE":
            self._legs.accept(leg, transaction, sdp, now)
            return
        self._agree(leg, transaction, sdp, now)
        self._provisionals.advance(leg, now)
        self.next_offer(leg, now)

    def refuse(self, leg: Leg, status: int, now: float) -> None:
        """Refuse their offer; what was agreed before holds."""
        transaction, leg.offered = leg.offered, None
        if transaction is not None:
            self._core.respond(transaction, status, now)
            self._provisionals.advance(leg, now)
            self.next_offer(leg, now)

    def offer(self, leg: Leg, sdp: bytes, now: float) -> None:
        """Make an offer; the last one wins where it has to wait."""
        leg.postponed = sdp
        leg.retried = False
        # Before the answer the timer is the reminder of a caller, which is no reason to wait.
        if leg.timer is None or leg.state != "confirmed":
            self.next_offer(leg, now)

    def next_offer(self, leg: Leg, now: float) -> None:
        """Make the offer that had to wait, when nothing keeps it waiting."""
        busy = leg.offering or leg.offered or leg.accepted
        if leg.postponed is None or busy or leg.dialog is None or leg.let_go:
            return
        if leg.state == "confirmed":
            method = "INVITE"
        elif leg.dialog.settled and leg.postponed and leg.allows("UPDATE"):
            method = "UPDATE"
        else:
            return
        sdp, leg.postponed = leg.postponed, None
        self._propose(leg, method, sdp, partial(self._offer_answered, leg), now)

    def _propose(self, leg: Leg, method: str, sdp: bytes, then: Then, now: float) -> None:
        if leg.dialog is None:
            return
        message = leg.dialog.request(method)
        self._core.describe(message, leg.flow, sdp)
        if leg.state == "confirmed":
            message.headers.update(self._legs.expiries.wish(leg))
        leg.described = sdp or leg.described
        asked = self._legs.ask(leg, message, now, then)
        leg.offering = asked
        self._core.timers.start(now + PATIENCE, partial(self._offer_forgotten, leg, asked))

    def _offer_forgotten(self, leg: Leg, asked: Asked, now: float) -> None:
        # A peer may say 100 and then nothing; or its answer was lost and, after the BYE, nobody repeats it.
        if asked.transaction is not None:
            self._core.transactions.give_up(asked.transaction, now)
        if leg.offering is not asked:
            return
        leg.offering = None
        if leg.state != "gone":
            self._core.tell(OfferRefused(leg.number, 408))
            self.next_offer(leg, now)

    def _offer_answered(
        self, leg: Leg, asked: Asked, status: int, response: Message | None, now: float
    ) -> None:
        if status < 200 or leg.dialog is None:
            return
        if status < 300 and response is not None:
            leg.dialog.refresh(response)
            if asked.message.method == "INVITE" and not self._legs.acknowledge(
                leg, leg.dialog, asked, response
            ):
                return
        leg.offering = None
        if leg.state == "gone":
            return
        if status < 300 and response is not None:
            self._take_answer(leg, response, now)
        elif status in _LOST and leg.state == "confirmed":
            self._legs.end(leg, now, told="lost")
            return
        elif status == 491 and not leg.retried and leg.state == "confirmed":
            self._try_again(leg, asked.message.body, now)
            return
        elif status == 500 and not leg.retried:
            # What was lost and sent again comes after what was said later, and is refused (§12.2.2).
            leg.retried = True
            leg.postponed = asked.message.body if leg.postponed is None else leg.postponed
        else:
            self._core.tell(OfferRefused(leg.number, status))
        self._provisionals.advance(leg, now)
        self.next_offer(leg, now)

    def _take_answer(self, leg: Leg, response: Message, now: float) -> None:
        sdp = sdp_of(response)
        if leg.state == "confirmed":
            self._legs.expiries.agreed(leg, response, now)
        elif leg.dialog is not None:
            leg.dialog.early_sdp = sdp or leg.dialog.early_sdp
        self._core.tell(OfferAnswered(leg.number, sdp))

    def _refresh(self, leg: Leg, now: float) -> None:
        """Keep the call fresh (RFC 4028 §7.4), by UPDATE where they take it, else by our last words."""
        busy = leg.offering or leg.offered or leg.accepted or leg.postponed or leg.timer
        if leg.state != "confirmed" or leg.let_go or leg.dialog is None:
            return
        then = partial(self._refreshed, leg)
        if leg.allows("UPDATE"):
            message = leg.dialog.request("UPDATE")
            self._core.describe(message, leg.flow, b"")
            message.headers.update(self._legs.expiries.wish(leg))
            self._legs.ask(leg, message, now, then)
        elif busy or not leg.described:
            self._legs.expiries.again(leg, now)
        else:
            self._propose(leg, "INVITE", leg.described, then, now)

    def _refreshed(
        self, leg: Leg, asked: Asked, status: int, response: Message | None, now: float
    ) -> None:
        if status < 200 or leg.dialog is None:
            return
        good = response is not None and status < 300
        if good and response is not None:
            leg.dialog.refresh(response)
            if asked.message.method == "INVITE" and not self._legs.acknowledge(
                leg, leg.dialog, asked, response
            ):
                return
        if leg.offering is asked:
            leg.offering = None
        if leg.state == "gone":
            return
        if status in _LOST:
            self._legs.end(leg, now, told="lost")
            return
        if good and response is not None:
            self._legs.expiries.agreed(leg, response, now)
            if asked.message.method == "INVITE":
                self._core.tell(OfferAnswered(leg.number, sdp_of(response)))
        else:
            self._legs.expiries.refused(leg, response if status == 422 else None, now)
        self.next_offer(leg, now)

    def _try_again(self, leg: Leg, sdp: bytes, now: float) -> None:
        # §14.1: in steps of 10 ms, who chose the Call-ID waits 2.1 to 4 s, the other one 0 to 2 s.
        def again(now: float) -> None:
            leg.timer = None
            self.next_offer(leg, now)

        leg.retried = True
        if leg.postponed is None:
            leg.postponed = sdp
        dice = int(self._core.tokens()[:8], 16)
        wait = 2.1 + dice % 191 / 100 if leg.caller else dice % 201 / 100
        leg.timer = self._core.timers.start(now + wait, again)

    def inform(
        self, leg: Leg, content_type: str, body: bytes, now: float, headers: Headers
    ) -> None:
        """Send INFO."""
        if leg.dialog is None or leg.state != "confirmed":
            return
        message = leg.dialog.request("INFO")
        message.body = body
        if body:
            message.headers["Content-Type"] = [content_type]
        add_headers(message, headers)
        self._legs.ask(leg, message, now, partial(self._informed_them, leg))

    def _informed_them(
        self, leg: Leg, asked: Asked, status: int, response: Message | None, now: float
    ) -> None:
        if status in _LOST and leg.state != "gone":
            self._legs.end(leg, now, told="lost")

"""REFER within a call, both ways, and the news of what came of it (RFC 3515, 3892, 4488).

Whoever is asked to call somebody else tells how that goes in NOTIFYs with the status line of the other call.
The news are few, so none waits for the answer to the one before.
"""

from __future__ import annotations

from functools import partial

from carillon.sip.core import Asked, Core
from carillon.sip.dialog import Dialog
from carillon.sip.errors import LocalError, RemoteError
from carillon.sip.headers import parse_params, parse_seconds
from carillon.sip.leg import Leg, Legs, ignore
from carillon.sip.message import Message
from carillon.sip.names import REASONS
from carillon.sip.outputs import ReferralAnswered, ReferralProgressed, Referred
from carillon.sip.replaces import parse_refer_to
from carillon.sip.transaction import Transaction

MOST_OF_A_LEG = 4
"""Referrals of one leg that are being followed at once."""
SECONDS = 180
"""How long a referral may take, as we tell who asked; it ends with its leg in any case."""
MAX_NAME = 512
FRAGMENT = "message/sipfrag;version=2.0"


class Referral:
    """What became of one REFER of theirs. `asked` until it is answered; `silent`: they want no news."""

    __slots__ = ("asked", "cseq", "dialog", "leg", "silent")

    def __init__(self, leg: Leg, dialog: Dialog, asked: Transaction, cseq: str) -> None:
        self.leg = leg
        self.dialog = dialog
        self.asked: Transaction | None = asked
        self.cseq = cseq
        self.silent = False


class Transfers:
    """Referrals of all legs."""

    def __init__(self, core: Core, legs: Legs) -> None:
        self._core = core
        self._legs = legs

    # -- they ask us -----------------------------------------------------------------------------

    def referred(self, leg: Leg, transaction: Transaction, request: Message, now: float) -> None:
        """Take a REFER."""
        values = request.all("Refer-To")
        if len(values) != 1:
            raise RemoteError(400, "One Refer-To")
        refer_to, replaces = parse_refer_to(values[0])
        if leg.dialog is None or leg.let_go or leg.state not in ("confirmed", "answered"):
            raise RemoteError(481)
        mine = leg.referrals = leg.referrals if leg.referrals is not None else {}
        if len(mine) >= MOST_OF_A_LEG:
            raise RemoteError(500, headers=(("Retry-After", "10"),))
        cseq = request.headers["CSeq"][0].split()[0]
        referral = Referral(leg, leg.dialog, transaction, cseq)
        referral.silent = (request.get("Refer-Sub") or "").strip().lower().startswith("false")
        number = self._core.number()
        mine[number] = self._legs.referrals[number] = referral
        by = (request.get("Referred-By") or "")[:MAX_NAME]
        self._core.tell(Referred(leg.number, number, refer_to, replaces, by))

    def answer(self, referral: int, status: int, now: float) -> None:
        """Answer a `Referred`: a 2xx promises to try, and `tell` what comes of it."""
        found = self._legs.referrals.get(referral)
        if found is None or found.asked is None:
            return
        transaction, found.asked = found.asked, None
        headers: tuple[tuple[str, str], ...] = (("Contact", self._core.contact(found.leg.flow)),)
        if found.silent:
            headers = (*headers, ("Refer-Sub", "false"))
        self._core.respond(transaction, status, now, headers=headers if status < 300 else ())
        if status >= 300 or found.silent:
            self._forget(referral, found)
        else:
            self._tell(found, 100, "", now)

    def tell(self, referral: int, status: int, reason: str, now: float) -> None:
        """Tell who referred us how the other call goes; a final status is the last."""
        found = self._legs.referrals.get(referral)
        if found is None or found.asked is not None:
            return
        if status >= 200:
            self._forget(referral, found)
        self._tell(found, status, reason, now)

    def _tell(self, referral: Referral, status: int, reason: str, now: float) -> None:
        message = referral.dialog.request("NOTIFY")
        state = f"active;expires={SECONDS}" if status < 200 else "terminated;reason=noresource"
        message.headers["Contact"] = [self._core.contact(referral.leg.flow)]
        message.headers["Event"] = [f"refer;id={referral.cseq}"]
        message.headers["Subscription-State"] = [state]
        message.headers["Content-Type"] = [FRAGMENT]
        words = reason or REASONS.get(status, "Unspecified")
        message.body = f"SIP/2.0 {status} {words}\r\n".encode("utf-8", "replace")
        self._legs.ask(referral.leg, message, now, ignore)

    def _forget(self, number: int, referral: Referral) -> None:
        self._legs.referrals.pop(number, None)
        if referral.leg.referrals is not None:
            referral.leg.referrals.pop(number, None)

    def resubscribed(
        self, leg: Leg, transaction: Transaction, request: Message, now: float
    ) -> None:
        """Take a SUBSCRIBE within a call: only for news of a referral; which nobody needs anew."""
        package, _, tail = (request.get("Event") or "").partition(";")
        if package.strip(" \t").lower() != "refer":
            raise RemoteError(489)
        wanted = parse_params(tail).get("id", "")
        found = [
            (number, referral)
            for number, referral in (leg.referrals or {}).items()
            if referral.asked is None and wanted in ("", referral.cseq)
        ]
        if not found:
            raise RemoteError(481)
        seconds = parse_seconds(request.get("Expires"))
        self._core.respond(
            transaction,
            200,
            now,
            headers=(("Expires", str(min(SECONDS, SECONDS if seconds is None else seconds))),),
        )
        if seconds == 0:
            for number, referral in found:
                self._forget(number, referral)

    # -- we ask them -----------------------------------------------------------------------------

    def refer(self, leg: int, refer_to: str, now: float, referred_by: str = "") -> None:
        """Ask the far end of a leg to call somebody else; `ReferralAnswered` follows, then its news."""
        found = self._legs.get(leg)
        if found is None or found.dialog is None or found.state != "confirmed" or found.let_go:
            return
        if not refer_to or "<" in refer_to or ">" in refer_to:
            raise LocalError(f"cannot refer to {refer_to!r}")
        message = found.dialog.request("REFER")
        message.headers["Contact"] = [self._core.contact(found.flow)]
        message.headers["Refer-To"] = [f"<{refer_to}>"]
        if referred_by:
            message.headers["Referred-By"] = [referred_by]
        found.referring = True
        self._legs.ask(found, message, now, partial(self._refer_answered, found))

    def _refer_answered(
        self, leg: Leg, asked: Asked, status: int, response: Message | None, now: float
    ) -> None:
        if leg.state == "gone":
            return
        if status >= 300:
            leg.referring = False
        if not leg.let_go:
            self._core.tell(ReferralAnswered(leg.number, status))

    def notified(self, leg: Leg, transaction: Transaction, request: Message, now: float) -> None:
        """Take a NOTIFY: the news of a referral of ours, 481 for any other."""
        package = (request.get("Event") or "").partition(";")[0].strip(" \t").lower()
        if package != "refer" or not leg.referring:
            raise RemoteError(481)
        self._core.respond(transaction, 200, now)
        state = (request.get("Subscription-State") or "").strip(" \t").lower()
        status = _status_of(request.body)
        over = state.startswith("terminated") or status >= 200
        if over:
            leg.referring = False
            status = max(status, 200) if status >= 200 else 487
        if status and not leg.let_go:
            self._core.tell(ReferralProgressed(leg.number, status))


def _status_of(fragment: bytes) -> int:
    """Return the status of a sipfrag's first line, 0 when it has none."""
    words = fragment[:64].split()
    if len(words) < 2 or words[0].upper() != b"SIP/2.0" or len(words[1]) != 3:
        return 0
    return int(words[1]) if words[1].isdigit() and words[1] >= b"100" else 0

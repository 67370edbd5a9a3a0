"""Who may come in: calls from carriers and from our phones, registrations, everything else refused."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from carillon.flows.features import feature
from carillon.flows.outgoing import (
    NoWay,
    ToFeature,
    ToOutside,
    ToUser,
    Way,
    entrance,
    normalise,
    way_out,
)
from carillon.schema import emergency
from carillon.schema.canary import CALLED
from carillon.schema.cdr import CALLER_LEG
from carillon.schema.events import CALLERS_FLOOD, CallArrived, CallEnded, Decided
from carillon.schema.plan import DialRules, Number, Plan, Trunk, User
from carillon.sip.core import ALLOW as METHODS
from carillon.sip.core import SUPPORTED
from carillon.sip.endpoint import Flow, InviteReceived, RequestReceived
from carillon.sip.errors import RemoteError
from carillon.sip.headers import parse_name_addr, sdp_of
from carillon.sip.message import Message
from carillon.sip.uri import parse_uri
from carillon.switch import canary
from carillon.switch.beginning import LONGEST_NAME, new_call
from carillon.switch.brought import Brought
from carillon.switch.callers import FLOOD, Callers
from carillon.switch.calls import Call
from carillon.switch.devices import Gruu, Refusal
from carillon.switch.legs import Leg, Party
from carillon.switch.plans import Owner
from carillon.switch.securing import OFF
from carillon.switch.transfers import CannotDo

if TYPE_CHECKING:
    from carillon.switch.switchboard import Switchboard

log = logging.getLogger(__name__)

MOST_CALLS_EVER = 2040
RETRY_AFTER = (("Retry-After", "5"),)
Headers = tuple[tuple[str, str], ...]

ALLOW: Headers = (
    ("Allow", f"{METHODS}, REGISTER"),
    ("Accept", "application/sdp"),
    ("Supported", f"{SUPPORTED}, outbound, gruu, path"),
)
MOST_IDENTITIES = 4
VISUAL = str.maketrans("", "", " .-()/")


class Arrivals:
    """The door."""

    def __init__(self, board: Switchboard) -> None:
        self._board = board
        self._callers = Callers()

    def admits(self, data: bytes, flow: Flow) -> bool:
        """Say whether to read what comes from an address at all; a carrier's always."""
        board = self._board
        return board.trunks.sender(flow) is not None or board.devices.listens(data, flow.host)

    def look(self) -> None:
        """Tell which floods of calls are over."""
        for company in self._callers.floods_over(self._board.now):
            self._board.troubles.ended(CALLERS_FLOOD + company)

    # -- requests outside calls ------------------------------------------------------------------

    def request(self, received: RequestReceived) -> None:
        """Answer a REGISTER or an OPTIONS; nothing else is spoken outside a call yet."""
        board = self._board
        status = 200
        headers: Headers = ALLOW
        if received.request.method == "REGISTER":
            try:
                headers = board.devices.register(received.request, received.flow)
            except Refusal as refusal:
                status, headers = refusal.status, refusal.headers
            except Exception:
                log.exception("a registration from %s met a fault of ours", received.flow.host)
                status, headers = 500, ()
        elif received.request.method != "OPTIONS":
            status = 405
        board.endpoint.respond(received.transaction, status, board.now, headers=headers)

    # -- calls -----------------------------------------------------------------------------------

    def invite(self, received: InviteReceived) -> None:
        """Take a call or refuse it."""
        board = self._board
        if board.stopping or (board.full and not self._is_emergency(received)):
            self._refuse(received, 503, RETRY_AFTER)
            return
        try:
            trunk = board.trunks.sender(received.flow)
            if trunk is not None:
                if not trunk.sandbox and not board.trunks.admits(trunk):
                    raise Refusal(503, RETRY_AFTER)
                self._from_trunk(received, trunk)
            else:
                owner = board.devices.authenticate(received.request, received.flow)
                self._from_device(received, owner)
        except (Refusal, RemoteError) as refusal:
            self._refuse(received, refusal.status, refusal.headers)
        except CannotDo as refusal:
            self._refuse(received, refusal.status)
        except Exception:
            log.exception(
                "a call from %s:%s met a fault of ours", received.flow.host, received.flow.port
            )
            self._refuse(received, 500)

    def _refuse(self, received: InviteReceived, status: int, headers: Headers = ()) -> None:
        self._board.endpoint.refuse(received.leg, status, self._board.now, headers=headers)

    def _from_trunk(self, received: InviteReceived, trunk: Trunk) -> None:
        called = e164_of(parse_uri(received.request.uri).user)
        if trunk.sandbox and called == CALLED:
            found: tuple[Plan, Number] | None = (canary.PLAN, canary.NUMBER)
        else:
            found = self._board.plans.number(called)
        if found is None:
            log.info("trunk %s: a call for %.40r, which is not ours", trunk.name, called)
            raise Refusal(404)
        plan, number = found
        caller, name = self._caller(received.request)
        if plan is not canary.PLAN:
            self._let_in(plan, number, trunk, caller, name)
        party = Party(caller, e164=caller, trunk=trunk.id)
        leg = self._caller_leg(received, party, plan)
        arrived = new_call(
            self._board,
            plan,
            "inbound",
            caller,
            called,
            caller_name=name,
            number=number.id,
            trunk=trunk.id,
        )
        self._begin(received, leg, arrived, plan, number)

    def _let_in(self, plan: Plan, number: Number, trunk: Trunk, caller: str, name: str) -> None:
        """Refuse a caller whom the company does not want, or who calls without end."""
        board = self._board
        reason, tell = self._callers.refuses(plan, caller, board.now)
        if reason == FLOOD:
            detail = f"{caller} → {number.e164}"
            board.troubles.began(CALLERS_FLOOD + plan.company, detail)
        if tell:
            arrived = new_call(
                self._board,
                plan,
                "inbound",
                caller,
                number.e164,
                caller_name=name,
                number=number.id,
                trunk=trunk.id,
            )
            call, at = arrived.call, arrived.at
            why = Decided(call=call, seq=2, at=at, node="", reason=reason, facts={"number": caller})
            end = CallEnded(call=call, seq=3, at=at, outcome="blocked", by="system")
            board.driver.events.extend((arrived, why, end))
        if reason:
            raise Refusal(603)

    def _is_emergency(self, received: InviteReceived) -> bool:
        """Say whether one of our phones dials an emergency number: there is always room for that."""
        dialled = parse_uri(received.request.uri).user
        return dialled in emergency.KNOWN and len(self._board.calls) < MOST_CALLS_EVER

    def _from_device(self, received: InviteReceived, owner: Owner) -> None:
        plan, user = owner.plan, owner.user
        party = Party(user.name, user=user.id, device=owner.device.id)
        leg = self._caller_leg(received, party, plan, owner.device.encryption)
        if received.replaces is not None:
            self._board.legs[received.leg] = leg
            self._admit(leg, lambda: self._replace(leg, plan.company, received))
            return
        uri = parse_uri(received.request.uri)
        dialled = uri.user
        if "gr" in uri.params:
            gruu = Gruu(uri.user, uri.params["gr"].lower())
            called = self._colleague(plan, gruu)
            self._to_flow(received, leg, owner, ToUser(called), called.extension, gruu)
            return
        way = way_out(plan, user, dialled)
        if isinstance(way, NoWay):
            raise Refusal(way.status)
        if not isinstance(way, ToFeature):
            self._to_flow(received, leg, owner, way, dialled)
        elif not self._speaks(received, leg, owner, way):
            self._admit(leg, lambda: self._board.orders.feature(leg, plan, user, way))

    def _colleague(self, plan: Plan, gruu: Gruu) -> User:
        """Return whose phone a GRUU names (RFC 5627 §5.1); only one of the same company is."""
        found = self._board.plans.device(gruu.username)
        if found is None or found.plan.company != plan.company:
            raise Refusal(404)
        if self._board.devices.find_gruu(gruu) is None:
            raise Refusal(480)
        return found.user

    def _admit(self, leg: Leg, ask: Callable[[], None]) -> None:
        """Let a phone into a call there is already."""
        self._board.legs[leg.sip] = leg
        try:
            ask()
        except CannotDo:
            self._board.legs.pop(leg.sip, None)
            raise

    def _replace(self, leg: Leg, company: str, received: InviteReceived) -> None:
        if received.replaces is not None:
            self._board.transfers.replace(leg, company, received.replaces)

    def _to_flow(
        self,
        received: InviteReceived,
        leg: Leg,
        owner: Owner,
        way: Way,
        dialled: str,
        gruu: Gruu | None = None,
    ) -> None:
        assert not isinstance(way, NoWay | ToFeature)
        plan, user = owner.plan, owner.user
        into = entrance(plan, way, dialled)
        caller = into.number.e164 if isinstance(way, ToOutside) else user.extension
        arrived = new_call(
            self._board,
            plan,
            into.direction,
            caller,
            into.called,
            caller_name=user.name,
            number=into.number_id,
            user=user.id,
        )
        self._begin(received, leg, arrived, into.plan, into.number, gruu)

    def _speaks(self, received: InviteReceived, leg: Leg, owner: Owner, way: ToFeature) -> bool:
        """Let a phone hear what its code leads to; False for a code that takes part in a call."""
        plan, user, board = owner.plan, owner.user, self._board
        found = feature(plan, user, way, datetime.fromtimestamp(board.clock(), UTC))
        if found is None:
            return False
        board.driver.events.extend(found.happened)
        dialled = parse_uri(received.request.uri).user
        arrived = new_call(
            self._board,
            plan,
            "internal",
            user.extension,
            dialled,
            caller_name=user.name,
            user=user.id,
        )
        self._begin(received, leg, arrived, found.plan, found.number)
        return True

    def _caller_leg(
        self, received: InviteReceived, party: Party, plan: Plan, encryption: str = OFF
    ) -> Leg:
        hall = self._board.halls.of(plan.company)
        leg = Leg(self._board, CALLER_LEG, party, hall, encryption=encryption)
        leg.sip = received.leg
        if not leg.take_offer(sdp_of(received.request)):
            raise Refusal(488)
        return leg

    def _begin(
        self,
        received: InviteReceived,
        leg: Leg,
        arrived: CallArrived,
        plan: Plan,
        number: Number,
        gruu: Gruu | None = None,
    ) -> None:
        board = self._board
        call = Call(board, arrived, plan, number, leg)
        identities = tuple(received.request.all("Identity")[:MOST_IDENTITIES])
        call.brought = Brought(_hops(received.request), identities, gruu)
        board.legs[received.leg] = leg
        board.add(call)
        board.began_outside(leg)
        board.emit(call, arrived)
        with board.guard(call):
            call.begin()

    def _caller(self, request: Message) -> tuple[str, str]:
        """Return the caller's number and name as the carrier tells them (RFC 3325 before From)."""
        asserted = request.all("P-Asserted-Identity")
        stated = parse_name_addr(asserted[0] if asserted else request.get("From") or "")
        user = parse_uri(stated.uri).user
        if "id" in (request.get("Privacy") or "") or user.lower() in ("", "anonymous"):
            return "anonymous", ""
        return e164_of(user), stated.name


def _hops(request: Message) -> int:
    """Return what is left of Max-Forwards, checked already; 69 where the peer said nothing."""
    text = request.get("Max-Forwards") or "70"
    return max(0, min(70, int(text)) - 1) if text.isdigit() else 69


def e164_of(user: str) -> str:
    """Return a carrier's way of writing a number as E.164; as it is when it is not a number.

    Parameters (RFC 3966: `;phone-context`, `;npdi`) and what only pleases the eye are left out.
    """
    plain = user.partition(";")[0].translate(VISUAL)
    if not plain.lstrip("+").isdecimal() or not plain.isascii():
        return user[:LONGEST_NAME]
    if plain.startswith("+") or not plain.startswith("0"):
        return f"+{plain.lstrip('+')}"
    return normalise(plain, DialRules()) or plain

"""Moving people between calls: blind and attended transfer, replacing, forwarding, giving back."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING

from carillon.flows.outgoing import (
    Entrance,
    NoWay,
    ToFeature,
    ToNumber,
    ToOutside,
    ToUser,
    entrance,
    extension_flow,
    way_out,
)
from carillon.schema.events import LegAnswered, LegEnded
from carillon.schema.plan import OutsideTarget, Plan, Target, User, UserTarget
from carillon.sip import endpoint as sip
from carillon.sip.errors import RemoteError
from carillon.sip.uri import Uri, parse_uri
from carillon.switch.calls import Call
from carillon.switch.dialling import outside_leg
from carillon.switch.legs import Leg
from carillon.switch.ringing import ELSEWHERE, Ringing

if TYPE_CHECKING:
    from carillon.switch.switchboard import Switchboard

log = logging.getLogger(__name__)

JOIN_SECONDS = 45.0
MOST_FORWARDS = 5
"""More redirections than this in one call go round in circles."""


class CannotDo(Exception):
    """What is asked cannot be done now. `status` for a phone, `reason` for a program."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


class Transfers:
    """Every way by which somebody comes to talk to somebody else than before."""

    def __init__(self, board: Switchboard) -> None:
        self._board = board

    # -- who and where ---------------------------------------------------------------------------

    def user_of(self, call: Call, user: str | None) -> tuple[Plan, User]:
        """Return a user of the call's company as the newest plan has them."""
        plan = self._board.plans.plan(call.plan.company) or call.plan
        found = plan.user(user)
        if found is None:
            raise CannotDo(403, "no-such-user")
        return plan, found

    def entrance(self, plan: Plan, user: User, dialled: str) -> Entrance:
        """Return where a user gets to by dialling something that can be talked to."""
        way = way_out(plan, user, dialled)
        if isinstance(way, NoWay):
            raise CannotDo(way.status, "bad-number")
        if isinstance(way, ToFeature):
            raise CannotDo(404, "bad-number")
        return entrance(plan, way, dialled)

    # -- blind -----------------------------------------------------------------------------------

    def away(self, call: Call, leg: Leg, dialled: str) -> None:
        """Send whoever talks with a leg to what its user dials; the leg is out of the call."""
        plan, user = self.user_of(call, leg.party.user)
        into = self.entrance(plan, user, dialled)
        others = [each for each in call.talk.talkers if each is not leg]
        if leg not in call.talk or not others or call.closing:
            raise CannotDo(403, "not-talking")
        call.decide("call.transferred", who=leg.who, to=into.who)
        if len(others) > 1:
            self.ask_in(call, user, dialled, into)
            call.talk.leave(leg)
            call.recordings.follow(call.talk.talkers)
            return
        call.talk.leave(leg)
        call.send(others[0], into.plan, into.number, into.direction, recall=leg)

    def redirect(self, call: Call, user_id: str, dialled: str) -> None:
        """Send the caller to what a user dials, wherever the call is now."""
        plan, user = self.user_of(call, user_id)
        into = self.entrance(plan, user, dialled)
        visiting = call.visit is not None and not call.visit.connected
        guest = call.visit.leg if call.visit is not None and visiting else call.a
        if guest.gone or call.closing or (not visiting and guest not in call.talk):
            raise CannotDo(403, "not-possible-now")
        call.decide("call.sent", to=into.who)
        for other in call.talk.legs:
            if other is not guest:
                call.talk.leave(other)
                other.hang_up("")
        call.send(guest, into.plan, into.number, into.direction)

    def ask_in(self, call: Call, user: User, dialled: str, into: Entrance | None = None) -> None:
        """Ring what a user dials and let it join the conversation."""
        if len(call.talk.talkers) < 1 or call.closing:
            raise CannotDo(403, "not-talking")
        if into is None:
            plan, user = self.user_of(call, user.id)
            into = self.entrance(plan, user, dialled)
        target = self._target(into)
        legs = self._board.legs_for(call, into.number, (target,))
        if not legs:
            raise CannotDo(480, "no-phone")
        call.decide("call.invited", who=user.name, to=into.who)
        call.guests.invite(call, legs, JOIN_SECONDS, _joined, partial(_not_joined, into.who))

    @staticmethod
    def _target(into: Entrance) -> Target:
        """Return the one person or outside number that was dialled, not a whole flow."""
        if into.target is None:
            raise CannotDo(403, "bad-number")
        return into.target

    # -- attended --------------------------------------------------------------------------------

    def referred(self, call: Call, leg: Leg, event: sip.Referred) -> None:
        """A phone asks to be replaced (RFC 3515, RFC 3891)."""
        endpoint, now = self._board.endpoint, self._board.now
        try:
            if leg.party.user is None:
                raise CannotDo(403, "not-possible-now")
            if event.replaces is not None:
                self._attended(call, leg, event.replaces)
            else:
                dialled = self._dialled(call.plan, parse_uri(event.refer_to))
                if self._board.parking.is_park(dialled):
                    self._board.parking.referred(call, leg, event.referral, dialled)
                    return
                self.away(call, leg, dialled)
        except (CannotDo, RemoteError) as refusal:
            endpoint.answer_referral(event.referral, refusal.status, now)
            return
        endpoint.answer_referral(event.referral, 202, now)
        endpoint.tell_referral(event.referral, 200, "OK", now)
        leg.hang_up("")

    def _dialled(self, plan: Plan, uri: Uri) -> str:
        """Return the number of whom a phone wants to reach; a GRUU names a colleague's phone."""
        owner = self._board.plans.device(uri.user) if "gr" in uri.params else None
        if owner is None or owner.plan.company != plan.company:
            return uri.user
        return owner.user.extension

    def _attended(self, call: Call, leg: Leg, replaces: sip.Replaces) -> None:
        number = self._board.endpoint.find_leg(replaces.call_id, replaces.to_tag, replaces.from_tag)
        second = self._board.legs.get(number) if number is not None else None
        other = second.call if second is not None else None
        if second is None or other is None or other.plan.company != call.plan.company:
            raise CannotDo(404, "no-such-call")
        self.merge(call, leg, other, second)

    def merge(self, call: Call, leg: Leg, other: Call, second: Leg, *, stay: bool = False) -> None:
        """Let everybody of two calls talk, who has a leg in each of them being left out (or not)."""
        if other is call or call.closing or other.closing or leg not in call.talk:
            raise CannotDo(403, "not-possible-now")
        if second not in other.talk:
            self._merge_ringing(call, leg, other, second)
            return
        movers = [each for each in other.talk.talkers if each is not second]
        if not movers:
            raise CannotDo(403, "not-talking")
        call.decide("call.merged", who=leg.who)
        for mover in movers:
            self.move(mover, other, call)
        if not stay:
            call.talk.leave(leg)
        for mover in movers:
            call.join(mover)
        second.hang_up("")
        other.end(by="system", detail="merged")

    def _merge_ringing(self, call: Call, leg: Leg, other: Call, second: Leg) -> None:
        """Transfer before the second person has answered: whoever waits takes the caller's place."""
        visit = other.visit
        others = [each for each in call.talk.talkers if each is not leg]
        if visit is None or visit.leg is not second or len(others) != 1:
            raise CannotDo(403, "not-possible-now")
        call.decide("call.transferred", who=leg.who, to=other.arrived.called)
        direction = other.arrived.direction
        other.end(by="caller", detail="transferred")
        call.talk.leave(leg)
        call.send(others[0], visit.plan, visit.number, direction, recall=leg)

    def move(self, leg: Leg, source: Call, to: Call) -> None:
        """Move a leg from one call to another; each tells its part of the story."""
        source.talk.leave(leg)
        source.recordings.follow(source.talk.talkers)
        source.emit(LegEnded, leg=leg.id, cause=f"moved to call {to.id}")
        source.legs.remove(leg)
        self._board.people.release(source, leg)
        leg.id, leg.call = to.next_leg_id(), to
        to.legs.append(leg)
        self._board.people.occupy(to, leg)
        leg.tell_start()
        to.emit(LegAnswered, leg=leg.id)

    # -- a phone that calls in to take a place ---------------------------------------------------

    def replace(self, leg: Leg, company: str, replaces: sip.Replaces) -> None:
        """Let a phone that calls in take the place of a leg, talking or ringing (RFC 3891)."""
        number = self._board.endpoint.find_leg(replaces.call_id, replaces.to_tag, replaces.from_tag)
        old = self._board.legs.get(number) if number is not None else None
        call = old.call if old is not None else None
        if old is None or call is None or call.plan.company != company or call.closing:
            raise CannotDo(481, "no-such-call")
        if old in call.talk and replaces.early_only:
            raise CannotDo(486, "not-possible-now")
        if old in call.talk:
            call.guests.admit(call, leg, partial(_took_place, old))
        elif call.visit is not None and old in call.visit.ringing:
            self.pick_up(call, leg)
        else:
            raise CannotDo(481, "no-such-call")

    def pick_up(self, call: Call, leg: Leg) -> None:
        """Let a phone that calls in take a call that rings others."""
        if call.closing or call.visit is None or not call.visit.ringing:
            raise CannotDo(404, "not-possible-now")
        call.guests.admit(call, leg, picked_up)

    # -- forwarding by a phone, and giving back --------------------------------------------------

    def redirected(self, call: Call, ringing: Ringing, leg: Leg, contacts: tuple[str, ...]) -> None:
        """Ring instead what a phone of ours says (3xx), as if its user had dialled it."""
        if leg.party.user is None:
            return
        call.forwards += 1
        to = contacts[0]
        try:
            plan, user = self.user_of(call, leg.party.user)
            to = parse_uri(contacts[0]).user
            way = way_out(plan, user, to)
            if call.forwards > MOST_FORWARDS:
                raise CannotDo(482, "bad-number")
            legs = self._board.legs_for(call, call.number, (_forward_target(way),))
        except (CannotDo, RemoteError):
            call.decide("call.forward-refused", who=leg.who, to=to[:80])
            return
        call.decide("call.forwarded", who=leg.who, to=to)
        call.ring(ringing, legs)

    def next_carrier(self, call: Call, ringing: Ringing, leg: Leg, status: int) -> None:
        """Try the next trunk for a call out that a carrier could not take."""
        dial = leg.dial
        if dial is None or dial.target is None or not dial.others or leg.rang:
            return
        fresh = outside_leg(self._board, call, dial.shown, dial.target, list(dial.others))
        if fresh is None:
            return
        failed = self._board.trunks.name(leg.party.trunk)
        call.decide("call.trunk-failed", trunk=failed, status=str(status))
        fresh.call = call
        call.ring(ringing, [fresh])

    def give_back(self, call: Call, guest: Leg, to: Leg) -> bool:
        """Ring whoever sent a caller away in vain; False when that is nobody of ours."""
        user = call.plan.user(to.party.user)
        if user is None or guest.gone:
            return False
        call.decide("call.returned", who=to.who)
        plan, number = extension_flow(call.plan, user)
        call.send(guest, plan, number, "internal")
        return True


def _forward_target(way: object) -> Target:
    match way:
        case ToUser(colleague):
            return UserTarget(colleague.id)
        case ToOutside(e164, _, False):
            return OutsideTarget(e164)
        case ToNumber():
            raise CannotDo(403, "bad-number")
        case _:
            raise CannotDo(404, "bad-number")


def _joined(call: Call, leg: Leg) -> None:
    call.decide("call.joined", who=leg.who)
    call.join(leg)


def _not_joined(who: str, call: Call, reason: str) -> None:
    call.decide("call.not-joined", to=who)
    call.end_if_alone(call.a)


def _took_place(old: Leg, call: Call, leg: Leg) -> None:
    call.decide("call.replaced", who=old.who, to=leg.who)
    call.join(leg, role=call.talk.role(old) or "talk")
    if not old.gone:
        call.talk.leave(old)
        call.recordings.follow(call.talk.talkers)
        old.hang_up(ELSEWHERE)


def picked_up(call: Call, leg: Leg) -> None:
    """A phone that called in is answered: it takes the call, unless somebody was quicker."""
    visit = call.visit
    if visit is None or visit.connected or visit.picked is not None:
        leg.hang_up(ELSEWHERE)
        return
    call.decide("call.taken", who=leg.who)
    visit.take(leg)

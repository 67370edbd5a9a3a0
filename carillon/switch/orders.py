"""What the portal asks of live calls, and what phones ask by keys and codes: one door to every operation."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from carillon.flows.outgoing import ToFeature
from carillon.schema.commands import (
    CallCommand,
    CoachCall,
    CommandAnswer,
    DropLeg,
    HoldCall,
    InviteParty,
    JoinCalls,
    ParkCall,
    PlaceCall,
    PressKeys,
    RecordCall,
    TakeCall,
    TransferCall,
)
from carillon.schema.mediacontrol import SendDigits
from carillon.schema.plan import OutsideTarget, Plan, User, UserTarget
from carillon.switch.beginning import new_call
from carillon.switch.calls import Call
from carillon.switch.conversation import LISTEN, TALK, WHISPER
from carillon.switch.legs import Leg
from carillon.switch.parking import taken
from carillon.switch.recordings import records_by_key
from carillon.switch.transfers import CannotDo, picked_up

if TYPE_CHECKING:
    from carillon.switch.switchboard import Switchboard

RING_SECONDS = 30.0
KEYS = frozenset("0123456789*#ABCD")
MOST_KEYS_AT_ONCE = 40
COACH_KEYS = {"4": "listen", "5": "whisper", "6": "barge"}
ROLES = {"listen": LISTEN, "whisper": WHISPER, "barge": TALK}
REASONS = {LISTEN: "call.listening", WHISPER: "call.whispering", TALK: "call.barged-in"}
DONE = CommandAnswer(True)


class Orders:
    """Does them, or says why not (`CannotDo`)."""

    def __init__(self, board: Switchboard) -> None:
        self._board = board
        self._stars: set[Leg] = set()

    # -- from the portal -------------------------------------------------------------------------

    def do(self, command: CallCommand) -> CommandAnswer:
        """Do something with a call of a company."""
        call = self._board.calls.get(command.call)
        if call is None or call.plan.company != command.company or call.closing:
            return CommandAnswer(False, "no-such-call")
        answer = CommandAnswer(False, "not-possible-now")
        with self._board.guard(call):
            try:
                answer = self._do(call, command)
            except CannotDo as refusal:
                answer = CommandAnswer(False, refusal.reason)
        return answer

    def _do(self, call: Call, command: CallCommand) -> CommandAnswer:
        transfers = self._board.transfers
        match command:
            case HoldCall(_, _, leg, holding):
                self.hold(call, _leg(call, leg), holding)
            case TransferCall(_, _, to, "", user):
                transfers.redirect(call, user, to)
            case TransferCall(_, _, to, leg):
                left = _leg(call, leg)
                transfers.away(call, left, to)
                left.hang_up("")
            case JoinCalls():
                self._join_calls(call, command)
            case InviteParty(_, _, to, user):
                transfers.ask_in(call, transfers.user_of(call, user)[1], to)
            case DropLeg(_, _, leg):
                self._drop(call, _leg(call, leg))
            case ParkCall(_, _, leg, slot):
                left = _leg(call, leg)
                slot = self._board.parking.park(call, left, slot)
                left.hang_up("")
                return CommandAnswer(True, slot=slot)
            case TakeCall(_, _, user):
                self._take(call, user)
            case CoachCall():
                self._coach(call, command)
            case RecordCall(_, _, action, user):
                self.record(call, action, self._name(call, user))
            case PressKeys(_, _, leg, keys):
                self._press(call, _leg(call, leg), keys)
        return DONE

    def _name(self, call: Call, user: str) -> str:
        found = call.plan.user(user)
        return found.name if found else call.plan.name

    def hold(self, call: Call, leg: Leg, holding: bool) -> None:
        """Put the others on hold, or go on."""
        if call.talk.role(leg) != TALK:
            raise CannotDo(403, "not-talking")
        call.talk.hold(leg, holding)
        call.decide("call.held" if holding else "call.resumed", who=leg.who)

    def _join_calls(self, call: Call, command: JoinCalls) -> None:
        other = self._board.calls.get(command.other)
        if other is None or other.plan.company != call.plan.company:
            raise CannotDo(404, "no-such-call")
        first = _leg_of_user(call, command.user)
        second = _leg_of_user(other, command.user)
        if first is None or second is None:
            raise CannotDo(404, "no-such-leg")
        self._board.transfers.merge(call, first, other, second, stay=command.stay)
        if not command.stay:
            first.hang_up("")

    def _drop(self, call: Call, leg: Leg) -> None:
        call.decide("call.dropped", who=leg.who)
        leg.hang_up("")
        call.hung_up(leg)

    def _take(self, call: Call, user: str) -> None:
        """Ring a user's phones; whoever answers gets the parked or ringing call."""
        rings = call.visit is not None and not call.visit.connected and bool(call.visit.ringing)
        if not call.slot and not rings:
            raise CannotDo(403, "not-possible-now")
        then = taken if call.slot else picked_up
        legs = self._board.legs_for(call, call.number, (UserTarget(user),))
        if not legs:
            raise CannotDo(480, "no-phone")
        call.guests.invite(call, legs, RING_SECONDS, then, _nobody_took)

    # -- coaching --------------------------------------------------------------------------------

    def _coach(self, call: Call, command: CoachCall) -> None:
        role = ROLES.get(command.mode)
        if role is None or len(call.talk.talkers) < 2:
            raise CannotDo(403, "not-talking")
        self._board.transfers.user_of(call, command.user)
        to = call.leg(command.to) if command.to else _agent(call, command.user)
        if role == WHISPER and (to is None or to not in call.talk):
            raise CannotDo(404, "no-such-leg")
        present = _leg_of_user(call, command.user)
        if present is not None:
            _coached(role, to, call, present)
            return
        legs = self._board.legs_for(call, call.number, (UserTarget(command.user),))
        if not legs:
            raise CannotDo(480, "no-phone")
        then = partial(_coached, role, to)
        call.guests.invite(call, legs, RING_SECONDS, then, _nobody_took)

    def listen(self, leg: Leg, plan: Plan, user: User, extension: str) -> None:
        """Let a phone that calls in listen to a colleague's call."""
        colleague = plan.colleague(extension)
        if not user.may_coach or colleague is None or colleague.id == user.id:
            raise CannotDo(403, "no-such-user")
        for call in self._board.calls.values():
            found = _leg_of_user(call, colleague.id)
            if call.plan.company == plan.company and found is not None and found in call.talk:
                call.guests.admit(call, leg, partial(_coached, LISTEN, found))
                return
        raise CannotDo(404, "not-talking")

    # -- recording and keys ----------------------------------------------------------------------

    def record(self, call: Call, action: str, who: str) -> None:
        """Start, pause, resume or stop the recording of a conversation."""
        recordings = call.recordings
        if len(call.talk.talkers) < 2:
            raise CannotDo(403, "not-talking")
        match action, recordings.state:
            case "start", "off":
                recordings.record_call(call.talk.talkers)
            case "pause", "on":
                recordings.pause()
            case "resume", "paused":
                recordings.go_on()
            case "stop", "on" | "paused":
                recordings.stop_call()
            case _:
                raise CannotDo(403, "not-possible-now")
        past = {"start": "started", "pause": "paused", "resume": "resumed", "stop": "stopped"}
        call.decide(f"record.{past[action]}", who=who)

    def _press(self, call: Call, leg: Leg, keys: str) -> None:
        others = [each for each in call.talk.talkers if each is not leg]
        if leg not in call.talk or not others:
            raise CannotDo(403, "not-talking")
        if not keys or len(keys) > MOST_KEYS_AT_ONCE or not KEYS.issuperset(keys):
            raise CannotDo(400, "bad-number")
        for other in others:
            call.sounds.ask(SendDigits(other.media, keys))

    def pressed(self, call: Call, leg: Leg, digit: str) -> None:
        """A phone of ours pressed a key while talking: star 1 records, star 2 pauses; coaches change role."""
        if leg.party.user is None:
            return
        if call.talk.role(leg) != TALK or leg.coach:
            mode = COACH_KEYS.get(digit)
            if mode is not None:
                _coached(ROLES[mode], _agent(call, leg.party.user), call, leg)
            return
        starred = leg in self._stars
        self._stars.discard(leg)
        if digit == "*":
            self._stars.add(leg)
        elif starred and digit in "12" and _by_key(call):
            self._record_by_key(call, leg, digit)

    def _record_by_key(self, call: Call, leg: Leg, digit: str) -> None:
        state = call.recordings.state
        action = "pause" if state == "on" else "resume"
        if digit == "1":
            action = "start" if state == "off" else "stop"
        elif state == "off":
            return
        # Whoever is alone in a call has nobody to record.
        with suppress(CannotDo):
            self.record(call, action, leg.who)

    def record_key(self, call: Call, leg: Leg, *, on: bool) -> None:
        """A phone's own record key was pressed (INFO with a Record header); it may do what star 1 may."""
        talks = leg in call.talk and call.talk.role(leg) == TALK and not leg.coach
        if not (talks and leg.party.user and _by_key(call)) or on == (
            call.recordings.state != "off"
        ):
            return
        with suppress(CannotDo):
            self.record(call, "start" if on else "stop", leg.who)

    def forget(self, call: Call) -> None:
        """A call is over."""
        self._stars.difference_update(call.legs)

    # -- codes dialled on a phone ----------------------------------------------------------------

    def feature(self, leg: Leg, plan: Plan, user: User, way: ToFeature) -> None:
        """Do what a phone that calls in dialled a code for."""
        parking = self._board.parking
        match way.name:
            case "park":
                call = parking.find(plan.company, way.argument)
                if call is None:
                    raise CannotDo(404, "no-such-call")
                parking.take(call, leg)
            case "pick-up":
                self._board.transfers.pick_up(self._ringing_call(plan, user, way.argument), leg)
            case "listen":
                self.listen(leg, plan, user, way.argument)
            case _:
                raise CannotDo(404, "bad-number")

    def _ringing_call(self, plan: Plan, user: User, extension: str) -> Call:
        """Return the call that rings a colleague, or the one that rings anybody for longest."""
        wanted = {each.id for each in plan.users if not extension or each.extension == extension}
        wanted.discard(user.id)
        for call in self._board.calls.values():
            ours = call.plan.company == plan.company and not call.closing
            rings = call.visit.ringing.legs if ours and call.visit is not None else []
            if any(leg.party.user in wanted for leg in rings):
                return call
        raise CannotDo(404, "no-such-call")

    # -- click to call ---------------------------------------------------------------------------

    def place(self, command: PlaceCall) -> CommandAnswer:
        """Ring a user's phones first, then what they wanted to call."""
        board = self._board
        plan = board.plans.plan(command.company)
        user = board.plans.user(command.company, command.user)
        if plan is None or user is None:
            return CommandAnswer(False, "no-such-user")
        try:
            into = board.transfers.entrance(plan, user, command.dialled)
        except CannotDo as refusal:
            return CommandAnswer(False, refusal.reason)
        arrived = new_call(
            *(board, plan, into.direction),
            into.number.e164 if into.direction == "outbound" else user.extension,
            into.called,
            user.name,
            number=into.number_id,
            user=user.id,
        )
        legs = board.caller_legs(plan, user, command.device, into.who)
        for_help = isinstance(into.target, OutsideTarget) and into.target.emergency
        if not legs or (board.full and not for_help):
            return CommandAnswer(False, "full" if legs else "no-phone")
        call = Call(board, arrived, into.plan, into.number, legs[0], placed=True)
        board.begin_placed(call, arrived, legs)
        return CommandAnswer(True, call=call.id)


def _by_key(call: Call) -> bool:
    return records_by_key(call.arrived.direction, call.number)


def _leg(call: Call, name: str) -> Leg:
    leg = call.leg(name)
    if leg is None:
        raise CannotDo(404, "no-such-leg")
    return leg


def _leg_of_user(call: Call, user: str) -> Leg | None:
    """Return a user's own leg of a call: in the conversation, or following the flow."""
    mine = [leg for leg in call.legs if leg.party.user == user and not leg.gone and leg.answered]
    talking = [leg for leg in mine if leg in call.talk]
    visiting = [leg for leg in call.legs if call.visit is not None and leg is call.visit.leg]
    return next(iter(talking), None) or next(
        (leg for leg in visiting if leg.party.user == user and not leg.gone), None
    )


def _agent(call: Call, coach: str | None) -> Leg | None:
    """Return our own person on the call, whom a coach helps."""
    ours = (leg for leg in call.talk.talkers if leg.party.user not in (None, coach))
    return next(ours, None)


def _coached(role: str, to: Leg | None, call: Call, leg: Leg) -> None:
    leg.coach = True
    call.decide(REASONS[role], who=leg.who, to=to.who if to is not None else "")
    call.join(leg, role=role, to=to)


def _nobody_took(call: Call, reason: str) -> None:
    """Nothing changes for those on the call."""

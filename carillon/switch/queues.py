"""Calls that wait for people: the lines of every company, served as soon as somebody is free.

What happens only marks who or what is to be looked at; the look comes when the loop is free again, so that a
flow is never fed while it is being run. Users who became free come before callers who have just arrived.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from carillon.flows.dispatch import Dispatcher, Offer
from carillon.flows.outgoing import callback_flow
from carillon.flows.people import members
from carillon.flows.steps import AWAY, NobodyLeft, Offered, Seek
from carillon.schema.commands import CommandAnswer, PlaceCallback
from carillon.schema.plan import Number, Plan
from carillon.switch.beginning import new_call
from carillon.switch.calls import Call

if TYPE_CHECKING:
    from carillon.switch.legs import Leg
    from carillon.switch.switchboard import Switchboard
    from carillon.switch.visit import Visit

CALLBACK = "callback:"
"""Begins the name of what waits in a line without being a call."""
MOST_CALLBACKS = 500


@dataclass(slots=True)
class _Line:
    """One company's: who waits, and what has to be looked at."""

    dispatcher: Dispatcher
    freed: dict[str, None]
    """Users who may be free, in order."""
    due: dict[str, None]
    """Calls that may be offered to somebody."""


class Queues:
    """Brings waiting calls and free people together."""

    def __init__(self, board: Switchboard) -> None:
        self._board = board
        self._lines: dict[str, _Line] = {}
        self._visits: dict[str, Visit] = {}
        self._callbacks: dict[str, PlaceCallback] = {}
        self._woken = False

    def _line(self, company: str) -> _Line:
        line = self._lines.get(company)
        if line is None:
            people = self._board.people
            dispatcher = Dispatcher(lambda user: people.idle_since(company, user))
            line = self._lines[company] = _Line(dispatcher, {}, {})
        return line

    # -- what flows ask --------------------------------------------------------------------------

    def seek(self, visit: Visit, company: str, call: str, wish: Seek) -> None:
        """Let a call wait in a line."""
        self._visits[call] = visit
        line = self._line(company)
        line.dispatcher.seek(call, wish)
        self._wake(line.due, call)

    def passed(self, company: str, call: str, *, refused: bool) -> None:
        """Whoever was offered the call did not take it."""
        line = self._line(company)
        line.dispatcher.passed(call, refused=refused)
        self._wake(line.due, call)

    def taken(self, company: str, call: str) -> None:
        """Somebody picked the call up."""
        if call in self._visits:
            self._line(company).dispatcher.taken(call, self._board.clock())

    def leave(self, company: str, call: str) -> None:
        """The call waits no longer."""
        if self._visits.pop(call, None) is not None:
            self._line(company).dispatcher.leave(call)

    def place(self, company: str, call: str) -> tuple[int, float]:
        """Return a call's place in its line, and how many seconds it may take."""
        return self._line(company).dispatcher.place(call)

    # -- what happens to people ------------------------------------------------------------------

    def changed(self, company: str, user: str) -> None:
        """A user may be free, or away, now."""
        line = self._lines.get(company)
        if line is not None and len(line.dispatcher):
            self._wake(line.freed, user)

    def look(self) -> None:
        """Look at everybody somebody waits for: schedules change without anything happening."""
        for line in self._lines.values():
            for user in line.dispatcher.wanted():
                self._wake(line.freed, user)

    def _wake(self, into: dict[str, None], name: str) -> None:
        into[name] = None
        if not self._woken:
            self._woken = True
            self._board.loop.call_soon(self._serve)

    def _serve(self) -> None:
        self._woken = False
        for company, line in list(self._lines.items()):
            freed, line.freed = list(line.freed), {}
            due, line.due = list(line.due), {}
            for user in freed:
                self._look_at(company, line.dispatcher, user)
            for call in line.dispatcher.in_turn(due):
                self._hand_on(company, line.dispatcher.offer(call, self._is_free(company)))
                self._check_hope(company, line.dispatcher, call)

    def _look_at(self, company: str, dispatcher: Dispatcher, user: str) -> None:
        self._hand_on(company, dispatcher.freed(user, self._is_free(company)))
        if self._board.people.availability(company, user) in AWAY:
            for call in dispatcher.waiting_for(user):
                self._check_hope(company, dispatcher, call)

    def _is_free(self, company: str) -> _Is:
        return _Is(self._board, company, frozenset({"free"}))

    def _check_hope(self, company: str, dispatcher: Dispatcher, call: str) -> None:
        if not dispatcher.hopeless(call, _Is(self._board, company, AWAY)):
            return
        visit = self._visits.get(call)
        if visit is None:
            self._forget_callback(call)
        elif visit.leg.call is not None and not dispatcher.is_offered(call):
            with self._board.guard(visit.leg.call):
                visit.feed(NobodyLeft())

    def _hand_on(self, company: str, offer: Offer | None) -> None:
        if offer is None:
            return
        visit = self._visits.get(offer.call)
        if visit is None:
            self._call_back(offer)
        elif visit.leg.call is not None:
            with self._board.guard(visit.leg.call):
                visit.feed(Offered(offer.users))

    # -- callbacks -------------------------------------------------------------------------------

    def place_callback(self, command: PlaceCallback) -> CommandAnswer:
        """Let somebody who asked to be called back wait in a line; asking twice changes nothing."""
        name = CALLBACK + command.callback
        plan = self._board.plans.plan(command.company)
        number = _number(plan, command)
        if plan is None or number is None:
            return CommandAnswer(False, "bad-number")
        users = dict.fromkeys(user for each in command.targets for user in members(plan, each))
        if not users:
            return CommandAnswer(False, "no-such-user")
        if self._is_under_way(command) or name in self._callbacks:
            return CommandAnswer(True)
        if len(self._callbacks) >= MOST_CALLBACKS:
            return CommandAnswer(False, "full")
        self._callbacks[name] = command
        wish = Seek(command.number, tuple(users), "longest-idle", number.priority, command.since)
        line = self._line(command.company)
        line.dispatcher.seek(name, wish)
        self._wake(line.due, name)
        return CommandAnswer(True)

    def _is_under_way(self, command: PlaceCallback) -> bool:
        return any(
            call.arrived.callback == command.callback and call.plan.company == command.company
            for call in self._board.calls.values()
        )

    def _forget_callback(self, name: str) -> None:
        command = self._callbacks.pop(name, None)
        if command is not None:
            self._line(command.company).dispatcher.leave(name)

    def _call_back(self, offer: Offer) -> None:
        """Ring the user whose turn it is, then whoever wants to be called back."""
        command = self._callbacks[offer.call]
        board = self._board
        plan = board.plans.plan(command.company)
        user = board.plans.user(command.company, offer.users[0])
        number = _number(plan, command)
        legs = board.caller_legs(plan, user, "", command.to) if plan and user else []
        if plan is None or user is None or number is None or not legs or board.full:
            self.passed(command.company, offer.call, refused=True)
            return
        arrived = new_call(
            *(board, plan, "outbound", number.e164, command.to, user.name),
            number=number.id,
            user=user.id,
            purpose="callback",
            callback=command.callback,
        )
        flow, shown = callback_flow(plan, number, command.to, user.language)
        call = Call(board, arrived, flow, shown, legs[0], placed=True)

        def nobody(call: Call, reason: str) -> None:
            call.end(by="system", detail="callback-not-taken")
            self.passed(command.company, offer.call, refused=reason != "timeout")

        def taken(call: Call, leg: Leg) -> None:
            self._forget_callback(offer.call)
            call.follow(leg)

        board.begin_placed(call, arrived, legs, taken, nobody)


def _number(plan: Plan | None, command: PlaceCallback) -> Number | None:
    return plan.number(command.number) if plan is not None else None


@dataclass(frozen=True, slots=True)
class _Is:
    """Says of a user whether the state is one of some."""

    board: Switchboard
    company: str
    states: frozenset[str]

    def __call__(self, user: str) -> bool:
        return self.board.people.availability(self.company, user) in self.states

"""A call that never happens: the same courses, with pretended people, keys and time.

The switch runs a course with phones and clocks; here a list of moments takes their place, so that the answer
to "what happens to a call on 24 December at 17:59?" comes from the very code that will take that call.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import msgspec

from carillon.flows import steps
from carillon.flows.blocking import is_blocked
from carillon.flows.course import Course
from carillon.flows.dispatch import Dispatcher, Offer
from carillon.flows.people import target_name
from carillon.schema.plan import DeviceTarget, OutsideTarget, Plan, Target, UserTarget

MOST_MOMENTS = 20_000
LONGEST_SECONDS = 4 * 3600.0
KEY_SECONDS = 1.0
"""How long after something is heard the caller presses the next key."""
CONFIRM_SECONDS, UNCONFIRMED_SECONDS = 2.0, 20.0
BEEP_SECONDS = 0.5
CALL = "simulated"


class Pretended(msgspec.Struct, frozen=True):
    """How somebody behaves. `state` is one of `steps.STATES`; `frees_after`: when a busy one is free again.

    With `answers_after` the phone is picked up after so many seconds, or refused where it `declines`.
    """

    state: str = "free"
    answers_after: float | None = None
    declines: bool = False
    frees_after: float | None = None


class Scenario(msgspec.Struct, frozen=True, kw_only=True):
    """A call to be tried. `people` by user id, `everybody`: all others, `outside`: numbers rung outside.

    `keys` are pressed one after the other, as soon as something listens. `confirms`: whoever picks up outside
    presses 1 where asked. `gives_up_after`: when the caller hangs up.
    """

    number: str
    at: datetime
    caller: str = "anonymous"
    keys: str = ""
    people: dict[str, Pretended] = {}
    everybody: Pretended | None = None
    """None: available people do not answer, the others are as the plan says."""
    outside: Pretended = Pretended()
    confirms: bool = True
    gives_up_after: float | None = None
    message_seconds: float = 12.0


class Line(msgspec.Struct, frozen=True):
    """One decision, `seconds` after the call began."""

    seconds: float
    node: str
    reason: str
    facts: dict[str, str] = {}


class Simulation(msgspec.Struct, frozen=True):
    """What would happen. `outcome` as in `CallEnded`; `ended` is false only for a call that never stops."""

    lines: tuple[Line, ...]
    outcome: str
    seconds: float
    ended: bool


class NoSuchNumber(ValueError):
    """The plan has no number of this id."""


def simulate(plan: Plan, scenario: Scenario) -> Simulation:
    """Return what happens to a call; `NoSuchNumber` where the plan does not have the number."""
    stage = _Stage(plan, scenario)
    if is_blocked(plan, scenario.caller):
        blocked = Line(0.0, "", "call.blocked", {"number": scenario.caller})
        return Simulation((blocked,), "blocked", 0.0, ended=True)
    return stage.run()


@dataclass(order=True, slots=True)
class _Moment:
    seconds: float
    order: int
    what: str = field(compare=False)
    event: steps.Happening | None = field(compare=False, default=None)
    who: str = field(compare=False, default="")
    dropped: bool = field(compare=False, default=False)


class _Stage:
    """One simulated call."""

    def __init__(self, plan: Plan, scenario: Scenario) -> None:
        number = plan.number(scenario.number)
        if number is None:
            raise NoSuchNumber(scenario.number)
        self._plan = plan
        self._scenario = scenario
        self._course = Course(plan, number, scenario.caller)
        self._line = Dispatcher(lambda user: 0.0)
        self._now = 0.0
        self._order = 0
        self._moments: list[_Moment] = []
        self._timers: dict[str, _Moment] = {}
        self._playing: _Moment | None = None
        self._ringing: dict[Target, list[_Moment]] = {}
        self._freed: set[str] = set()
        self._keys = scenario.keys
        self._key: _Moment | None = None
        self._lines: list[Line] = []
        self._talks = False

    # -- the world -------------------------------------------------------------------------------

    def _person(self, user: str) -> Pretended:
        found = self._scenario.people.get(user) or self._scenario.everybody
        if found is not None:
            return found
        known = self._plan.user(user)
        return Pretended("free" if known is not None and known.available else "dnd")

    def availability(self, user: str) -> str:
        """Return the state somebody is pretended to be in now."""
        return "free" if user in self._freed else self._person(user).state

    def place(self) -> tuple[int, float]:
        """Nobody else waits."""
        return 1, 0.0

    def _is_free(self, user: str) -> bool:
        return self.availability(user) == "free" and UserTarget(user) not in self._ringing

    # -- time ------------------------------------------------------------------------------------

    def _at(self) -> datetime:
        return self._scenario.at + timedelta(seconds=self._now)

    def _later(
        self, seconds: float, what: str, event: steps.Happening | None = None, who: str = ""
    ) -> _Moment:
        self._order += 1
        moment = _Moment(self._now + max(0.0, seconds), self._order, what, event, who)
        heapq.heappush(self._moments, moment)
        return moment

    def run(self) -> Simulation:
        """Let everything happen in its order."""
        for user, person in self._scenario.people.items():
            if person.frees_after is not None:
                self._later(person.frees_after, "freed", who=user)
        if self._scenario.gives_up_after is not None:
            self._later(self._scenario.gives_up_after, "gives-up")
        self._do(self._course.begin(self._at(), self))
        for _ in range(MOST_MOMENTS):
            if self._course.ended or self._talks or not self._moments:
                break
            moment = heapq.heappop(self._moments)
            if moment.dropped:
                continue
            if moment.seconds > LONGEST_SECONDS:
                self._lines.append(Line(LONGEST_SECONDS, "", "call.too-long"))
                self._do(self._course.leave())
                break
            self._now = moment.seconds
            self._happen(moment)
        ended = self._course.ended or self._talks
        return Simulation(tuple(self._lines), self._course.outcome(), self._now, ended)

    def _happen(self, moment: _Moment) -> None:
        match moment.what:
            case "gives-up":
                self._do(self._course.leave())
            case "freed":
                self._freed.add(moment.who)
                self._hand_on(self._line.freed(moment.who, self._is_free))
            case "key":
                self._press()
            case "declined":
                self._stopped_ringing(moment)
            case "picked":
                self._picked(moment)
            case "unconfirmed":
                self._tell("ring.not-confirmed", moment.who)
                self._stopped_ringing(moment)
            case _:
                if moment.event is not None:
                    self._feed(moment.event)

    def _feed(self, event: steps.Happening) -> list[steps.Asked]:
        asked = self._course.step(event, self._at(), self)
        self._do(asked)
        return asked

    # -- what the flow asks ----------------------------------------------------------------------

    def _do(self, asked: list[steps.Asked]) -> None:
        for wish in asked:
            self._do_one(wish)

    def _do_one(self, wish: steps.Asked) -> None:
        match wish:
            case steps.Decide(node, reason, facts):
                self._lines.append(Line(self._now, node, reason, facts))
            case steps.Play(prompts):
                self._play(sum(prompt.seconds for prompt in prompts))
            case steps.PlayBeep():
                self._play(BEEP_SECONDS)
            case steps.PlayRecording():
                self._play(self._scenario.message_seconds)
            case steps.PlayWaiting():
                self._drop(self._playing)
                self._listen()
            case steps.Ring(targets):
                for target in targets:
                    self._ring(target)
            case steps.StopRinging():
                self._stop_ringing()
            case steps.Connect():
                self._talks = True
            case _:
                self._do_more(wish)

    def _do_more(self, wish: steps.Asked) -> None:
        match wish:
            case steps.StopPlaying():
                self._drop(self._playing)
                self._listen()
            case steps.PlayMessage(prompts):
                spoken = sum(prompt.seconds for prompt in prompts)
                self._play(spoken + self._scenario.message_seconds)
            case steps.AskMailbox():
                self._later(0.0, "event", steps.MailboxOpened("ok"))
            case steps.ChangeMessage(act=act):
                self._later(0.0, "event", steps.MessageChanged(act, True))
            case steps.SetTimer(seconds, name):
                self._drop(self._timers.get(name))
                self._timers[name] = self._later(seconds, "event", steps.TimerFired(name))
                self._listen()
            case steps.ClearTimer():
                for timer in self._timers.values():
                    self._drop(timer)
            case steps.Record(stop_digits=stops):
                self._record(stops)
            case steps.Seek():
                self._line.seek(CALL, wish)
                self._offer()
            case steps.Passed(refused):
                self._line.passed(CALL, refused=refused)
                self._offer()
            case steps.StopSeeking():
                self._line.leave(CALL)

    @staticmethod
    def _drop(moment: _Moment | None) -> None:
        if moment is not None:
            moment.dropped = True

    def _play(self, seconds: float) -> None:
        self._drop(self._playing)
        self._playing = self._later(seconds, "event", steps.Played())
        self._listen()

    def _listen(self) -> None:
        """Something listens, perhaps for a key: press the next one soon."""
        if self._keys and (self._key is None or self._key.dropped):
            self._key = self._later(KEY_SECONDS, "key")

    def _press(self) -> None:
        self._key = None
        if not self._keys:
            return
        key = self._keys[0]
        if self._feed(steps.Pressed(key)):
            self._keys = self._keys[1:]
            self._listen()

    def _record(self, stops: str) -> None:
        seconds = self._scenario.message_seconds
        if self._keys and self._keys[0] in stops:
            key, self._keys = self._keys[0], self._keys[1:]
            self._later(seconds, "event", steps.Recorded("digit", seconds, key))
        else:
            self._later(seconds, "event", steps.Recorded("stopped", seconds))

    # -- phones ----------------------------------------------------------------------------------

    def _offer(self) -> None:
        self._hand_on(self._line.offer(CALL, self._is_free))
        if self._line.hopeless(CALL, lambda user: self.availability(user) in steps.AWAY):
            self._later(0.0, "event", steps.NobodyLeft())

    def _hand_on(self, offer: Offer | None) -> None:
        if offer is not None:
            # Later, like the switch: a flow is never fed while it is being run.
            self._later(0.0, "event", steps.Offered(offer.users))

    def _ring(self, target: Target) -> None:
        person = self._of(target)
        name = target_name(self._plan, target) or ""
        moments = self._ringing.setdefault(target, [])
        if person.declines:
            after = KEY_SECONDS if person.answers_after is None else person.answers_after
            moments.append(self._later(after, "declined", who=name))
        elif person.answers_after is not None:
            moments.append(self._later(person.answers_after, "picked", who=name))

    def _of(self, target: Target) -> Pretended:
        match target:
            case UserTarget(user):
                return self._person(user)
            case DeviceTarget(device):
                owner = self._plan.device(device)
                return self._person(owner.user) if owner else Pretended()
            case _:
                return self._scenario.outside

    def _target_of(self, moment: _Moment) -> Target | None:
        found = (target for target, moments in self._ringing.items() if moment in moments)
        return next(found, None)

    def _picked(self, moment: _Moment) -> None:
        target = self._target_of(moment)
        if isinstance(target, OutsideTarget) and target.confirm:
            self._tell("ring.confirm-asked", moment.who)
            if not self._scenario.confirms:
                late = self._later(UNCONFIRMED_SECONDS, "unconfirmed", who=moment.who)
                self._ringing[target].append(late)
                return
            event = steps.Picked(moment.who)
            self._ringing[target].append(self._later(CONFIRM_SECONDS, "event", event))
            return
        self._feed(steps.Picked(moment.who))

    def _tell(self, reason: str, who: str) -> None:
        self._lines.append(Line(self._now, "", reason, {"who": who}))

    def _stopped_ringing(self, moment: _Moment) -> None:
        target = self._target_of(moment)
        if target is not None:
            del self._ringing[target]
        if not self._ringing:
            self._feed(steps.RingingEnded("declined"))

    def _stop_ringing(self) -> None:
        for moments in self._ringing.values():
            for moment in moments:
                self._drop(moment)
        self._ringing.clear()

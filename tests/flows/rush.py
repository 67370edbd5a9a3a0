"""Many calls of one company at once: their courses share one line, as they do in the switch."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from datetime import timedelta

from carillon.flows import steps
from carillon.flows.course import Course
from carillon.flows.dispatch import Dispatcher, Offer
from carillon.flows.people import target_name
from carillon.flows.simulate import Pretended
from carillon.schema.plan import DeviceTarget, Plan, Target, UserTarget
from tests.flows.chance import BEGIN, KEYS, Chance

MOST_MOMENTS = 50_000


class Moment:
    """Something that will happen, unless it is dropped before."""

    def __init__(self, at: float, order: int, do: Callable[[], None]) -> None:
        self.at, self.order, self.do = at, order, do
        self.dropped = False

    def __lt__(self, other: Moment) -> bool:
        return (self.at, self.order) < (other.at, other.order)


class Hour:
    """A company, its people and its callers, from one seed. `run` asserts what must always hold."""

    def __init__(self, seed: int) -> None:
        self.chance = Chance(seed)
        self.plan: Plan = self.chance.plan()
        self.people = {user.id: self.chance.pretended() for user in self.plan.users}
        self.outside = self.chance.pretended()
        self.now = 0.0
        self.moments: list[Moment] = []
        self.line = Dispatcher(lambda user: self.idle.get(user, 0.0))
        self.idle: dict[str, float] = {}
        self.freed: set[str] = set()
        self.busy: dict[str, Caller] = {}
        """By user: who rings them, or talks with them."""
        self.changed: dict[str, None] = {}
        self.due: dict[str, None] = {}
        self.woken = False
        self.callers: dict[str, Caller] = {}
        for n in range(self.chance.dice.randint(2, 8)):
            self.later(self.chance.dice.uniform(0, 60), Caller(self, str(n)).begin)
        for user, person in self.people.items():
            if person.frees_after is not None:
                self.later(person.frees_after, lambda user=user: self.frees(user))  # type: ignore[misc]

    def later(self, seconds: float, do: Callable[[], None]) -> Moment:
        moment = Moment(
            self.now + seconds, len(self.moments) + self.chance.dice.getrandbits(40), do
        )
        heapq.heappush(self.moments, moment)
        return moment

    def run(self) -> None:
        """Let everything happen; nobody may be left when nothing happens any more."""
        for _ in range(MOST_MOMENTS):
            if not self.moments:
                break
            moment = heapq.heappop(self.moments)
            if not moment.dropped:
                self.now = moment.at
                moment.do()
                for caller in self.callers.values():
                    assert caller.over or caller.waits, "a caller is lost"
        assert not self.moments, "this hour never ends"
        assert all(caller.over for caller in self.callers.values())
        assert not self.busy
        assert not len(self.line)

    # -- people ----------------------------------------------------------------------------------

    def availability(self, user: str, caller: Caller | None = None) -> str:
        taken = self.busy.get(user)
        state = "free" if user in self.freed else self.people.get(user, Pretended("no-phone")).state
        return "busy" if state == "free" and taken not in (None, caller) else state

    def is_free(self, user: str) -> bool:
        return self.availability(user) == "free"

    def frees(self, user: str) -> None:
        self.freed.add(user)
        self.look_at(user)

    def look_at(self, user: str) -> None:
        self.changed[user] = None
        self.wake()

    def wake(self) -> None:
        if not self.woken:
            self.woken = True
            self.later(0.0, self.serve)

    def serve(self) -> None:
        """Do as `switch.queues` does."""
        self.woken = False
        changed, self.changed = self.changed, {}
        due, self.due = self.due, {}
        for user in changed:
            self.hand_on(self.line.freed(user, self.is_free))
            if self.availability(user) in steps.AWAY:
                for call in self.line.waiting_for(user):
                    self.check_hope(call)
        for call in self.line.in_turn(due):
            self.hand_on(self.line.offer(call, self.is_free))
            self.check_hope(call)
        if not self.woken:
            for call in self.callers:
                assert self.line.offer(call, self.is_free) is None, "a caller waits for the free"
                if self.line.is_offered(call):
                    assert self.callers[call].rings, "a caller is offered to nobody's phone"

    def check_hope(self, call: str) -> None:
        away = lambda user: self.availability(user) in steps.AWAY  # noqa: E731
        if self.line.hopeless(call, away) and not self.line.is_offered(call):
            self.callers[call].feed(steps.NobodyLeft())

    def hand_on(self, offer: Offer | None) -> None:
        if offer is not None:
            self.callers[offer.call].feed(steps.Offered(offer.users))


class Caller:
    """One of the calls, and what a switch would keep of it."""

    def __init__(self, hour: Hour, name: str) -> None:
        dice = hour.chance.dice
        self.hour, self.name = hour, name
        self.course = Course(hour.plan, dice.choice(hour.plan.numbers), "anonymous")
        self.over = False
        self.timers: dict[str, Moment] = {}
        self.playing: Moment | None = None
        self.rings: dict[Target, Moment | None] = {}
        self.talks_with = ""
        self.keys = [dice.choice(KEYS) for _ in range(dice.randint(0, 8))]
        self.patience = dice.choice((None, None, 3.0, 40.0))

    @property
    def waits(self) -> bool:
        """Whether anything is still going to happen to it."""
        return any(not each.dropped for each in (*self.timers.values(), self.playing) if each)

    def begin(self) -> None:
        self.hour.callers[self.name] = self
        for n, key in enumerate(self.keys):
            self.hour.later(1.0 + 2.5 * n, lambda key=key: self.feed(steps.Pressed(key)))  # type: ignore[misc]
        if self.patience is not None:
            self.hour.later(self.patience, self.gives_up)
        self.do(self.course.begin(BEGIN + timedelta(seconds=self.hour.now), self))

    def gives_up(self) -> None:
        if not self.over:
            self.course.leave()
            self.end()

    def feed(self, event: steps.Happening) -> None:
        if not self.over and not self.talks_with:
            at = BEGIN + timedelta(seconds=self.hour.now)
            self.do(self.course.step(event, at, self))

    def availability(self, user: str) -> str:
        return self.hour.availability(user, self if self.rings else None)

    def place(self) -> tuple[int, float]:
        return self.hour.line.place(self.name)

    def do(self, asked: list[steps.Asked]) -> None:
        for wish in asked:
            self.do_one(wish)

    def do_one(self, wish: steps.Asked) -> None:
        line = self.hour.line
        match wish:
            case steps.Play() | steps.PlayBeep() | steps.PlayRecording():
                self.play(1.0, steps.Played())
            case steps.Record():
                self.play(12.0, steps.Recorded("silence", 12.0))
            case steps.PlayWaiting() | steps.StopPlaying():
                self.drop(self.playing)
            case steps.SetTimer(seconds, name):
                self.drop(self.timers.get(name))
                self.timers[name] = self.hour.later(seconds, lambda: self.fire(name))
            case steps.ClearTimer():
                for timer in self.timers.values():
                    self.drop(timer)
            case steps.Seek():
                line.seek(self.name, wish)
                self.hour.due[self.name] = None
                self.hour.wake()
            case steps.Passed(refused):
                line.passed(self.name, refused=refused)
                self.hour.due[self.name] = None
                self.hour.wake()
            case steps.StopSeeking():
                line.leave(self.name)
            case steps.Ring(targets):
                for target in targets:
                    self.ring(target)
            case steps.StopRinging():
                self.stop_ringing()
            case steps.Connect():
                self.talk()
            case steps.End():
                assert self.name not in line, "a call that ended waits in no line"
                self.end()

    def fire(self, name: str) -> None:
        self.drop(self.timers.pop(name))
        self.feed(steps.TimerFired(name))

    def play(self, seconds: float, then: steps.Happening) -> None:
        self.drop(self.playing)

        def over() -> None:
            self.drop(self.playing)
            self.feed(then)

        self.playing = self.hour.later(seconds, over)

    @staticmethod
    def drop(moment: Moment | None) -> None:
        if moment is not None:
            moment.dropped = True

    # -- phones ----------------------------------------------------------------------------------

    def user_of(self, target: Target) -> str:
        if isinstance(target, UserTarget):
            return target.user
        if isinstance(target, DeviceTarget):
            found = (each.user for each in self.hour.plan.devices if each.id == target.device)
            return next(found, "")
        return ""

    def ring(self, target: Target) -> None:
        hour, user = self.hour, self.user_of(target)
        if isinstance(target, UserTarget):
            assert target not in self.rings, "rung twice for one call"
            assert hour.availability(user, self) == "free", f"{user} is rung and not free"
        if user:
            # A phone that is named itself is rung whatever its user does: it refuses or shows two.
            hour.busy.setdefault(user, self)
        person = hour.people.get(user, Pretended()) if user else hour.outside
        act: Callable[[], None] = lambda: self.picked(target)  # noqa: E731
        if person.declines:
            act = lambda: self.declined(target)  # noqa: E731
        after = 1.0 if person.declines else person.answers_after
        self.rings[target] = None if after is None else hour.later(after, act)

    def release(self, target: Target) -> None:
        self.drop(self.rings.pop(target))
        user = self.user_of(target)
        still = any(self.user_of(each) == user for each in self.rings) or user == self.talks_with
        if user and self.hour.busy.get(user) is self and not still:
            del self.hour.busy[user]
            self.hour.look_at(user)

    def declined(self, target: Target) -> None:
        self.release(target)
        if not self.rings:
            self.feed(steps.RingingEnded("declined"))

    def picked(self, target: Target) -> None:
        user = self.user_of(target)
        self.hour.line.taken(self.name, self.hour.now)
        keep = self.hour.busy.get(user) is self
        self.feed(steps.Picked(target_name(self.hour.plan, target) or ""))
        assert self.talks_with or self.over, "whoever picks up talks"
        if user and keep:
            self.hour.busy[user] = self
            self.talks_with = user

    def stop_ringing(self) -> None:
        for target in list(self.rings):
            self.release(target)

    def talk(self) -> None:
        self.talks_with = "outside"
        for timer in self.timers.values():
            self.drop(timer)
        self.drop(self.playing)
        self.playing = self.hour.later(self.hour.chance.dice.uniform(5, 90), self.end)

    def end(self) -> None:
        """Leave nothing behind, as the switch does when a call ends."""
        self.over = True
        self.hour.line.leave(self.name)
        self.stop_ringing()
        for moment in (*self.timers.values(), self.playing):
            self.drop(moment)
        user, self.talks_with = self.talks_with, ""
        if self.hour.busy.get(user) is self:
            del self.hour.busy[user]
            self.hour.idle[user] = self.hour.now
            self.hour.look_at(user)

"""Many callers, many agents: nobody is offered two calls, nobody waits behind somebody who came later."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from carillon.flows.dispatch import Dispatcher, Offer
from carillon.flows.steps import Seek
from carillon.schema.plan import STRATEGIES

USERS = ("ann", "ben", "cat", "dan")


class Floor:
    """Agents with phones, and the calls that ring or talk there."""

    def __init__(self, *free: str, idle: dict[str, float] | None = None) -> None:
        self.free = set(free)
        self.idle = idle or {}
        self.line = Dispatcher(lambda user: self.idle.get(user, 0.0))

    def is_free(self, user: str) -> bool:
        return user in self.free

    def waits(
        self,
        call: str,
        users: tuple[str, ...] = USERS,
        strategy: str = "all",
        priority: int = 0,
        since: float = 0.0,
    ) -> Offer | None:
        self.line.seek(call, Seek("team", users, strategy, priority, since))
        return self.rings(self.line.offer(call, self.is_free))

    def rings(self, offer: Offer | None) -> Offer | None:
        if offer:
            self.free.difference_update(offer.users)
        return offer

    def frees(self, user: str) -> Offer | None:
        self.free.add(user)
        return self.rings(self.line.freed(user, self.is_free))

    def lets_pass(self, call: str, *users: str, refused: bool = False) -> Offer | None:
        self.line.passed(call, refused=refused)
        self.free.update(users)
        return self.rings(self.line.offer(call, self.is_free))


def test_all_free_members_are_offered_a_call_at_once_and_later_ones_join() -> None:
    floor = Floor("ann", "cat")
    assert floor.waits("1") == Offer("1", ("ann", "cat"))
    assert floor.frees("ben") == Offer("1", ("ben",))


def test_whoever_waits_longest_gets_the_agent_who_becomes_free() -> None:
    floor = Floor()
    for call, since in (("late", 30.0), ("first", 10.0), ("second", 20.0)):
        assert floor.waits(call, since=since) is None
    assert floor.frees("ann") == Offer("first", ("ann",))
    assert floor.frees("ben") == Offer("second", ("ben",))


def test_a_number_with_priority_comes_before_whoever_waits_longer() -> None:
    floor = Floor()
    floor.waits("long", since=1.0)
    floor.waits("vip", priority=5, since=99.0)
    assert floor.frees("ann") == Offer("vip", ("ann",))


def test_in_turn_rings_one_after_the_other_and_begins_again() -> None:
    floor = Floor("ann", "ben")
    assert floor.waits("1", ("ann", "ben"), "in-turn") == Offer("1", ("ann",))
    assert floor.lets_pass("1", "ann") == Offer("1", ("ben",))
    assert floor.lets_pass("1", "ben") == Offer("1", ("ann",))


def test_longest_idle_rings_whoever_has_had_no_call_for_longest() -> None:
    floor = Floor("ann", "ben", "cat", idle={"ann": 50.0, "ben": 20.0, "cat": 70.0})
    assert floor.waits("1", strategy="longest-idle") == Offer("1", ("ben",))


def test_round_robin_goes_on_after_whoever_was_rung_last() -> None:
    floor = Floor("ann", "ben", "cat")
    three = ("ann", "ben", "cat")
    rung = [floor.waits(str(n), three, "round-robin") for n in range(3)]
    assert [offer.users for offer in rung if offer] == [("ann",), ("ben",), ("cat",)]
    floor.free.update(three)
    assert floor.waits("3", three, "round-robin") == Offer("3", ("ann",))


def test_whoever_refused_is_not_asked_again_and_a_line_without_hope_is_known() -> None:
    floor = Floor("ann")
    floor.waits("1", ("ann", "ben"))
    assert floor.lets_pass("1", "ann", refused=True) is None
    assert floor.frees("ann") is None
    assert not floor.line.hopeless("1", lambda user: False)
    assert floor.line.hopeless("1", lambda user: user == "ben")


def test_an_agent_who_lets_a_call_pass_gets_the_next_caller_first() -> None:
    floor = Floor("ann")
    floor.waits("1", ("ann", "ben"), "in-turn", since=1.0)
    floor.waits("2", ("ann",), "in-turn", since=2.0)
    floor.line.passed("1", refused=False)
    assert floor.frees("ann") == Offer("2", ("ann",))


def test_the_place_in_the_line_and_the_wait_are_told() -> None:
    floor = Floor()
    for n in range(4):
        floor.waits(str(n), since=float(n))
    assert [floor.line.place(str(n))[0] for n in range(4)] == [1, 2, 3, 4]
    floor.line.taken("0", 100.0)
    floor.line.taken("1", 160.0)
    assert floor.line.place("3") == (2, 120.0)
    assert floor.line.place("nobody") == (1, 0.0)


class Rush(RuleBasedStateMachine):
    """A busy hour of one company, whatever its order."""

    def __init__(self) -> None:
        super().__init__()
        self.floor = Floor(*USERS)
        self.waiting: dict[str, Seek] = {}
        self.rings: dict[str, str] = {}
        """By user: the call."""
        self.calls = 0

    def take(self, offer: Offer | None) -> None:
        if offer is None:
            return
        assert offer.call in self.waiting, "offered to who does not wait"
        for user in offer.users:
            assert user not in self.rings, "nobody is offered two calls at once"
            assert user in self.waiting[offer.call].users
            self.rings[user] = offer.call
        if self.waiting[offer.call].strategy != "all":
            assert len(offer.users) == 1
            assert sum(call == offer.call for call in self.rings.values()) == 1

    @rule(
        users=st.lists(st.sampled_from(USERS), min_size=1, unique=True),
        strategy=st.sampled_from(STRATEGIES),
        priority=st.integers(0, 2),
    )
    def arrives(self, users: list[str], strategy: str, priority: int) -> None:
        call = str(self.calls)
        self.calls += 1
        self.waiting[call] = Seek("team", tuple(users), strategy, priority, float(self.calls))
        self.take(self.floor.waits(call, tuple(users), strategy, priority, float(self.calls)))

    @precondition(lambda self: self.rings)
    @rule(data=st.data())
    def picks_up(self, data: st.DataObject) -> None:
        user = data.draw(st.sampled_from(sorted(self.rings)))
        call = self.rings[user]
        self.floor.line.taken(call, 1.0)
        del self.waiting[call]
        self.stop(call, but=user)

    @precondition(lambda self: self.rings)
    @rule(data=st.data(), refused=st.booleans())
    def lets_pass(self, data: st.DataObject, refused: bool) -> None:
        call = data.draw(st.sampled_from(sorted(set(self.rings.values()))))
        users = [user for user, rung in self.rings.items() if rung == call]
        for user in users:
            del self.rings[user]
        self.take(self.floor.lets_pass(call, *users, refused=refused))
        for user in users:
            self.look_at(user)

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def gives_up(self, data: st.DataObject) -> None:
        call = data.draw(st.sampled_from(sorted(self.waiting)))
        self.floor.line.leave(call)
        del self.waiting[call]
        self.stop(call)

    @rule(user=st.sampled_from(USERS))
    def hangs_up(self, user: str) -> None:
        if user not in self.rings and user not in self.floor.free:
            self.take(self.floor.frees(user))

    def stop(self, call: str, but: str = "") -> None:
        for user in [user for user, rung in self.rings.items() if rung == call]:
            del self.rings[user]
            if user != but:
                self.take(self.floor.frees(user))

    def look_at(self, user: str) -> None:
        if user in self.floor.free:
            self.take(self.floor.rings(self.floor.line.freed(user, self.floor.is_free)))

    @invariant()
    def nobody_waits_for_a_free_agent_who_would_ring(self) -> None:
        for call, wish in self.waiting.items():
            if not self.floor.line.is_offered(call):
                # Asking once more changes nothing: all who could be offered the call have refused it.
                offer = self.floor.line.offer(call, self.floor.is_free)
                assert offer is None, (call, wish, offer)


TestRush = Rush.TestCase
TestRush.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 60), st.sampled_from(STRATEGIES))
def test_every_caller_of_a_rush_is_served_in_the_order_of_waiting(n: int, strategy: str) -> None:
    floor = Floor()
    for call in reversed(range(n)):
        floor.waits(str(call), ("ann",), strategy, since=float(call))
    served = []
    for _ in range(n):
        offer = floor.frees("ann")
        assert offer is not None
        served.append(int(offer.call))
        floor.line.taken(offer.call, 0.0)
    assert served == sorted(served)

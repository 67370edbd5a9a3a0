"""Calls that never happen: what the simulator tells."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest

from carillon.flows.reasons import REASONS
from carillon.flows.simulate import (
    NoSuchNumber,
    Pretended,
    Scenario,
    Simulation,
    simulate,
)
from carillon.schema.plan import (
    Callback,
    OutsideTarget,
    Plan,
    RingNode,
    RingStep,
    TeamTarget,
    UserTarget,
)
from tests.flows.chance import MOBILE, Chance
from tests.flows.plans import OFFICE, acme

MONDAY_TEN = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
SUNDAY = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


def tried(plan: Plan, **facts: object) -> Simulation:
    return simulate(plan, Scenario(**{"number": "1", "at": MONDAY_TEN, **facts}))  # type: ignore[arg-type]


def reasons(told: Simulation) -> list[str]:
    return [line.reason for line in told.lines]


def queue(strategy: str = "all", **node: object) -> Plan:
    plan = acme(steps=(RingStep(TeamTarget("sales"), 60),))
    (team,) = plan.teams
    ring = plan.nodes["ring"]
    assert isinstance(ring, RingNode)
    return msgspec.structs.replace(
        plan,
        nodes={**plan.nodes, "ring": msgspec.structs.replace(ring, queue=True, **node)},
        teams=(msgspec.structs.replace(team, strategy=strategy),),
    )


def test_nobody_answers_and_a_message_is_left() -> None:
    told = tried(acme())
    assert (told.outcome, told.ended) == ("voicemail", True)
    assert [line.seconds for line in told.lines if line.reason == "ring.timeout"] == [25.0, 45.0]


def test_somebody_answers_after_some_seconds() -> None:
    told = tried(acme(), people={"ben": Pretended(answers_after=4.0)})
    assert (told.outcome, told.seconds) == ("answered", 29.0)


def test_a_closed_number_says_so() -> None:
    told = tried(acme(hours=OFFICE), at=SUNDAY)
    assert reasons(told)[0] == "hours.closed"


def test_an_agent_who_becomes_free_gets_the_waiting_caller() -> None:
    people = {
        "ann": Pretended("busy", answers_after=2.0, frees_after=10.0),
        "ben": Pretended("dnd"),
    }
    told = tried(queue(), people=people)
    assert (told.outcome, told.seconds) == ("answered", 12.0)
    assert "ring.queue" in reasons(told)


def test_members_ring_in_turn() -> None:
    told = tried(queue("in-turn"), people={"ben": Pretended(answers_after=3.0)})
    assert (told.outcome, told.seconds) == ("answered", 18.0)


def test_when_all_decline_the_call_goes_on_at_once() -> None:
    told = tried(queue(), everybody=Pretended(declines=True))
    assert (told.outcome, reasons(told)[-1]) == ("voicemail", "voicemail.kept")
    assert "ring.nobody-left" in reasons(told)


def test_a_caller_who_presses_star_is_called_back() -> None:
    told = tried(queue(callback=Callback()), caller=MOBILE, keys="*")
    assert told.outcome == "callback"
    assert told.lines[-1].facts == {"number": MOBILE}


def test_a_caller_may_type_another_number_to_be_called_back_at() -> None:
    plan = queue(callback=Callback(confirm=True))
    told = tried(plan, caller="anonymous", keys="*0611223344#1")
    assert (told.outcome, told.lines[-1].facts) == ("callback", {"number": "+33611223344"})


def test_a_caller_who_prefers_to_wait_is_in_the_line_again() -> None:
    plan = queue(callback=Callback(confirm=True))
    people = {"ann": Pretended("busy", answers_after=1.0, frees_after=40.0)}
    told = tried(plan, caller=MOBILE, keys="**", people=people)
    assert "callback.given-up" in reasons(told)
    assert told.outcome == "answered"


def test_steps_rung_together_ring_for_the_longest_of_their_seconds() -> None:
    steps = (RingStep(UserTarget("ann"), 5), RingStep(OutsideTarget(MOBILE), 30))
    plan = acme(steps=steps)
    ring = msgspec.structs.replace(plan.nodes["ring"], together=True)
    told = tried(msgspec.structs.replace(plan, nodes={**plan.nodes, "ring": ring}))
    late = next(line for line in told.lines if line.reason == "ring.timeout")
    assert (late.seconds, late.facts["who"]) == (30.0, f"Ann, {MOBILE}")


@pytest.mark.parametrize("confirms", [True, False])
def test_an_outside_phone_must_confirm(confirms: bool) -> None:
    plan = acme(steps=(RingStep(OutsideTarget(MOBILE, confirm=True), 60),))
    told = tried(plan, outside=Pretended(answers_after=3.0), confirms=confirms)
    assert told.outcome == ("answered" if confirms else "voicemail")


def test_a_blocked_caller_is_hung_up_on() -> None:
    plan = msgspec.structs.replace(acme(), blocked=("+336*",))
    assert (tried(plan, caller=MOBILE).outcome, tried(plan).outcome) == ("blocked", "voicemail")


def test_a_number_that_does_not_exist_is_refused() -> None:
    with pytest.raises(NoSuchNumber):
        tried(acme(), number="99")


def test_every_course_of_ten_thousand_plans_ends() -> None:
    outcomes = set()
    for seed in range(10_000):
        chance = Chance(seed)
        plan = chance.plan()
        told = simulate(plan, chance.scenario(plan))
        assert told.ended, f"seed {seed}: a caller is left in silence"
        assert all(line.reason in REASONS for line in told.lines), f"seed {seed}"
        outcomes.add(told.outcome)
    assert outcomes >= {"answered", "voicemail", "missed", "closed", "callback", "abandoned"}

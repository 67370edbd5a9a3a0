"""Trying calls: one that somebody asks about, and those that are kept as tests."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.utils import timezone
from django.utils.translation import gettext as _

from carillon.flows.people import target_name
from carillon.flows.simulate import Pretended, Scenario, Simulation, simulate
from carillon.portal.calls.models import Call
from carillon.portal.companies.models import Company
from carillon.portal.routing.compile import compile_plan, load_rows
from carillon.portal.routing.documents import NumberFlow
from carillon.portal.routing.models import Number
from carillon.portal.trials.models import FlowTest
from carillon.portal.words import phone
from carillon.schema.plan import OutsideTarget, Plan, Target, TeamTarget, UserTarget

ANSWER_SECONDS = 5.0
RANG = frozenset({"ring.start", "ring.offer", "ring.queue"})
NO_CALLER = "anonymous"


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a test went: `found` says in words what happened instead."""

    test: FlowTest
    passed: bool
    found: str


def plan_with(company: Company, number: Number, flow: NumberFlow) -> Plan:
    """Return the company's plan as it would be with this flow; call inside `within(company)`."""
    return compile_plan(load_rows(company), {number.pk: flow})


def everybody(choice: str) -> Pretended | None:
    """Return how everybody behaves; None: as the set-up says, and nobody picks up."""
    match choice:
        case FlowTest.Everybody.ANSWERS:
            return Pretended(answers_after=ANSWER_SECONDS)
        case FlowTest.Everybody.BUSY:
            return Pretended("busy")
        case FlowTest.Everybody.AWAY:
            return Pretended("no-phone")
        case _:
            return None


def trial(
    plan: Plan, number: Number, at: datetime, *, caller: str, keys: str, people: str
) -> Simulation:
    """Try one call. `people` is one of `FlowTest.Everybody`."""
    outside = Pretended(answers_after=ANSWER_SECONDS if people == "answers" else None)
    return simulate(
        plan,
        Scenario(
            number=number.key,
            at=at,
            caller=caller or NO_CALLER,
            keys=keys,
            everybody=everybody(people),
            outside=outside,
        ),
    )


def verdicts(number: Number, flow: NumberFlow) -> list[Verdict]:
    """Run the tests of a number against a flow; call inside `within(company)`."""
    tests = list(FlowTest.objects.filter(number=number))
    if not tests:
        return []
    plan = plan_with(number.company, number, flow)
    return [_verdict(test, plan, number, flow.hours.zone) for test in tests]


def broken_by(number: Number, flow: NumberFlow) -> list[str]:
    """Return the tests that hold now and would not hold with this flow, in words."""
    held = {verdict.test.pk for verdict in verdicts(number, number.flow) if verdict.passed}
    text = _("“%(name)s” would no longer hold: %(found)s")
    return [
        text % {"name": verdict.test.name, "found": verdict.found}
        for verdict in verdicts(number, flow)
        if not verdict.passed and verdict.test.pk in held
    ]


def moment(test: FlowTest, zone: str, today: date) -> datetime:
    """Return when a test's call is made: on its date, or on the next such weekday."""
    day = test.on_date or today + timedelta(days=((test.weekday or 0) - today.weekday()) % 7)
    return datetime.combine(day, test.time or time(), ZoneInfo(zone))


def target_of(key: str) -> Target:
    """Return whom a test expects to be rung."""
    if key.startswith("u"):
        return UserTarget(key)
    return TeamTarget(key) if key.startswith("t") else OutsideTarget(key)


def outcome_name(outcome: str) -> str:
    """Return an outcome in the reader's language."""
    return str(dict(Call.Outcome.choices).get(outcome, outcome))


def _verdict(test: FlowTest, plan: Plan, number: Number, zone: str) -> Verdict:
    at = moment(test, zone, timezone.now().date())
    told = trial(plan, number, at, caller=test.caller, keys=test.keys, people=test.everybody)
    if test.expects == FlowTest.Expects.OUTCOME:
        found = _("it ends as “%(outcome)s”.") % {"outcome": outcome_name(told.outcome)}
        return Verdict(test, told.outcome == test.expected, found)
    wanted = target_name(plan, target_of(test.expected))
    rung = [line.facts.get("who", "") for line in told.lines if line.reason in RANG]
    if not rung:
        return Verdict(test, False, _("nobody is rung."))
    # Steps rung together, and agents offered a call together, are told in one line.
    names = {name for who in rung for name in (who, *who.split(", "))}
    shown = ", ".join(phone(who) for who in dict.fromkeys(rung))
    return Verdict(test, wanted in names, _("it rings %(who)s.") % {"who": shown})

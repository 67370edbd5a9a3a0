"""What the simulator says is what happens: two hundred calls by chance, tried and made."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from carillon.flows.simulate import Line, Pretended, Scenario, simulate
from carillon.schema.events import CallArrived, CallEnded, Decided
from carillon.schema.plan import (
    STRATEGIES,
    Box,
    Device,
    GreetingNode,
    HangUpNode,
    Hours,
    HoursNode,
    Node,
    Number,
    OutsideTarget,
    Plan,
    Prompt,
    RingNode,
    RingStep,
    Target,
    Team,
    TeamTarget,
    User,
    UserTarget,
    VoicemailNode,
)
from carillon.sip.endpoint import Answered, Failed, InviteReceived, Progressed
from carillon.sip.headers import parse_name_addr
from carillon.sip.uri import parse_uri
from tests.switch.office import HOST, Office, Peer, office, scene, until
from tests.system import device

pytestmark = pytest.mark.system

CALLS = 200
MOST_AT_ONCE = 60
USERS = 3
HEARD: Any = (Progressed, Answered, Failed)


def make(seed: int) -> tuple[Plan, dict[str, Pretended]]:
    """Return a plan of as many numbers as calls, each with people of its own, and how they behave."""
    dice = random.Random(seed)
    numbers, nodes, users, teams = [], {}, [], []
    people: dict[str, Pretended] = {}
    for n in range(CALLS):
        mine = [f"u{n}-{m}" for m in range(USERS)]
        for user in mine:
            people[user] = behaviour(dice)
            available = people[user].state != "dnd"
            users.append(User(user, f"Person {user}", str(10000 + len(users)), available=available))
        strategy = dice.choice(STRATEGIES)
        teams.append(Team(f"t{n}", f"Team {n}", tuple(dice.sample(mine, 2)), strategy, 2))
        nodes.update(flow(n, mine, dice))
        numbers.append(Number(f"n{n}", number(n), f"Number {n}", entry=f"{n}.hours"))
        people[outside(n)] = behaviour(dice)
    plan = Plan(
        company="acme",
        version=1,
        name="Acme",
        numbers=tuple(numbers),
        nodes=nodes,
        users=tuple(users),
        teams=tuple(teams),
        devices=tuple(phones(users)),
        boxes=(Box("box", "Main"),),
    )
    return plan, people


def number(n: int) -> str:
    return f"+331990{n:05}"


def outside(n: int) -> str:
    return f"+336880{n:05}"


def caller(n: int) -> str:
    return f"+336120{n:05}"


def behaviour(dice: random.Random) -> Pretended:
    return dice.choice(
        (
            Pretended(answers_after=0.0),
            Pretended(answers_after=0.5),
            Pretended(declines=True, answers_after=0.2),
            Pretended(),
            Pretended("no-phone"),
            Pretended("dnd"),
        )
    )


def phones(users: list[User]) -> list[Device]:
    return [device(user.id) for user in users]


def flow(n: int, users: list[str], dice: random.Random) -> dict[str, Node]:
    """Return a classic number's nodes, each part there or not."""
    choices: list[Target] = [
        *map(UserTarget, users),
        TeamTarget(f"t{n}"),
        OutsideTarget(outside(n)),
    ]
    steps = tuple(
        RingStep(target, dice.choice((3, 5))) for target in dice.sample(choices, dice.randint(0, 2))
    )
    sound = Prompt("sound")
    always = Hours("Europe/Paris", always_open=dice.random() < 0.9)
    away = VoicemailNode(f"{n}.away", sound, dice.choice(("box", "box", None)))
    ring = RingNode(
        f"{n}.ring",
        steps,
        dice.choice((f"{n}.away", f"{n}.end")),
        respect_waiting_time=dice.random() < 0.3,
        queue=dice.random() < 0.7,
        together=dice.random() < 0.2,
    )
    every: tuple[Node, ...] = (
        HoursNode(f"{n}.hours", always, f"{n}.greet", f"{n}.away"),
        GreetingNode(f"{n}.greet", dice.choice((sound, None)), ring.id),
        ring,
        away,
        HangUpNode(f"{n}.end"),
    )
    return {node.id: node for node in every}


def behave(people: dict[str, Pretended]) -> Callable[[Peer, object], None]:
    """Return what phones do when they are rung."""
    loop = asyncio.get_running_loop()

    def react(peer: Peer, event: object) -> None:
        if not isinstance(event, InviteReceived):
            return
        called = parse_uri(parse_name_addr(event.request.get("To") or "").uri).user
        person = people[called.removeprefix("acme-")]
        if person.declines:
            loop.call_later(person.answers_after or 0.0, peer.refuse, event.leg, 603)
        elif person.answers_after is not None:
            loop.call_later(person.answers_after, peer.answer, event)

    return react


def told(here: Office) -> dict[str, list[Decided]]:
    """Return the decisions of each call, by the number that was called."""
    called: dict[str, str] = {}
    found: dict[str, list[Decided]] = {}
    for event in (entry.event for entry in here.entries()):
        if isinstance(event, CallArrived):
            called[event.call] = event.called
            found[event.called] = []
        elif isinstance(event, Decided):
            found[called[event.call]].append(event)
    return found


def hang_up(here: Office, legs: dict[str, int]) -> bool:
    """End what talks or records; say whether all calls are over."""
    for call in here.board.calls.values():
        called = call.arrived.called
        heard = call.talk.talkers or call.recordings.recording_message
        if called in legs and heard and here.carrier.of(Answered, legs[called]):
            here.carrier.hang_up(legs.pop(called))
    # What is decided last is written a moment after the call is gone; its end comes after that.
    ended = sum(isinstance(entry.event, CallEnded) for entry in here.entries())
    return not here.board.calls and ended == CALLS


def without_clock(line: Decided | Line) -> tuple[str, str, dict[str, str]]:
    """Return what a line says but for the time of day, which goes on between the two."""
    return line.node, line.reason, {} if line.reason.startswith("hours.") else line.facts


@scene
async def test_two_hundred_calls_go_as_the_simulator_said(tmp_path: Path) -> None:
    plan, people = make(7)
    async with office(tmp_path, plan=plan) as here:
        here.carrier.react = behave(people)
        floor = Peer(here.config.sip_port + 6, 31000)
        floor.react = here.carrier.react
        await floor.listen()
        for user in plan.users:
            if people[user.id].state == "free":
                await floor.register(here.config.sip_port, f"acme-{user.id}")
        legs = {}
        for n in range(CALLS):
            # On a busy machine switch and phones, all in this process, would turn away what is too much.
            room = lambda: hang_up(here, legs) or len(here.board.calls) < MOST_AT_ONCE  # noqa: E731
            await until(room, "room for another call")
            legs[number(n)] = leg = here.call(number(n), from_=f"<sip:{caller(n)}@{HOST}>")
            # One after the other: two hundred in one moment would be turned away as a flood.
            await until(lambda leg=leg: here.carrier.of(HEARD, leg), "to be heard")  # type: ignore[misc]
        await until(lambda: hang_up(here, legs), "every call's end", 90.0)
        floor.close()
        found = told(here)
    for n in range(CALLS):
        expected = simulate(plan, scenario(n, people)).lines
        assert [*map(without_clock, found[number(n)])] == [*map(without_clock, expected)], n


def scenario(n: int, people: dict[str, Pretended]) -> Scenario:
    return Scenario(
        number=f"n{n}",
        at=datetime.now(UTC),
        caller=caller(n),
        people=people,
        outside=people[outside(n)],
        message_seconds=3.0,
    )

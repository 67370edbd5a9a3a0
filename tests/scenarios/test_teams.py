"""Every way a team is rung, with real phones: who rings, in which order, and who is heard."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from msgspec import structs

from carillon.schema.plan import (
    STRATEGIES,
    HangUpNode,
    Number,
    Plan,
    RingNode,
    RingStep,
    Team,
    TeamTarget,
    User,
)
from carillon.schema.sandbox import CallResult
from tests.softphone import Softphone, room
from tests.system import System, acme, device, heard, running, seconds_of, tone, wait_for

pytestmark = pytest.mark.system
TONES = {"ann": 620.0, "ben": 830.0, "carl": 1040.0}
CALLER_HERTZ = 440.0
NUMBERS = {strategy: f"+3319900200{n}" for n, strategy in enumerate(STRATEGIES)}


def company() -> Plan:
    """Return Acme with one number for each strategy, all ringing Ann, Ben and Carl."""
    plan = acme()
    nodes = {
        name: RingNode(name, (RingStep(TeamTarget(name), 40),), "end", queue=True)
        for name in STRATEGIES
    }
    return structs.replace(
        plan,
        users=(*plan.users, User("carl", "Carl", "103", default_number="1")),
        devices=(*plan.devices, device("carl")),
        teams=tuple(Team(name, name, tuple(TONES), name, 2) for name in STRATEGIES),
        numbers=tuple(Number(name, e164, name, name) for name, e164 in NUMBERS.items()),
        nodes={**nodes, "end": HangUpNode("end")},
    )


class Desk:
    """Three phones, and callers from outside."""

    def __init__(self, system: System, pool: ThreadPoolExecutor) -> None:
        self.system = system
        self.phones = {
            name: Softphone(system, name, hertz, answers=False) for name, hertz in TONES.items()
        }
        self._pool = pool

    def call(self, strategy: str) -> Future[CallResult]:
        """Let somebody call and talk for a while once answered."""
        return self._pool.submit(
            self.system.call, NUMBERS[strategy], say=tone(CALLER_HERTZ, 1.2), stay_seconds=0.2
        )

    def rings(self, *names: str) -> None:
        """Wait until just these phones ring."""
        wait_for(
            lambda: {name for name, phone in self.phones.items() if phone.ringing()} == set(names),
            10,
            f"{names} to ring",
        )

    def answer(self, name: str, calling: Future[CallResult]) -> None:
        """Pick up, and hear each other and nobody else."""
        phone = self.phones[name]
        line = phone.ringing()
        phone.answer(line)
        wait_for(lambda: phone.hears({"it": CALLER_HERTZ}, line), 10, f"{name} to hear the caller")
        sound = heard(calling.result(20))
        for other, hertz in TONES.items():
            assert (seconds_of(sound, hertz) > 0.5) == (other == name), other
        phone.is_over(line)

    def taken_by_whoever_rings(self, strategy: str) -> str:
        """Call; return who was rung alone, and took it."""
        calling = self.call(strategy)
        ringing = wait_for(
            lambda: [name for name, phone in self.phones.items() if phone.ringing()], 10
        )
        (name,) = ringing
        self.answer(name, calling)
        return name


@contextmanager
def desk(data: Path) -> Iterator[Desk]:
    with (
        running(data, "media", "switch", "sandbox", plan=company()) as system,
        ThreadPoolExecutor(1) as pool,
    ):
        opened = Desk(system, pool)
        with room(**opened.phones):
            yield opened


def test_each_strategy_rings_whom_it_should_and_they_hear_each_other(tmp_path: Path) -> None:
    with desk(tmp_path / "data") as here:
        calling = here.call("all")
        here.rings("ann", "ben", "carl")
        here.answer("ben", calling)
        here.rings()

        # Always Ann first; whoever lets it ring is followed by the next.
        calling = here.call("in-turn")
        here.rings("ann")
        here.rings("ben")
        here.answer("ben", calling)
        assert here.taken_by_whoever_rings("in-turn") == "ann"

        assert [here.taken_by_whoever_rings("round-robin") for _ in range(4)] == [
            "ann",
            "ben",
            "carl",
            "ann",
        ]

        # Ben talked before Carl, Carl before Ann.
        assert [here.taken_by_whoever_rings("longest-idle") for _ in range(4)] == [
            "ben",
            "carl",
            "ann",
            "ben",
        ]

        # A call that rings somebody else is taken from one's own phone.
        calling = here.call("in-turn")
        here.rings("ann")
        carl = here.phones["carl"]
        line = carl.dial("*8")
        wait_for(lambda: carl.hears({"it": CALLER_HERTZ}, line), 10, "Carl to hear the caller")
        assert seconds_of(heard(calling.result(20)), TONES["carl"]) > 0.5
        here.rings()

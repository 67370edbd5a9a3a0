"""Plans and callers by chance: whatever an administrator could build, and much that none would."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

from carillon.flows.simulate import Pretended, Scenario
from carillon.flows.steps import STATES
from carillon.schema.plan import (
    STRATEGIES,
    Box,
    Callback,
    Device,
    DeviceTarget,
    DirectoryNode,
    GreetingNode,
    HangUpNode,
    Hours,
    HoursNode,
    MenuNode,
    Node,
    Number,
    NumberNode,
    OutsideTarget,
    Override,
    Plan,
    Prompt,
    RingNode,
    RingStep,
    Slot,
    SpecialDay,
    Target,
    Team,
    TeamTarget,
    User,
    UserNode,
    UserTarget,
    VoicemailNode,
    Waiting,
)

KEYS = "0123456789*#"
MOBILE = "+33688000001"
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


class Chance:
    """Builds from one seed."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)

    def maybe(self, chance: float = 0.5) -> bool:
        return self.dice.random() < chance

    def prompt(self, chance: float = 0.8) -> Prompt | None:
        found = Prompt("p", "", self.dice.choice((0.0, 1.5, 6.0)))
        return found if self.maybe(chance) else None

    def plan(self) -> Plan:
        """Return a plan of a few numbers whose nodes lead anywhere."""
        users = [f"u{n}" for n in range(self.dice.randint(1, 5))]
        numbers = [f"n{n}" for n in range(self.dice.randint(1, 3))]
        names = [f"x{n}" for n in range(self.dice.randint(2, 12))]
        boxes = ["b0", "b1"]
        nodes = {name: self.node(name, names, users, numbers, boxes) for name in names}
        sentences = (
            "voicemail-menu",
            "voicemail-sent",
            "callback-noted",
            "callback-number",
            "place-1",
        )
        return Plan(
            company="chance",
            version=1,
            name="Chance",
            numbers=tuple(
                Number(
                    each,
                    f"+3319900200{n}",
                    each,
                    entry=self.dice.choice([*names, "nowhere"] if self.maybe(0.1) else names),
                    language=self.dice.choice(("fr", "en")),
                    priority=self.dice.randint(0, 2),
                )
                for n, each in enumerate(numbers)
            ),
            nodes=nodes,
            users=tuple(self.user(n, each, names) for n, each in enumerate(users)),
            teams=tuple(self.team(n, users) for n in range(2)),
            devices=tuple(
                Device(f"d{n}", each, f"{each}-phone", "", "") for n, each in enumerate(users)
            ),
            boxes=tuple(Box(each, each) for each in boxes),
            system_prompts={f"fr.{name}": Prompt(name, "", 1.0) for name in sentences},
        )

    def user(self, n: int, name: str, nodes: list[str]) -> User:
        entry = self.dice.choice(nodes) if self.maybe(0.3) else ""
        return User(
            name, f"Person {n}", str(101 + n), available=self.maybe(0.9), box="b1", entry=entry
        )

    def team(self, n: int, users: list[str]) -> Team:
        members = self.dice.sample([*users, "gone"], self.dice.randint(0, len(users)))
        strategy = self.dice.choice(STRATEGIES)
        return Team(f"t{n}", f"Team {n}", tuple(members), strategy, self.dice.choice((1, 5, 15)))

    def node(
        self, name: str, names: list[str], users: list[str], numbers: list[str], boxes: list[str]
    ) -> Node:
        """Return a node of any kind, leading to any other, sometimes to none."""
        pick = lambda: self.dice.choice([*names, *names, *names, "gone"])  # noqa: E731
        match self.dice.randrange(10):
            case 0:
                return HoursNode(name, self.hours(), pick(), pick())
            case 1:
                return GreetingNode(name, self.prompt(), pick())
            case 2 | 3 | 4:
                return self.ring(name, pick(), users)
            case 5:
                box = self.dice.choice([*boxes, None])
                return VoicemailNode(name, self.prompt(), box, self.dice.choice((20, 180)))
            case 6:
                keys = {key: pick() for key in self.dice.sample(KEYS, self.dice.randint(0, 5))}
                replays = self.dice.randint(0, 2)
                return MenuNode(
                    name, self.prompt(), self.prompt(), keys, pick(), self.maybe(), 5.0, replays
                )
            case 7:
                return DirectoryNode(name, pick())
            case 8:
                if self.maybe():
                    return UserNode(name, self.dice.choice([*users, "gone"]), pick())
                return NumberNode(name, self.dice.choice([*numbers, "gone"]), pick())
            case _:
                return HangUpNode(name)

    def hours(self) -> Hours:
        slot = Slot(tuple(self.dice.sample(range(7), 5)), self.dice.randrange(0, 1440, 30), 1080)
        special = SpecialDay("2026-05-01", "2026-05-01", "Fête du Travail", (), True)
        override = Override(self.maybe(), BEGIN.timestamp() + 1e7) if self.maybe(0.2) else None
        return Hours("Europe/Paris", self.maybe(0.3), (slot,), (special,), override)

    def ring(self, name: str, then: str, users: list[str]) -> RingNode:
        steps = tuple(
            RingStep(self.target(users), self.dice.choice((1, 5, 25)))
            for _ in range(self.dice.randint(0, 4))
        )
        return RingNode(
            name,
            steps,
            then,
            respect_waiting_time=self.maybe(0.3),
            music=self.prompt(0.3),
            queue=self.maybe(0.7),
            together=self.maybe(0.2),
            callback=Callback(self.maybe()) if self.maybe(0.3) else None,
            waiting=Waiting(True, self.maybe(), 7) if self.maybe(0.3) else None,
        )

    def target(self, users: list[str]) -> Target:
        match self.dice.randrange(6):
            case 0 | 1:
                return UserTarget(self.dice.choice([*users, "gone"]))
            case 2 | 3:
                return TeamTarget(self.dice.choice(("t0", "t1", "gone")))
            case 4:
                return OutsideTarget(MOBILE, confirm=self.maybe())
            case _:
                return DeviceTarget(self.dice.choice(("d0", "gone")))

    def pretended(self) -> Pretended:
        match self.dice.randrange(4):
            case 0:
                return Pretended(answers_after=self.dice.choice((0.0, 2.0, 12.0)))
            case 1:
                return Pretended(declines=True)
            case 2:
                frees = self.dice.choice((None, 3.0, 30.0))
                return Pretended(self.dice.choice(STATES), answers_after=4.0, frees_after=frees)
            case _:
                return Pretended()

    def scenario(self, plan: Plan) -> Scenario:
        """Return a caller who presses some keys, at any time, while people are as they are."""
        pressed = (self.dice.choice(KEYS) for _ in range(self.dice.randint(0, 12)))
        return Scenario(
            number=self.dice.choice(plan.numbers).id,
            at=BEGIN + timedelta(minutes=self.dice.randrange(500_000)),
            caller=self.dice.choice(("anonymous", MOBILE)),
            keys="".join(pressed),
            people={user.id: self.pretended() for user in plan.users},
            outside=self.pretended(),
            confirms=self.maybe(),
            gives_up_after=self.dice.choice((None, None, 0.5, 20.0)),
        )

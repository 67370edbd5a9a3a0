"""Past calls: the flow the switch runs, with a caller and phones made up by dice that are passed in."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from carillon.flows import steps as f
from carillon.flows.course import Course
from carillon.schema import events as e
from carillon.schema.plan import Number, OutsideTarget, Plan, User, UserTarget

ANSWER_CHANCE = 0.7
MESSAGE_CHANCE = 0.6
GIVE_UP_CHANCE = 0.04


class World:
    """Phones as a busy day finds them: users with a device, some of them on a call."""

    def __init__(self, plan: Plan, dice: random.Random) -> None:
        self._plan = plan
        self._dice = dice
        self._with_phone = {device.user for device in plan.devices}

    def availability(self, user: str) -> str:
        """Return what the switch would find."""
        found = self._plan.user(user)
        if found is None or not found.available:
            return "dnd"
        if user not in self._with_phone:
            return "no-phone"
        return "busy" if self._dice.random() < 0.08 else "free"

    def place(self) -> tuple[int, float]:
        """Return the place in the line: nobody else waits."""
        return 1, 0.0


@dataclass(slots=True)
class Told:
    """The events of one call as they pile up."""

    call: str
    at: float
    events: list[e.CallEvent] = field(default_factory=list)
    recordings: list[tuple[str, str, float]] = field(default_factory=list)
    """Kind, path and seconds of the sounds this call needs."""

    def add(self, kind: type[e.Event], /, **facts: object) -> None:
        """Add an event now."""
        made = kind(call=self.call, seq=len(self.events) + 1, at=round(self.at, 3), **facts)
        self.events.append(made)  # type: ignore[arg-type]  # every kind given is a CallEvent


class InboundCall:
    """One caller on one number."""

    def __init__(self, plan: Plan, number: Number, told: Told, dice: random.Random) -> None:
        self._plan = plan
        self._number = number
        self._told = told
        self._dice = dice
        self._world = World(plan, dice)
        self._course = Course(plan, number)
        self._answered = False
        self._rung: list[tuple[str, str]] = []
        self._timer = 0.0
        self._recording = ""

    def run(self, caller: str, name: str, *, recorded: bool) -> Told:
        """Live the call to its end."""
        told = self._told
        told.add(
            e.CallArrived,
            company=self._plan.company,
            plan_version=self._plan.version,
            direction="inbound",
            caller=caller,
            called=self._number.e164,
            caller_name=name,
            number=self._number.id,
            trunk="sandbox",
        )
        asked = self._course.begin(self._clock(), self._world)
        while asked:
            if self._dice.random() < GIVE_UP_CHANCE and not self._recording:
                self._told.at += self._dice.uniform(1, 6)
                return self._end("caller")
            event = self._do(asked, recorded)
            if event is None and not self._course.ended:
                return self._end("caller")
            if event is None:
                break
            asked = self._course.step(event, self._clock(), self._world)
        return self._end("system")

    def _clock(self) -> datetime:
        return datetime.fromtimestamp(self._told.at, UTC)

    def _do(self, asked: list[f.Asked], recorded: bool) -> f.Happening | None:
        """Do what the flow asks for; return what happens next."""
        following: f.Happening | None = None
        for wish in asked:
            match wish:
                case f.Decide(node, reason, facts):
                    self._told.add(e.Decided, node=node, reason=reason, facts=facts)
                case f.Play(prompts):
                    self._answer()
                    self._told.at += sum(prompt.seconds for prompt in prompts)
                    following = f.Played()
                case f.PlayBeep():
                    self._answer()
                    self._told.at += 0.4
                    following = f.Played()
                case f.Ring(targets):
                    self._ring(targets)
                case f.SetTimer(seconds):
                    self._timer = seconds
                    following = self._pick_up_or_not()
                case f.Record(box):
                    following = self._record(box)
                case f.KeepMessage(urgent):
                    self._keep(urgent)
                case f.Connect():
                    self._talk(recorded)
                    return None
                case _:
                    continue
        return following

    def _answer(self) -> None:
        if not self._answered:
            self._answered = True
            self._told.add(e.LegAnswered, leg="a")

    def _ring(self, targets: tuple[object, ...]) -> None:
        self._rung = []
        for target in targets:
            leg = f"b{len(self._told.events)}"
            if isinstance(target, UserTarget):
                device = next(d for d in self._plan.devices if d.user == target.user)
                self._told.add(e.LegStarted, leg=leg, user=target.user, device=device.id)
                self._rung.append((leg, target.user))
            elif isinstance(target, OutsideTarget):
                self._told.add(e.LegStarted, leg=leg, e164=target.e164, trunk="sandbox")
                self._rung.append((leg, ""))
        self._told.at += 0.3
        for leg, _user in self._rung:
            self._told.add(e.LegRang, leg=leg)

    def _pick_up_or_not(self) -> f.Happening:
        if self._rung and self._dice.random() < ANSWER_CHANCE:
            self._told.at += self._dice.uniform(2, max(3.0, self._timer - 2))
            leg, user = self._dice.choice(self._rung)
            self._told.add(e.LegAnswered, leg=leg)
            self._answer()
            self._cancel(leg)
            found = self._plan.user(user)
            return f.Picked(found.name if found else "")
        self._told.at += self._timer
        self._cancel("")
        return f.TimerFired()

    def _cancel(self, kept: str) -> None:
        for leg, _user in self._rung:
            if leg != kept:
                self._told.add(e.LegEnded, leg=leg, status=487, cause="cancelled")
        self._rung = [pair for pair in self._rung if pair[0] == kept]

    def _record(self, box: str) -> f.Happening | None:
        seconds = self._dice.uniform(6, 11)
        if self._dice.random() > MESSAGE_CHANCE:
            self._told.at += 1.0
            return None
        self._recording = f"{self._told.call}-m"
        path = f"{self._plan.company}/demo/{self._recording}.wav"
        self._told.add(
            e.RecordingStarted, recording=self._recording, kind="voicemail", path=path, box=box
        )
        self._told.recordings.append(("voicemail", path, seconds))
        self._told.at += seconds
        self._box, self._seconds = box, seconds
        self._told.add(e.RecordingEnded, recording=self._recording, seconds=round(seconds, 2))
        return f.Recorded("silence", seconds)

    def _keep(self, urgent: bool) -> None:
        self._told.add(
            e.MessageLeft,
            box=self._box,
            recording=self._recording,
            seconds=round(self._seconds, 2),
            urgent=urgent or self._dice.random() < 0.1,
        )

    def _talk(self, recorded: bool) -> None:
        seconds = min(1800.0, self._dice.lognormvariate(4.7, 0.9))
        recording = f"{self._told.call}-r"
        path = f"{self._plan.company}/demo/{recording}.wav"
        if recorded:
            seconds = 24.0
            self._told.add(e.RecordingStarted, recording=recording, kind="call", path=path)
            self._told.recordings.append(("call", path, seconds))
        self._told.at += seconds
        if recorded:
            self._told.add(e.RecordingEnded, recording=recording, seconds=seconds)
        for leg, _user in self._rung:
            packets = int(seconds * 50)
            lost = int(packets * self._dice.random() ** 8 * 0.01)
            self._told.add(
                e.LegEnded,
                leg=leg,
                packets_received=packets - lost,
                packets_lost=lost,
                jitter_ms=4.0,
            )

    def _end(self, by: str) -> Told:
        outcome = self._course.outcome()
        if outcome != "answered":
            self._cancel("")
        self._told.add(e.CallEnded, outcome=outcome, by=by)
        return self._told


def outbound(
    plan: Plan, user: User, shown: Number, callee: str, told: Told, dice: random.Random
) -> Told:
    """Make a call from one of the phones to the outside."""
    device = next(d for d in plan.devices if d.user == user.id)
    told.add(
        e.CallArrived,
        company=plan.company,
        plan_version=plan.version,
        direction="outbound",
        caller=shown.e164,
        called=callee,
        number=shown.id,
        user=user.id,
        trunk="sandbox",
    )
    facts = {"number": callee, "trunk": "Sandbox"}
    told.add(e.Decided, node="", reason="call.outside", facts=facts)
    told.add(e.LegStarted, leg="b1", e164=callee, trunk="sandbox")
    told.at += 1.2
    told.add(e.LegRang, leg="b1")
    told.at += dice.uniform(3, 20)
    return _finish(told, dice, device.id)


def internal(plan: Plan, user: User, callee: User, told: Told, dice: random.Random) -> Told:
    """Make a call from one extension to another."""
    told.add(
        e.CallArrived,
        company=plan.company,
        plan_version=plan.version,
        direction="internal",
        caller=user.extension,
        called=callee.extension,
        caller_name=user.name,
        user=user.id,
    )
    told.add(e.Decided, node="", reason="call.extension", facts={"who": callee.name})
    told.add(e.LegStarted, leg="b1", user=callee.id)
    told.add(e.LegRang, leg="b1")
    told.at += dice.uniform(2, 12)
    return _finish(told, dice, "")


def _finish(told: Told, dice: random.Random, device: str) -> Told:
    if dice.random() < 0.74:
        told.add(e.LegAnswered, leg="b1")
        told.at += min(1800.0, dice.lognormvariate(4.5, 0.9))
        told.add(e.LegEnded, leg="b1", packets_received=int(dice.uniform(500, 9000)))
        told.add(e.CallEnded, outcome="answered", by=dice.choice(("caller", "callee")))
    else:
        told.add(e.LegEnded, leg="b1", status=487, cause=device)
        told.add(e.CallEnded, outcome="abandoned", by="caller")
    return told


def moments(
    first: datetime, last: datetime, per_day: int, dice: random.Random
) -> Iterator[datetime]:
    """Yield when calls come: shaped like the opening hours of a shop, with a lunch dip."""
    weights = {
        8: 2,
        9: 9,
        10: 14,
        11: 14,
        12: 7,
        13: 4,
        14: 10,
        15: 12,
        16: 12,
        17: 10,
        18: 7,
        19: 2,
    }
    hours, shares = list(weights), list(weights.values())
    day = first.replace(hour=0, minute=0, second=0, microsecond=0)
    while day <= last:
        scale = (1.0, 1.0, 1.05, 0.95, 1.1, 0.7, 0.06)[day.weekday()]
        for _ in range(round(per_day * scale * dice.uniform(0.85, 1.15))):
            hour = dice.choices(hours, shares)[0]
            at = day.replace(hour=hour, minute=dice.randrange(60), second=dice.randrange(60))
            if first <= at <= last:
                yield at
        day = _next_day(day)


def _next_day(day: datetime) -> datetime:
    return datetime.fromordinal(day.toordinal() + 1).replace(tzinfo=day.tzinfo)

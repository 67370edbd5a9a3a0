"""The ring node: one step after the other until somebody answers (A18, A23, X4).

A step nobody can answer is skipped at once, unless the waiting time is respected: then its full
seconds pass, with the caller hearing it ring. A step that rang and was not answered is never skipped.
"""

from __future__ import annotations

from carillon.flows.steps import (
    Asked,
    ClearTimer,
    Connect,
    Context,
    Decide,
    GoTo,
    Happening,
    Picked,
    PlayWaiting,
    Ring,
    RingingEnded,
    SetTimer,
    StopRinging,
    TimerFired,
)
from carillon.schema.plan import (
    DeviceTarget,
    OutsideTarget,
    Plan,
    RingNode,
    RingStep,
    Target,
    UserTarget,
)


class RingRun:
    """One caller waiting for somebody to pick up."""

    def __init__(self, node: RingNode) -> None:
        self._node = node
        self._index = -1
        self._who = ""
        self._connected = False

    def enter(self, context: Context) -> list[Asked]:
        """Ring the first step that somebody can answer."""
        if not self._node.steps:
            return [Decide(self._node.id, "ring.empty"), GoTo(self._node.then)]
        return self._next(context)

    def step(self, event: Happening, context: Context) -> list[Asked]:
        """Connect, or try the next step."""
        if self._connected:
            return []
        match event:
            case Picked(who):
                self._connected = True
                answered = Decide(self._node.id, "ring.answered", {"who": who})
                return [ClearTimer(), StopRinging(), answered, Connect()]
            case TimerFired():
                facts = {"who": self._who, "seconds": str(self._current().ring_seconds)}
                late = Decide(self._node.id, "ring.timeout", facts)
                return [StopRinging(), late, *self._next(context)]
            case RingingEnded(reason):
                ended = Decide(self._node.id, f"ring.{reason}", {"who": self._who})
                if self._node.respect_waiting_time:
                    return [ended]
                return [ClearTimer(), ended, *self._next(context)]
            case _:
                return []

    def _current(self) -> RingStep:
        return self._node.steps[self._index]

    def _next(self, context: Context) -> list[Asked]:
        asked: list[Asked] = []
        while self._index + 1 < len(self._node.steps):
            self._index += 1
            asked += self._try(self._current(), context)
            if isinstance(asked[-1], SetTimer):
                return asked
        return [*asked, Decide(self._node.id, "ring.no-answer"), GoTo(self._node.then)]

    def _try(self, step: RingStep, context: Context) -> list[Asked]:
        """Ring a step (ends with a timer), or say why it is passed over."""
        who = target_name(context.plan, step.target)
        if who is None:
            return [Decide(self._node.id, "ring.skip-gone")]
        self._who = who
        targets, asked = self._reachable(step.target, context)
        facts = {"who": who, "seconds": str(step.ring_seconds)}
        waiting = PlayWaiting(self._node.music)
        if targets:
            start = Decide(self._node.id, "ring.start", facts)
            return [*asked, start, waiting, Ring(targets), SetTimer(step.ring_seconds)]
        if self._node.respect_waiting_time:
            wait = Decide(self._node.id, "ring.wait", facts)
            return [*asked, wait, waiting, SetTimer(step.ring_seconds)]
        if not isinstance(step.target, UserTarget):
            asked.append(Decide(self._node.id, "ring.skip-nobody", {"who": who}))
        return asked

    def _reachable(
        self, target: Target, context: Context
    ) -> tuple[tuple[Target, ...], list[Asked]]:
        """Return whom to ring, and a timeline line for each who is passed over."""
        if isinstance(target, OutsideTarget | DeviceTarget):
            return (target,), []
        rung: list[Target] = []
        asked: list[Asked] = []
        for user in members(context.plan, target):
            state = context.world.availability(user)
            if state == "free":
                rung.append(UserTarget(user))
            else:
                name = target_name(context.plan, UserTarget(user)) or user
                asked.append(Decide(self._node.id, f"ring.skip-{state}", {"who": name}))
        return tuple(rung), asked


def members(plan: Plan, target: Target) -> list[str]:
    """Return the ids of the users a target means, in order; none for an outside number."""
    if isinstance(target, OutsideTarget | DeviceTarget):
        return []
    if isinstance(target, UserTarget):
        return [target.user]
    known = {user.id for user in plan.users}
    for team in plan.teams:
        if team.id == target.team:
            return [user for user in dict.fromkeys(team.members) if user in known]
    return []


def target_name(plan: Plan, target: Target) -> str | None:
    """Return how a person would name the target, None when it no longer exists."""
    if isinstance(target, OutsideTarget):
        return target.e164
    if isinstance(target, DeviceTarget):
        return next((each.label for each in plan.devices if each.id == target.device), None)
    if isinstance(target, UserTarget):
        return next((user.name for user in plan.users if user.id == target.user), None)
    return next((team.name for team in plan.teams if team.id == target.team), None)

"""The ring node: one step after the other until somebody answers (A18, A23, X4).

A step nobody can answer is skipped at once, unless the waiting time is respected: then its full
seconds pass, with the caller hearing it ring. A step that rang and was not answered is never skipped.

In a queue (`RingNode.queue`) a step waits for users in a line (`flows.dispatch`): whoever becomes free within
its seconds is offered the call. Waiting callers may hear their place, and press star to be called back.
"""

from __future__ import annotations

from carillon.flows.callback import CallbackRun
from carillon.flows.people import members, target_name
from carillon.flows.steps import (
    AWAY,
    Asked,
    ClearTimer,
    Connect,
    Context,
    Decide,
    GoTo,
    Happening,
    NobodyLeft,
    Offered,
    Passed,
    Picked,
    Play,
    Played,
    PlayWaiting,
    Pressed,
    Ring,
    RingingEnded,
    Seek,
    SetTimer,
    StopRinging,
    StopSeeking,
    TimerFired,
)
from carillon.flows.waiting import announcement
from carillon.schema.plan import (
    DeviceTarget,
    OutsideTarget,
    Plan,
    RingNode,
    RingStep,
    Target,
    Team,
    TeamTarget,
    UserTarget,
)

MEMBER_SECONDS = 15
"""How long a member rings whose team is gone meanwhile."""
MEMBER, PLACE = "member", "place"
"""Timers: of one user's turn, of the next announcement. The nameless one is the step's."""


class RingRun:
    """One caller waiting for somebody to pick up."""

    def __init__(self, node: RingNode) -> None:
        self._node = node
        self._index = -1
        self._who = ""
        self._over = False
        self._seeking: Seek | None = None
        self._direct = False
        """Whether phones ring that came by no line."""
        self._callback: CallbackRun | None = None

    def enter(self, context: Context) -> list[Asked]:
        """Ring the first step that somebody can answer."""
        if not self._node.steps:
            return [Decide(self._node.id, "ring.empty"), GoTo(self._node.then)]
        asked = self._together(context) if self._node.together else self._next(context)
        if isinstance(asked[-1], SetTimer) and self._node.waiting is not None:
            asked.insert(-1, SetTimer(self._node.waiting.every_seconds, PLACE))
        return asked

    def step(self, event: Happening, context: Context) -> list[Asked]:
        """Connect, or try the next step."""
        if self._over:
            return []
        if self._callback is not None:
            return self._calling_back(event, context)
        match event:
            case Picked(who):
                self._over = True
                answered = Decide(self._node.id, "ring.answered", {"who": who})
                return [ClearTimer(), StopRinging(), *self._leave_line(), answered, Connect()]
            case TimerFired(""):
                facts = {"who": self._who, "seconds": str(self._seconds())}
                late = Decide(self._node.id, "ring.timeout", facts)
                return [StopRinging(), *self._leave_line(), late, *self._next(context)]
            case RingingEnded(reason):
                return self._ended(reason, context)
            case Offered(users) if self._seeking is not None:
                return self._offer(users, context)
            case NobodyLeft() if self._seeking is not None:
                return self._nobody_left(context)
            case TimerFired():
                return self._timer(event.name, context)
            case Played():
                return [PlayWaiting(self._node.music)]
            case Pressed("*") if self._node.callback is not None:
                return self._ask_for_callback(context)
            case _:
                return []

    def _seconds(self) -> int:
        steps = self._node.steps
        if self._node.together:
            return max(step.ring_seconds for step in steps)
        return steps[self._index].ring_seconds

    # -- the steps -------------------------------------------------------------------------------

    def _next(self, context: Context) -> list[Asked]:
        asked: list[Asked] = []
        while not self._node.together and self._index + 1 < len(self._node.steps):
            self._index += 1
            asked += self._try(self._node.steps[self._index], context)
            if isinstance(asked[-1], SetTimer):
                return asked
        self._over = True
        end: list[Asked] = [Decide(self._node.id, "ring.no-answer"), GoTo(self._node.then)]
        return [*asked, ClearTimer(), *end]

    def _together(self, context: Context) -> list[Asked]:
        """Ring every step at once (R71)."""
        asked: list[Asked] = []
        rung: list[Target] = []
        names: list[str] = []
        for step in self._node.steps:
            who = target_name(context.plan, step.target)
            if who is None:
                asked.append(Decide(self._node.id, "ring.skip-gone"))
                continue
            targets, passed_over = self._reachable(step.target, context)
            asked += passed_over
            rung += targets
            names += [who] if targets else []
        if not rung:
            return [*asked, *self._next(context)]
        self._who, self._direct = ", ".join(names), True
        facts = {"who": self._who, "seconds": str(self._seconds())}
        start = Decide(self._node.id, "ring.start", facts)
        ring = Ring(tuple(dict.fromkeys(rung)))
        return [*asked, start, PlayWaiting(self._node.music), ring, SetTimer(self._seconds())]

    def _try(self, step: RingStep, context: Context) -> list[Asked]:
        """Ring a step (ends with a timer), or say why it is passed over."""
        who = target_name(context.plan, step.target)
        if who is None:
            return [Decide(self._node.id, "ring.skip-gone")]
        self._who = who
        if self._node.queue and isinstance(step.target, UserTarget | TeamTarget):
            return self._stand_in_line(step, step.target, context)
        targets, asked = self._reachable(step.target, context)
        facts = {"who": who, "seconds": str(step.ring_seconds)}
        waiting = PlayWaiting(self._node.music)
        if targets:
            self._direct = True
            start = Decide(self._node.id, "ring.start", facts)
            return [*asked, start, waiting, Ring(targets), SetTimer(step.ring_seconds)]
        return [*asked, *self._unreachable(step)]

    def _unreachable(self, step: RingStep) -> list[Asked]:
        """Nobody of a step can be rung: wait all the same, or pass it over."""
        if self._node.respect_waiting_time:
            facts = {"who": self._who, "seconds": str(step.ring_seconds)}
            wait = Decide(self._node.id, "ring.wait", facts)
            return [wait, PlayWaiting(self._node.music), SetTimer(step.ring_seconds)]
        if isinstance(step.target, UserTarget):
            return []
        return [Decide(self._node.id, "ring.skip-nobody", {"who": self._who})]

    def _reachable(
        self, target: Target, context: Context
    ) -> tuple[tuple[Target, ...], list[Asked]]:
        """Return whom to ring, and a timeline line for each who is passed over."""
        if isinstance(target, OutsideTarget | DeviceTarget):
            return (target,), []
        states = self._states(members(context.plan, target), context)
        rung = tuple(UserTarget(user) for user, state in states.items() if state == "free")
        return rung, self._passed_over(states, context)

    @staticmethod
    def _states(users: list[str], context: Context) -> dict[str, str]:
        return {user: context.world.availability(user) for user in users}

    def _passed_over(self, states: dict[str, str], context: Context) -> list[Asked]:
        names = {user: target_name(context.plan, UserTarget(user)) or user for user in states}
        return [
            Decide(self._node.id, f"ring.skip-{state}", {"who": names[user]})
            for user, state in states.items()
            if state != "free"
        ]

    def _ended(self, reason: str, context: Context) -> list[Asked]:
        """No phone rings any more."""
        ended = Decide(self._node.id, f"ring.{reason}", {"who": self._who})
        if self._seeking is not None:
            return [ended, PlayWaiting(self._node.music), Passed(refused=True)]
        self._direct = False
        if self._node.respect_waiting_time:
            return [ended]
        return [ended, *self._next(context)]

    # -- the line --------------------------------------------------------------------------------

    def _stand_in_line(
        self, step: RingStep, target: UserTarget | TeamTarget, context: Context
    ) -> list[Asked]:
        users = members(context.plan, target)
        states = self._states(users, context)
        asked = self._passed_over(states, context)
        if all(state in AWAY for state in states.values()):
            return [*asked, *self._unreachable(step)]
        team = team_of(context.plan, target)
        self._seeking = Seek(
            queue=team.id if team else users[0],
            users=tuple(users),
            strategy=team.strategy if team else "all",
            priority=context.priority,
            since=context.since,
        )
        free = "free" in states.values()
        facts = {"who": self._who, "seconds": str(step.ring_seconds)}
        start = Decide(self._node.id, "ring.start" if free else "ring.queue", facts)
        waiting = PlayWaiting(self._node.music)
        return [*asked, start, waiting, self._seeking, SetTimer(step.ring_seconds)]

    def _leave_line(self) -> list[Asked]:
        self._direct = False
        if self._seeking is None:
            return []
        self._seeking = None
        return [StopSeeking()]

    def _offer(self, users: tuple[str, ...], context: Context) -> list[Asked]:
        targets = tuple(UserTarget(user) for user in users)
        names = ", ".join(target_name(context.plan, each) or each.user for each in targets)
        asked: list[Asked] = [Decide(self._node.id, "ring.offer", {"who": names}), Ring(targets)]
        seeking = self._seeking
        if seeking is not None and seeking.strategy != "all":
            team = context.plan.team(seeking.queue)
            asked.append(SetTimer(team.member_seconds if team else MEMBER_SECONDS, MEMBER))
        return asked

    def _nobody_left(self, context: Context) -> list[Asked]:
        """Everybody has gone away or refused while the caller was waiting."""
        if self._node.respect_waiting_time:
            return []
        gone = Decide(self._node.id, "ring.nobody-left", {"who": self._who})
        return [StopRinging(), *self._leave_line(), gone, *self._next(context)]

    def _timer(self, name: str, context: Context) -> list[Asked]:
        if name == MEMBER and self._seeking is not None:
            late = Decide(self._node.id, "ring.turn-over", {"who": self._who})
            return [StopRinging(), late, Passed(refused=False)]
        if name == PLACE and self._node.waiting is not None:
            again = SetTimer(self._node.waiting.every_seconds, PLACE)
            prompts = announcement(self._node.waiting, context)
            return [Play(prompts), again] if prompts else [again]
        return []

    # -- the callback ----------------------------------------------------------------------------

    def _ask_for_callback(self, context: Context) -> list[Asked]:
        assert self._node.callback is not None
        run = CallbackRun(self._node.id, self._node.callback)
        asked = run.enter(context)
        if run.refused:
            return asked
        self._callback = run
        return [ClearTimer(), StopRinging(), *self._leave_line(), *asked]

    def _calling_back(self, event: Happening, context: Context) -> list[Asked]:
        assert self._callback is not None
        asked = self._callback.step(event, context)
        if not self._callback.given_up:
            return asked
        # Back to waiting: the place in the line is by when the call began, so nothing is lost.
        self._callback = None
        self._index -= 1
        return [*asked, *self._next(context)]


def team_of(plan: Plan, target: Target) -> Team | None:
    """Return the team a target means, None for anything else."""
    return plan.team(target.team) if isinstance(target, TeamTarget) else None

"""What would happen to a call: the flow the switch runs, with phones that are there and nobody at home."""

from __future__ import annotations

from datetime import datetime, timedelta

from carillon.flows.course import Course
from carillon.flows.steps import (
    Asked,
    Decide,
    Happening,
    Play,
    PlayBeep,
    Played,
    Record,
    Recorded,
    SetTimer,
    TimerFired,
)
from carillon.schema.plan import Plan

MOST_STEPS = 200
MESSAGE_SECONDS = 12.0


class NobodyHome:
    """A world where available people have a phone and never answer it."""

    def __init__(self, plan: Plan) -> None:
        self._available = {user.id: user.available for user in plan.users}

    def availability(self, user: str) -> str:
        """Return "free", or "dnd" for who has said so."""
        return "free" if self._available.get(user) else "dnd"


def try_call(plan: Plan, number_id: str, at: datetime) -> list[tuple[str, dict[str, str]]]:
    """Return the reasons, with their facts, that a call at `at` would meet if nobody answered."""
    number = next(number for number in plan.numbers if number.id == number_id)
    course, world = Course(plan, number), NobodyHome(plan)
    story: list[tuple[str, dict[str, str]]] = []
    asked = course.begin(at, world)
    for _ in range(MOST_STEPS):
        story += [(wish.reason, wish.facts) for wish in asked if isinstance(wish, Decide)]
        event, at = _what_follows(asked, at)
        if event is None or course.ended:
            break
        asked = course.step(event, at, world)
    return story


def _what_follows(asked: list[Asked], at: datetime) -> tuple[Happening | None, datetime]:
    """Return what happens next when nobody picks up and the caller leaves a message."""
    for wish in asked:
        match wish:
            case Play(prompts):
                return Played(), at + timedelta(seconds=sum(p.seconds for p in prompts))
            case PlayBeep():
                return Played(), at + timedelta(seconds=1)
            case SetTimer(seconds):
                return TimerFired(), at + timedelta(seconds=seconds)
            case Record():
                return Recorded("silence", MESSAGE_SECONDS), at + timedelta(seconds=MESSAGE_SECONDS)
            case _:
                continue
    return None, at

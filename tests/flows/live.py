"""A caller who follows a course: what plays is over when the test says so, keys are pressed one by one."""

from __future__ import annotations

from datetime import UTC, datetime

from carillon.flows.course import Course
from carillon.flows.steps import (
    Asked,
    AskMailbox,
    BecomeNumber,
    ChangeMessage,
    ClearTimer,
    Decide,
    End,
    Happening,
    HideKeys,
    Play,
    PlayBeep,
    Played,
    PlayMessage,
    PlayRecording,
    Pressed,
    Record,
    Recorded,
    Ring,
    RingingEnded,
    SetTimer,
    StopPlaying,
    StopRinging,
    TimerFired,
)
from carillon.schema.plan import Number, Plan
from tests.flows.plans import Office

AT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


class Live:
    """Keeps what a switch would: what plays, which timer runs, whom it rings."""

    def __init__(self, plan: Plan, number: Number | None = None, **states: str) -> None:
        self.plan = plan
        self.course = Course(plan, number or plan.numbers[0])
        self.office = Office(**states)
        self.at = AT
        self.said: list[str] = []
        self.reasons: list[str] = []
        self.asked: list[Asked] = []
        self.numbers: list[str] = []
        self.portal: list[AskMailbox | ChangeMessage] = []
        self.hidden = False
        self.waits: Happening | None = None
        self.timer: float | None = None
        self.ringing: Ring | None = None
        self._take(self.course.begin(self.at, self.office))

    def hears(self, event: Happening) -> Live:
        """Let something happen."""
        self._take(self.course.step(event, self.at, self.office))
        return self

    def press(self, keys: str) -> Live:
        """Press keys one after the other."""
        for key in keys:
            self.hears(Pressed(key))
        return self

    def listen(self) -> Live:
        """Hear what plays to its end."""
        assert self.waits is not None, "nothing plays"
        event, self.waits = self.waits, None
        return self.hears(event)

    def wait(self) -> Live:
        """Let the timer run out."""
        assert self.timer is not None, "no timer runs"
        self.timer = None
        return self.hears(TimerFired())

    def idle(self, most: int = 2000) -> Live:
        """Do nothing until the call ends or can only go on by somebody's doing."""
        for _ in range(most):
            if self.course.ended:
                return self
            if self.waits is not None:
                self.listen()
            elif self.timer is not None:
                self.wait()
            elif self.ringing is not None:
                self.ringing = None
                self.hears(RingingEnded("failed"))
            else:
                return self
        raise AssertionError("this call never ends")

    def _take(self, asked: list[Asked]) -> None:
        self.asked += asked
        for wish in asked:
            match wish:
                case Play(prompts):
                    self.said += [prompt.key for prompt in prompts]
                    self.waits = Played()
                case PlayBeep() | PlayRecording():
                    self.waits = Played()
                case PlayMessage(prompts, path):
                    self.said += [*(prompt.key for prompt in prompts), path]
                    self.waits = Played()
                case AskMailbox() | ChangeMessage():
                    self.waits = None
                    self.portal.append(wish)
                case HideKeys(hidden):
                    self.hidden = hidden
                case StopPlaying():
                    self.waits = None
                case Record():
                    self.waits = Recorded("silence", 12.0)
                case SetTimer(seconds):
                    self.timer = seconds
                case ClearTimer():
                    self.timer = None
                case Ring():
                    self.ringing = wish
                case StopRinging():
                    self.ringing = None
                case BecomeNumber(number):
                    self.numbers.append(number.id)
                case Decide(_, reason):
                    self.reasons.append(reason)
                case End():
                    self.waits = self.timer = self.ringing = None
                case _:
                    pass

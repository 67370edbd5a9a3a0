"""What the system calls somebody to say, and what it records then."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from carillon.flows.announcement import MOST_TIMES, announcement
from carillon.flows.course import Course
from carillon.flows.steps import (
    Asked,
    Decide,
    End,
    Happening,
    KeepMessage,
    Play,
    PlayBeep,
    Played,
    PlayRecording,
    Pressed,
    Record,
    Recorded,
    SetTimer,
    TimerFired,
)
from carillon.schema.commands import CallOut
from carillon.schema.plan import Prompt
from tests.flows.plans import Office, acme

CODE = (Prompt("your-code"), Prompt("digit-4"), Prompt("digit-2"))
MENU, KEPT = Prompt("dictation-menu"), Prompt("dictation-kept")
AT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


class Callee:
    def __init__(self, **more: object) -> None:
        plan = acme()
        own = {"fr.dictation-menu": MENU, "fr.dictation-kept": KEPT}
        plan = structs.replace(plan, system_prompts={**plan.system_prompts, **own})
        command = structs.replace(CallOut("acme", "+33612345678", CODE, "code"), **more)
        self.course = Course(*announcement(plan, plan.numbers[0], command))
        self.asked = self.course.begin(AT, Office())

    def hears(self, event: Happening) -> list[Asked]:
        return self.course.step(event, AT, Office())


def wishes(asked: list[Asked]) -> list[Asked]:
    return [wish for wish in asked if not isinstance(wish, Decide)]


def test_a_code_is_said_as_often_as_asked_with_pauses_and_then_the_call_ends() -> None:
    callee = Callee(times=3)
    assert wishes(callee.asked) == [Play(CODE)]
    for _ in range(2):
        assert isinstance(callee.hears(Played())[-1], SetTimer)
        assert wishes(callee.hears(TimerFired())) == [Play(CODE)]
    assert wishes(callee.hears(Played())) == [End()]
    assert callee.course.ended
    assert callee.course.outcome() == "answered"


@given(st.integers(-5, 100_000))
def test_whatever_is_asked_the_call_ends_soon(times: int) -> None:
    callee = Callee(times=times)
    said = 1
    while isinstance(callee.hears(Played())[-1], SetTimer):
        callee.hears(TimerFired())
        said += 1
    assert callee.course.ended
    assert said == max(1, min(times, MOST_TIMES))


def test_a_dictation_is_recorded_after_the_instructions_and_kept_by_3() -> None:
    callee = Callee(ticket="abc", purpose="dictation")
    assert wishes(callee.hears(Played())) == [PlayBeep()]
    (record,) = wishes(callee.hears(Played()))
    assert isinstance(record, Record)
    assert record.box == "prompt:abc"
    assert wishes(callee.hears(Recorded("digit", 4.0, "#"))) == [Play((MENU,))]
    assert PlayRecording() in callee.hears(Pressed("1"))
    assert wishes(callee.hears(Played())) == [Play((MENU,))]
    assert wishes(callee.hears(Pressed("4"))) == [], "a greeting is never urgent"
    assert KeepMessage() in callee.hears(Pressed("3"))
    assert wishes(callee.hears(Played())) == [End()]


def test_whoever_hangs_up_after_dictating_keeps_what_was_said() -> None:
    callee = Callee(ticket="abc")
    callee.hears(Played())
    callee.hears(Played())
    assert KeepMessage() in callee.hears(Recorded("stopped", 5.0))

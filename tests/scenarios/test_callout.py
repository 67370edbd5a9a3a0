"""The system calls a telephone of the outside world: what is heard there, and what is recorded."""

from __future__ import annotations

from pathlib import Path

import pytest

from carillon.media.wav import read_wav, write_wav
from carillon.schema.commands import CallOut
from carillon.schema.events import MessageLeft, RecordingStarted
from carillon.schema.plan import Prompt
from carillon.schema.sandbox import ArmWish, PhoneScript, ResultWish
from tests.system import System, acme, heard, running, seconds_of, tone, wait_for

pytestmark = pytest.mark.system
MOBILE = "+33688000001"
SAY = (Prompt("code"), Prompt("four"))


def call(system: System, script: PhoneScript, **more: object) -> str:
    system.prompt("code", tone(520, 1.0))
    system.prompt("four", tone(820, 0.5))
    system.prompt("menu", tone(660, 1.0))
    system.outside.arm(ArmWish(number=MOBILE, ring_seconds=0.2, script=script))
    wish = CallOut("acme", MOBILE, SAY, "code", **more)  # type: ignore[arg-type]
    return wait_for(lambda: system.switch.do(wish).call, 5, "the call")


def test_a_mobile_hears_the_code_twice_and_the_call_ends(tmp_path: Path) -> None:
    with running(tmp_path / "data", "media", "switch", "sandbox", plan=acme()) as system:
        call(system, PhoneScript(stay_seconds=30, hang_up=False), times=2)
        result = system.outside.result(ResultWish(number=MOBILE))
        assert seconds_of(heard(result), 520) > 1.8
        assert seconds_of(heard(result), 820) > 0.9
        assert result.ended_by == "other"
        assert system.record().outcome == "answered"


def test_what_is_said_after_the_beep_is_recorded_under_the_ticket(tmp_path: Path) -> None:
    script = PhoneScript(
        when="beep", say=write_wav(tone(440, 2.0)), then_digits="#", stay_seconds=1.5
    )
    with running(tmp_path / "data", "media", "switch", "sandbox", plan=acme()) as system:
        name = call(system, script, ticket="t1")
        result = system.outside.result(ResultWish(number=MOBILE))
        assert seconds_of(heard(result), 520) > 0.9
        system.record()
        events = system.events(name)
        (left,) = [event for event in events if isinstance(event, MessageLeft)]
        assert left.box == "prompt:t1"
        started = next(event for event in events if isinstance(event, RecordingStarted))
        sound = read_wav((system.config.recordings / started.path).read_bytes())
        assert seconds_of(sound, 440) > 1.7

"""Reaching one person: other phones in order, a mobile that must confirm, and the greeting of their own."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec import structs

from carillon.media.wav import read_wav, write_wav
from carillon.schema.events import MessageLeft
from carillon.schema.plan import (
    MenuNode,
    OutsideTarget,
    Plan,
    Prompt,
    RingNode,
    RingStep,
    UserTarget,
    VoicemailNode,
)
from carillon.schema.sandbox import ArmWish, PhoneScript, ResultWish
from tests.system import System, acme, heard, running, seconds_of, tone

pytestmark = pytest.mark.system
FIRST, SECOND = "+33688000001", "+33688000002"
ASKS, OWN = 980.0, 1240.0


def company() -> Plan:
    """Return Acme, where 101 rings Ann's desk, then two mobiles in order, then plays her own greeting."""
    plan = acme()
    steps = (
        RingStep(UserTarget("ann"), 2),
        RingStep(OutsideTarget(FIRST, confirm=True), 5),
        RingStep(OutsideTarget(SECOND, confirm=True, show_caller=True), 5),
    )
    nodes = {
        "menu": MenuNode("menu", None, Prompt("choose"), {}, "away", extensions=True),
        "ann.ring": RingNode("ann.ring", steps, "ann.end"),
        "ann.end": VoicemailNode("ann.end", Prompt("own"), "ann-box"),
    }
    ann, ben = plan.users
    main = structs.replace(plan.numbers[0], entry="menu")
    return structs.replace(
        plan,
        nodes={**plan.nodes, **nodes},
        users=(structs.replace(ann, entry="ann.ring"), ben),
        numbers=(main, plan.numbers[1]),
        system_prompts={**plan.system_prompts, "fr.confirm-take": Prompt("asks")},
    )


def mobile(system: System, number: str, hertz: float, digits: str = "") -> None:
    """Let a mobile answer and talk; without a digit it is a voicemail."""
    script = PhoneScript(
        say=write_wav(tone(hertz, 12)), digits=digits, digits_after_seconds=0.8, hang_up=False
    )
    system.outside.arm(ArmWish(number=number, ring_seconds=0.2, script=script))


def test_mobiles_ring_in_order_and_only_who_confirms_has_the_caller(tmp_path: Path) -> None:
    with running(tmp_path / "data", "media", "switch", "sandbox", plan=company()) as system:
        for key, hertz in (("choose", 380.0), ("asks", ASKS), ("own", OWN)):
            system.prompt(key, tone(hertz, 0.8))
        mobile(system, FIRST, 700.0)
        mobile(system, SECOND, 860.0, digits="1")
        result = system.call(digits="101", say=tone(440, 9.0), stay_seconds=0.5)
        assert seconds_of(heard(result), 700.0) == 0, "a mobile's voicemail is never heard"
        assert seconds_of(heard(result), 860.0) > 1
        first = system.outside.result(ResultWish(number=FIRST))
        second = system.outside.result(ResultWish(number=SECOND))
        assert seconds_of(heard(first), ASKS) > 0.5
        assert seconds_of(heard(first), 440.0) == 0
        assert seconds_of(heard(second), 440.0) > 1
        assert system.record().outcome == "answered"
        asked = ("ring.confirm-asked", "ring.timeout", "ring.answered")
        assert [reason for reason in system.reasons() if reason in asked] == [
            "ring.confirm-asked",
            "ring.timeout",
            "ring.confirm-asked",
            "ring.answered",
        ]

        # Nobody confirms: her own greeting, the beep, and a message in her own box.
        mobile(system, SECOND, 860.0)
        say = tone(440, 2.0)
        result = system.call(digits="101", say=say, when="beep", stay_seconds=0.3)
        assert seconds_of(heard(result), OWN) > 0.5
        assert seconds_of(heard(result), 860.0) == 0
        record = system.record(1)
        assert record.outcome == "voicemail"
        events = system.events(system.ended_calls()[1])
        (left,) = [event for event in events if isinstance(event, MessageLeft)]
        assert left.box == "ann-box"
        kept = record.recordings[left.recording]
        sound = read_wav((system.config.recordings / kept.path).read_bytes())
        assert seconds_of(sound, 440.0) > 1.5

"""Phone menus with real calls: what is heard, and whom keys and extensions reach."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec import structs

from carillon.media.wav import write_wav
from carillon.schema.plan import (
    DirectoryNode,
    GreetingNode,
    HangUpNode,
    MenuNode,
    NumberNode,
    OutsideTarget,
    Plan,
    Prompt,
    RingNode,
    RingStep,
    UserNode,
)
from carillon.schema.sandbox import ArmWish, PhoneScript
from tests.phones import baresip
from tests.system import System, acme, heard, running, seconds_of, tone

pytestmark = pytest.mark.system
PARTS = ("media", "switch", "sandbox")
TONES = {
    "hello": (380.0, 8.0),
    "choose": (420.0, 1.0),
    "wrong": (460.0, 0.6),
    "away": (520.0, 1.0),
    "letters": (580.0, 1.0),
    "for": (660.0, 0.3),
    "ann": (740.0, 0.3),
    "tap": (860.0, 0.3),
    "one": (980.0, 0.3),
}


def attendant() -> Plan:
    """MAIN is an attendant: 0 leads to Ben, 9 to the directory, extensions at any moment."""
    plan = acme()
    ann, ben = plan.users
    number = structs.replace(plan.numbers[0], entry="menu")
    menu = MenuNode(
        "menu",
        Prompt("hello"),
        Prompt("choose"),
        {"0": "ben", "9": "names"},
        "away",
        extensions=True,
        seconds=1.0,
    )
    sentences = {
        "wrong-choice": "wrong",
        "directory": "letters",
        "for": "for",
        "press": "tap",
        "digit-1": "one",
    }
    return structs.replace(
        plan,
        numbers=(number, plan.numbers[1]),
        nodes={
            **plan.nodes,
            "menu": menu,
            "names": DirectoryNode("names", "menu"),
            "ben": UserNode("ben", "ben", "away"),
        },
        users=(structs.replace(ann, spoken=Prompt("ann")), ben),
        system_prompts=plan.system_prompts
        | {f"fr.{name}": Prompt(key) for name, key in sentences.items()},
    )


def speak(system: System) -> None:
    for key, (hertz, seconds) in TONES.items():
        system.prompt(key, tone(hertz, seconds))


def test_an_extension_dialled_into_the_greeting_reaches_a_desk_phone(tmp_path: Path) -> None:
    with (
        running(tmp_path / "data", *PARTS, plan=attendant()) as system,
        baresip(system, "ann", tmp_path, tone(620, 20)) as phone,
    ):
        speak(system)
        result = system.call(digits="101", say=tone(440, 4.0), stay_seconds=1.0)
        assert seconds_of(heard(result), TONES["hello"][0]) < 3, "the greeting is cut short"
        assert seconds_of(heard(result), 620) > 1.5
        assert seconds_of(phone.stop(), 440) > 1.5
        assert system.record().outcome == "answered"
        assert system.reasons()[:3] == ["menu.play", "menu.extension", "ring.start"]


def test_a_wrong_key_is_told_and_silence_ends_in_the_voicemail(tmp_path: Path) -> None:
    with running(tmp_path / "data", *PARTS, plan=attendant()) as system:
        speak(system)
        sound = heard(system.call(digits="7", stay_seconds=9.0))
        assert seconds_of(sound, TONES["wrong"][0]) > 0.5
        assert seconds_of(sound, TONES["choose"][0]) > 1.8, (
            "again after the sentence, and once more"
        )
        assert seconds_of(sound, TONES["away"][0]) > 0.8
        found = [reason for reason in system.reasons() if reason.startswith("menu.")]
        assert found == ["menu.play", "menu.wrong", "menu.replay", "menu.silence"]


def test_somebody_is_found_by_name_and_offered_by_the_spoken_name(tmp_path: Path) -> None:
    with running(tmp_path / "data", *PARTS, plan=attendant()) as system:
        speak(system)
        sound = heard(system.call(digits="9266#", stay_seconds=5.0))
        for key in ("for", "ann", "tap", "one"):
            assert seconds_of(sound, TONES[key][0]) > 0.2, key
        system.record()
        assert "directory.found" in system.reasons()


def branching() -> Plan:
    """MAIN is a menu: 1 leads to a menu below it with a way of every other kind."""
    plan = attendant()
    keys = {
        "1": "ben",
        "2": "bye",
        "3": "mobile",
        "4": "night",
        "5": "away",
        "6": "names",
        "#": "menu",
    }
    below = MenuNode("below", None, Prompt("below"), keys, "away", seconds=1.0)
    menu = MenuNode("menu", None, Prompt("choose"), {"1": "below"}, "away", seconds=1.0)
    more = {
        "menu": menu,
        "below": below,
        "bye": GreetingNode("bye", Prompt("bye"), "end"),
        "end": HangUpNode("end"),
        "mobile": RingNode("mobile", (RingStep(OutsideTarget(MOBILE), 20),), "away"),
        "night": NumberNode("night", "2", "away"),
        "hours.2": plan.nodes["night"],
    }
    main, closed = plan.numbers
    closed = structs.replace(closed, entry="hours.2")
    return structs.replace(plan, nodes={**plan.nodes, **more}, numbers=(main, closed))


MOBILE = "+33688000001"
BELOW = {
    "2": ("bye", 900.0),
    "4": ("closed", 1130.0),
    "5": ("away", 520.0),
    "6": ("letters", 580.0),
    "#": ("choose", 420.0),
}
"""What is heard behind each key of the lower menu."""


def test_a_menu_below_another_leads_every_way_there_is(tmp_path: Path) -> None:
    with (
        running(tmp_path / "data", *PARTS, plan=branching()) as system,
        baresip(system, "ben", tmp_path, tone(830, 20)) as ben,
    ):
        speak(system)
        for key, hertz in {"below": 1240.0, "bye": 900.0, "closed": 1130.0}.items():
            system.prompt(key, tone(hertz, 0.8))
        script = PhoneScript(say=write_wav(tone(700, 5)), stay_seconds=0.5)
        system.outside.arm(ArmWish(number=MOBILE, ring_seconds=0.2, script=script))
        for key, (name, hertz) in BELOW.items():
            result = system.call(digits="1", then_digits=key, when="silence", stay_seconds=1.5)
            assert seconds_of(heard(result), 1240.0) > 0.15, f"the lower menu before {key}"
            assert seconds_of(heard(result), hertz) > 0.4, f"{name} behind {key}"
            if name == "bye":
                assert result.ended_by == "other", "it hangs up"
        outside = system.call(digits="13", stay_seconds=2.5)
        assert seconds_of(heard(outside), 700) > 0.5
        person = system.call(digits="11", say=tone(440, 2.5), stay_seconds=0.5)
        assert seconds_of(heard(person), 830) > 0.5
        assert seconds_of(ben.stop(), 440) > 0.5
        for nth in range(len(BELOW) + 2):
            system.record(nth)
            keys = [reason for reason in system.reasons(nth) if reason == "menu.key"]
            assert len(keys) == 2, f"call {nth}"

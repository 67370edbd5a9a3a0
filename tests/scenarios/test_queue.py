"""Waiting for somebody to be free: what callers hear, who is connected to whom, and being called back."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec import structs

from carillon.schema.commands import PlaceCallback
from carillon.schema.events import CallbackRequested
from carillon.schema.plan import (
    Callback,
    OutsideTarget,
    Plan,
    RingNode,
    RingStep,
    Trunk,
    UserTarget,
)
from tests.softphone import Softphone
from tests.system import MAIN, System, acme, running, tone, wait_for

pytestmark = pytest.mark.system

MOBILES = ("+33612345671", "+33612345672")
HERTZ = {"first": 440.0, "second": 530.0, "ann": 620.0, "music": 1570.0, "noted": 980.0}


def company(system: System) -> Plan:
    """Return Acme, where callers wait for Ann with music and may ask to be called back."""
    plan = acme()
    music = system.prompt("wait", tone(HERTZ["music"], 3.0))
    node = RingNode(
        "ring",
        (RingStep(UserTarget("ann"), 60),),
        "away",
        queue=True,
        music=music,
        callback=Callback(),
    )
    noted = system.prompt("noted", tone(HERTZ["noted"], 2.0))
    prompts = {**plan.system_prompts, "fr.callback-noted": noted}
    return structs.replace(plan, nodes={**plan.nodes, "ring": node}, system_prompts=prompts)


def hears(phone: Softphone, *names: str, line: int = 1) -> None:
    wait_for(lambda: phone.hears(HERTZ, line) == set(names), 10, f"to hear {names}")


def outside(system: System, which: int, port: int, name: str) -> Softphone:
    return Softphone(system, MOBILES[which], HERTZ[name], outside=True, port=port)


def test_the_second_caller_hears_music_until_ann_is_free_then_talks_with_her(
    tmp_path: Path,
) -> None:
    ports = [Softphone.free_port() for _ in MOBILES]
    trunks = [Trunk(f"t{n}", f"Line {n}", "127.0.0.1", port) for n, port in enumerate(ports)]
    with running(tmp_path / "data") as system:
        system.seed(company(system), *trunks)
        system.start("media", "switch")
        ann = Softphone(system, "ann", HERTZ["ann"])
        first = outside(system, 0, ports[0], "first")
        second = outside(system, 1, ports[1], "second")
        try:
            first.dial(MAIN)
            ann.talks(1)
            hears(first, "ann")
            second.dial(MAIN)
            hears(second, "music")
            hears(ann, "first")
            first.hang_up()
            ann.talks(2)
            hears(second, "ann")
            hears(ann, "second", line=2)
        finally:
            for phone in (ann, first, second):
                phone.stop()


def test_star_is_confirmed_aloud_and_the_callback_brings_both_together(tmp_path: Path) -> None:
    port = Softphone.free_port()
    with running(tmp_path / "data") as system:
        system.seed(company(system), Trunk("t0", "Line", "127.0.0.1", port))
        system.start("media", "switch")
        ann = Softphone(system, "ann", HERTZ["ann"], answers=False)
        caller = outside(system, 0, port, "first")
        try:
            caller.dial(MAIN)
            hears(caller, "music")
            caller.press("*")
            hears(caller, "noted")
            caller.is_over()
            assert system.record().outcome == "callback"
            (asked,) = [e for e in system.events() if isinstance(e, CallbackRequested)]
            assert asked.e164 == MOBILES[0]
            target = (UserTarget("ann"),)
            system.switch.do(PlaceCallback("acme", "cb1", "1", asked.e164, asked.at, target))
            wait_for(lambda: ann.state(2) == "INCOMING", 10, "Ann's phone to ring again")
            ann.answer(2)
            caller.talks(2)
            hears(ann, "first", line=2)
            hears(caller, "ann", line=2)
        finally:
            ann.stop()
            caller.stop()


def test_a_mobile_is_asked_to_press_1_and_only_then_has_the_caller(tmp_path: Path) -> None:
    ports = [Softphone.free_port() for _ in MOBILES]
    trunks = [
        Trunk("t0", "Line", "127.0.0.1", ports[0], priority=10),
        Trunk("t1", "Mobiles", "127.0.0.1", ports[1], priority=1),
    ]
    step = RingStep(OutsideTarget(MOBILES[1], confirm=True), 40)
    with running(tmp_path / "data") as system:
        asks = system.prompt("asks", tone(HERTZ["noted"], 1.0))
        plan = acme((step,))
        prompts = {**plan.system_prompts, "fr.confirm-take": asks}
        system.seed(structs.replace(plan, system_prompts=prompts), *trunks)
        system.start("media", "switch")
        caller = outside(system, 0, ports[0], "first")
        mobile = outside(system, 1, ports[1], "second")
        try:
            caller.dial(MAIN)
            mobile.talks(1)
            hears(mobile, "noted")
            assert caller.state() != "ESTABLISHED", "a voicemail would have swallowed it by now"
            mobile.press("1")
            caller.talks(1)
            hears(caller, "second")
            hears(mobile, "first")
        finally:
            caller.stop()
            mobile.stop()

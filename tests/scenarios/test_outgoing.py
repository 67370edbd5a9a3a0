"""What is recorded and announced, by number and direction, and calls for help: real calls with sound."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec import structs

from carillon.media.wav import read_wav, write_wav
from carillon.schema.cdr import CallRecord
from carillon.schema.events import Decided
from carillon.schema.plan import Address, DialRules, Limits, MenuNode, Plan, Prompt, UserNode
from carillon.schema.sandbox import ArmWish, PhoneScript, ResultWish
from tests.phones import Baresip, baresip
from tests.system import CLOSED, MAIN, System, acme, heard, running, seconds_of, tone, wait_for

pytestmark = pytest.mark.system
OUTSIDE = "+33688000001"
TOLD, MENU = 980.0, 1240.0
HOME = Address("Acme", "1 rue de la Paix", "Paris", "75002", "FR")


def company() -> Plan:
    """MAIN is classic and records what comes in; CLOSED is a menu and so records what goes out (A33)."""
    plan = acme()
    main, menu = plan.numbers
    told = Prompt("told", seconds=0.8)
    main = structs.replace(main, record_inbound=True, record_announcement=told)
    menu = structs.replace(
        menu, kind="menu", entry="menu", record_outbound=True, record_announcement=told
    )
    ann, ben = plan.users
    return structs.replace(
        plan,
        numbers=(main, menu),
        users=(structs.replace(ann, default_number="2", address=HOME), ben),
        nodes={
            **plan.nodes,
            "menu": MenuNode("menu", None, Prompt("menu-says"), {"1": "to-ann"}, "away"),
            "to-ann": UserNode("to-ann", "ann", "away"),
        },
        limits=Limits(countries=("33",)),
        dial_rules=DialRules(emergency=("112",)),
    )


def recorded(system: System, record: CallRecord) -> tuple[float, float]:
    """Return the seconds of the outside's tone and of Ann's on the recording; who called is left."""
    (kept,) = record.recordings.values()
    sound = read_wav((system.config.recordings / kept.path).read_bytes())
    outside, ours = (0, 1) if record.direction == "inbound" else (1, 0)
    return seconds_of(sound[:, outside], 440.0), seconds_of(sound[:, ours], 620.0)


def goes_out(system: System, phone: Baresip, dialled: str, called: str) -> float:
    """Have Ann call; return how long the far end heard the announcement, having heard Ann."""
    script = PhoneScript(say=write_wav(tone(440, 4)), stay_seconds=0.5)
    system.outside.arm(ArmWish(number=called, ring_seconds=0.2, script=script))
    phone.dial(dialled)
    far = heard(system.outside.result(ResultWish(number=called)))
    assert seconds_of(far, 620) > 1
    return seconds_of(far, TOLD)


def test_each_direction_is_announced_and_recorded_as_its_number_says(tmp_path: Path) -> None:
    with (
        running(tmp_path / "data", "media", "switch", "sandbox", plan=company()) as system,
        baresip(system, "ann", tmp_path, tone(620, 30)) as ann,
    ):
        system.prompt("told", tone(TOLD, 0.8))
        system.prompt("menu-says", tone(MENU, 0.8))
        classic = system.call(MAIN, say=tone(440, 3.0), stay_seconds=0.3)
        assert seconds_of(heard(classic), TOLD) > 0.5, "who calls is told first"
        assert seconds_of(heard(classic), 620) > 1
        assert min(recorded(system, system.record(0))) > 1

        through_menu = system.call(CLOSED, digits="1", say=tone(440, 3.0), stay_seconds=0.3)
        assert seconds_of(heard(through_menu), 620) > 0.5
        assert seconds_of(heard(through_menu), TOLD) == 0
        assert system.record(1).recordings == {}, "a menu only passes callers on"

        assert goes_out(system, ann, "0688000001", OUTSIDE) > 0.5, "whoever is called is told"
        outgoing = system.record(2)
        assert (outgoing.caller, outgoing.outcome) == (CLOSED, "answered")
        assert min(recorded(system, outgoing)) > 1


def test_a_call_for_help_goes_out_whatever_is_limited_and_both_are_heard(tmp_path: Path) -> None:
    plan = structs.replace(company(), limits=Limits(outside_calls=1, countries=("44",)))
    with (
        running(tmp_path / "data", "media", "switch", "sandbox", plan=plan) as system,
        baresip(system, "ann", tmp_path, tone(620, 30)) as ann,
    ):
        system.prompt("told", tone(TOLD, 0.8))
        assert goes_out(system, ann, "112", "112") == 0, "who helps is not kept waiting"
        record = system.record()
        assert (record.called, record.outcome, record.recordings) == ("112", "answered", {})
        (told,) = [
            event
            for event in system.events()
            if isinstance(event, Decided) and event.reason == "call.emergency"
        ]
        assert "1 rue de la Paix" in told.facts["address"]
        ann.dial("0688000001")
        wait_for(lambda: "403 Forbidden" in ann.log(), 10, "an ordinary call to be refused")

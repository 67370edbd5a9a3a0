"""Whole calls through real processes: sandbox carrier outside, baresip inside, sound checked."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec import structs

from carillon.media.wav import read_wav, write_wav
from carillon.schema.commands import HangUpCall
from carillon.schema.events import LegAnswered, MessageLeft, RecordingEnded, RecordingStarted
from carillon.schema.plan import DialRules, OutsideTarget, Prompt, RingStep, UserTarget
from carillon.schema.sandbox import ArmWish, CallWish, PhoneScript, ResultWish
from tests.phones import baresip
from tests.system import CLOSED, System, acme, heard, running, seconds_of, tone, wait_for

pytestmark = pytest.mark.system
PARTS = ("media", "switch", "sandbox")
AWAY, SHUT, MENU, SENT, HELLO = 520.0, 580.0, 660.0, 740.0, 820.0
OUTSIDE = "+33688000001"


def prompts(system: System) -> None:
    """Give each prompt of Acme a tone of its own."""
    named = {"away": AWAY, "closed": SHUT, "menu": MENU, "sent": SENT, "hello": HELLO}
    for key, hertz in named.items():
        system.prompt(key, tone(hertz, 1.0))


@pytest.fixture()
def quiet(tmp_path: Path) -> Iterator[System]:
    """Acme with no phone connected: every call goes on to the voicemail."""
    with running(tmp_path / "data", *PARTS, plan=acme()) as system:
        prompts(system)
        yield system


def test_a_call_from_outside_is_answered_by_a_desk_phone_with_sound_both_ways(
    tmp_path: Path,
) -> None:
    with (
        running(tmp_path / "data", *PARTS, plan=acme(record_inbound=True)) as system,
        baresip(system, "ann", tmp_path, tone(620, 20)) as phone,
    ):
        result = system.call(say=tone(440, 3.0), stay_seconds=1.0)
        ann_heard = phone.stop()
        assert result.status == 200
        assert seconds_of(heard(result), 620) > 2.5
        assert seconds_of(ann_heard, 440) > 2.5
        record = system.record()
        assert (record.outcome, record.person, record.direction) == ("answered", "ann", "inbound")
        assert record.talking_seconds > 3
        assert "ring.answered" in system.reasons()
        assert record.recording is not None
        both = read_wav((system.config.recordings / record.recording.path).read_bytes())
        assert both.ndim == 2
        assert seconds_of(both[:, 0].copy(), 440) > 2.5, "the caller is on the left"
        assert seconds_of(both[:, 1].copy(), 620) > 2.5, "the callee is on the right"


@pytest.mark.parametrize("transport", ["tcp", "tls"])
def test_a_phone_on_a_connection_is_rung_over_it(tmp_path: Path, transport: str) -> None:
    with (
        running(tmp_path / "data", *PARTS, plan=acme()) as system,
        baresip(system, "ann", tmp_path, tone(620, 20), transport=transport),
    ):
        assert seconds_of(heard(system.call(say=tone(440, 1.0), stay_seconds=1.0)), 620) > 1
        assert system.record().outcome == "answered"


def test_a_caller_nobody_answers_leaves_a_message_that_can_be_heard(quiet: System) -> None:
    result = quiet.call(when="beep", say=tone(440, 3.0), stay_seconds=0.3)
    record = quiet.record()
    assert record.outcome == "voicemail"
    left = [event for event in quiet.events() if isinstance(event, MessageLeft)]
    assert [message.box for message in left] == ["box"]
    started = next(e for e in quiet.events() if isinstance(e, RecordingStarted))
    message = read_wav((quiet.config.recordings / started.path).read_bytes())
    assert seconds_of(message, 440) > 2.7
    assert seconds_of(heard(result), AWAY) > 0.8
    assert quiet.reasons()[:3] == ["hours.always-open", "greeting.none", "ring.skip-no-phone"]


def test_outside_opening_hours_the_closing_message_is_heard(quiet: System) -> None:
    result = quiet.call(CLOSED, stay_seconds=2.0)
    assert seconds_of(heard(result), SHUT) > 0.8
    assert seconds_of(heard(result), AWAY) == 0
    assert quiet.record().outcome == "closed"
    assert "hours.closed" in quiet.reasons()


def test_hash_lets_the_caller_listen_record_again_and_send_as_urgent(quiet: System) -> None:
    # Speaks, presses # to stop, 1 to listen, then 4 to send it as urgent.
    script = {"when": "beep", "say": tone(440, 2.0), "then_digits": "#", "hang_up": False}
    result = quiet.call(seconds=40, **script, stay_seconds=0.5)
    assert result.status == 200
    assert seconds_of(heard(result), MENU) > 0.8
    assert seconds_of(heard(result), SENT) > 0.8, "silence in the menu sends the message"
    assert quiet.record(seconds=20).outcome == "voicemail"


def test_keys_in_the_voicemail_menu_are_obeyed(quiet: System) -> None:
    script = {"when": "beep", "say": tone(440, 2.0), "then_digits": "#4", "stay_seconds": 2.5}
    result = quiet.call(**script)
    left = next(e for e in quiet.events(quiet.record().call) if isinstance(e, MessageLeft))
    assert left.urgent
    assert seconds_of(heard(result), SENT) > 0.8


def test_a_short_silence_after_the_beep_leaves_no_message(quiet: System) -> None:
    quiet.call(when="beep", say=tone(440, 0.02), stay_seconds=0.1)
    assert quiet.record().outcome == "missed"
    assert not [e for e in quiet.events() if isinstance(e, MessageLeft)]


def test_the_greeting_is_heard_before_a_phone_rings(tmp_path: Path) -> None:
    with running(tmp_path / "data", *PARTS, plan=acme(greeting=Prompt("hello"))) as system:
        prompts(system)
        with baresip(system, "ann", tmp_path, tone(620, 20)):
            result = system.call(stay_seconds=3.0)
            assert seconds_of(heard(result), HELLO) > 0.8
            assert seconds_of(heard(result), 620) > 0.8
            assert system.record().outcome == "answered"


def test_an_outside_step_rings_the_outside_and_bridges_it(tmp_path: Path) -> None:
    plan = acme((RingStep(UserTarget("ann"), 20), RingStep(OutsideTarget(OUTSIDE), 20)))
    with running(tmp_path / "data", *PARTS, plan=plan) as system:
        script = PhoneScript(say=write_wav(tone(700, 10)), stay_seconds=10)
        system.outside.arm(ArmWish(number=OUTSIDE, ring_seconds=0.2, script=script))
        result = system.call(say=tone(440, 2.0), stay_seconds=0.5)
        mobile = system.outside.result(ResultWish(number=OUTSIDE))
        assert seconds_of(heard(result), 700) > 1.5
        assert seconds_of(heard(mobile), 440) > 1.5
        assert system.record().outcome == "answered"


def test_a_busy_outside_step_goes_on_to_the_voicemail(tmp_path: Path) -> None:
    plan = acme((RingStep(OutsideTarget("+33688000100"), 20),))
    with running(tmp_path / "data", *PARTS, plan=plan) as system:
        prompts(system)
        result = system.call(stay_seconds=2.0)
        assert seconds_of(heard(result), AWAY) > 0.8
        system.record()
        assert "ring.declined" in system.reasons()


def test_a_caller_who_gives_up_while_it_rings_is_a_missed_call(tmp_path: Path) -> None:
    plan = acme((RingStep(OutsideTarget("+33688000099"), 60),))
    with running(tmp_path / "data", *PARTS, plan=plan) as system:
        result = system.outside.call(CallWish(to="+33199001001", ring_seconds=1.0))
        assert (result.status, result.rang) == (0, True)
        record = system.record()
        assert (record.outcome, record.ended_by) == ("missed", "caller")


def test_who_dials_as_in_another_country_reaches_it(tmp_path: Path) -> None:
    british = structs.replace(acme(), dial_rules=DialRules("44", "0", "00", ("999", "112")))
    ann = structs.replace(british.users[0], dial_rules=DialRules())
    plan = structs.replace(british, users=(ann, *british.users[1:]))
    with running(tmp_path / "data", *PARTS, plan=plan) as system:
        script = PhoneScript(say=write_wav(tone(700, 2)), stay_seconds=0.5)
        for number in (OUTSIDE, "+44688000001"):
            system.outside.arm(ArmWish(number=number, ring_seconds=0.2, script=script))
        for nth, (name, called) in enumerate((("ann", OUTSIDE), ("ben", "+44688000001"))):
            with baresip(system, name, tmp_path, tone(620, 20)) as phone:
                phone.dial("0688000001")
                assert system.outside.result(ResultWish(number=called)).status == 200
                assert system.record(nth).called == called


def test_a_desk_phone_calls_the_outside_with_the_company_s_number(tmp_path: Path) -> None:
    with running(tmp_path / "data", *PARTS, plan=acme()) as system:
        script = PhoneScript(say=write_wav(tone(700, 2)), stay_seconds=1.0)
        system.outside.arm(ArmWish(number=OUTSIDE, ring_seconds=0.2, script=script))
        with baresip(system, "ann", tmp_path, tone(620, 20)) as phone:
            phone.dial("0688000001")
            result = system.outside.result(ResultWish(number=OUTSIDE))
            record = system.record()
            assert seconds_of(phone.stop(), 700) > 1.5
        assert seconds_of(heard(result), 620) > 2
        assert (record.direction, record.outcome, record.person) == ("outbound", "answered", "ann")
        assert (record.caller, record.called) == ("+33199001001", OUTSIDE)


def test_colleagues_call_each_other_by_extension(tmp_path: Path) -> None:
    with (
        running(tmp_path / "data", *PARTS, plan=acme()) as system,
        baresip(system, "ann", tmp_path, tone(620, 20)) as ann,
        baresip(system, "ben", tmp_path, tone(540, 20)) as ben,
    ):
        ann.dial("102")
        answered = lambda: [  # noqa: E731
            e for e in system.events() if isinstance(e, LegAnswered) and e.leg != "a"
        ]
        wait_for(answered, 10, "ben to answer")
        busy = system.call(stay_seconds=1.5)
        assert busy.status == 200
        ben_heard = ben.stop()
        records = [system.record(nth=0), system.record(nth=1)]
        record = next(r for r in records if r.direction == "internal")
        assert seconds_of(ann.stop(), 540) > 0.5
        assert seconds_of(ben_heard, 620) > 0.5
        assert (record.direction, record.outcome) == ("internal", "answered")
        every = system.reasons(0) + system.reasons(1)
        assert "ring.skip-busy" in every, "nobody is offered two calls at once"


def test_a_number_that_is_not_ours_is_refused(quiet: System) -> None:
    assert quiet.call("+33199009999").status == 404


def test_an_administrator_can_hang_up_a_call(quiet: System) -> None:
    caller = threading.Thread(target=quiet.call, kwargs={"hang_up": False, "say": tone(440, 30)})
    caller.start()
    live = wait_for(lambda: quiet.switch.status().calls, 10, "the call to show")[0]
    assert quiet.switch.do(HangUpCall(live.call)).done
    caller.join(10)
    assert quiet.record().ended_by == "system"
    assert quiet.switch.do(HangUpCall(live.call)).reason == "no-such-call"


def test_every_recording_that_began_also_ended(quiet: System) -> None:
    quiet.call(when="beep", say=tone(440, 1.5), stay_seconds=0.2)
    quiet.record()
    events = quiet.events()
    began = {e.recording for e in events if isinstance(e, RecordingStarted)}
    assert began == {e.recording for e in events if isinstance(e, RecordingEnded)}


@pytest.mark.parametrize(
    "document", [None, b"", b"RIFF", b"RIFF\xff\xff\xff\xffWAVEfmt ", b"\0" * 100_000]
)
def test_a_message_whose_file_is_missing_or_broken_is_passed_over_and_the_caller_goes_on(
    tmp_path: Path, document: bytes | None
) -> None:
    plan = acme(greeting=Prompt("torn"))
    with running(tmp_path / "data", *PARTS, plan=plan) as system:
        prompts(system)
        if document is not None:
            (system.config.prompts / "torn.wav").write_bytes(document)
        result = system.call(when="beep", say=tone(440, 1.0), stay_seconds=0.3)
        assert seconds_of(heard(result), AWAY) > 0.5
        assert system.record().outcome == "voicemail"
        assert system.reasons()[:2] == ["hours.always-open", "greeting.play"]

"""Calls to and from JsSIP in Chromium through real processes, with the sound measured at both ends."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from carillon.media.g711 import encode_alaw
from carillon.media.wav import write_wav
from carillon.schema.events import DigitPressed, LegEnded
from carillon.schema.plan import Trunk
from carillon.schema.sandbox import ArmWish, CallResult, PhoneScript, ResultWish
from tests.browser import BrowserPhone, browser_phone
from tests.phones import baresip, free_base
from tests.system import System, acme, heard, running, seconds_of, tone, wait_for

pytestmark = pytest.mark.system
SIPP = Path(__file__).parent / "sipp"
PARTS = ("media", "switch", "sandbox")
OUTSIDE = "+33688000001"
OUR_TONE, THEIR_TONE = 620.0, 440.0


@pytest.fixture()
def office(tmp_path: Path) -> Iterator[System]:
    with running(tmp_path / "data", *PARTS, plan=acme()) as system:
        yield system


@pytest.fixture()
def phone(office: System, tmp_path: Path) -> Iterator[BrowserPhone]:
    with browser_phone(office, tmp_path / "browser", tone(OUR_TONE, 2.0)) as opened:
        yield opened


class Outside:
    """A call from outside that goes on while the test looks at the browser."""

    def __init__(self, system: System, **script: object) -> None:
        script.setdefault("say", tone(THEIR_TONE, 30.0))
        self._script = script
        self._system = system
        self.result: CallResult | None = None
        self._thread = threading.Thread(target=self._call)
        self._thread.start()

    def _call(self) -> None:
        self.result = self._system.call(**self._script)

    def ended(self) -> CallResult:
        self._thread.join(40)
        assert self.result is not None
        return self.result


@pytest.mark.parametrize("codec", ["opus", "G722", "PCMA"])
def test_an_outside_call_is_answered_in_the_browser_with_sound_both_ways(
    office: System, phone: BrowserPhone, codec: str
) -> None:
    phone.register(codec=codec)
    outside = Outside(office)
    phone.wait_for("confirmed")
    phone.wait_to_hear(THEIR_TONE, 2.0)
    figures = phone.figures()
    assert figures["codec"].lower() == f"audio/{codec.lower()}"
    # Some Chromiums call it SRTP_AEAD_AES_128_GCM.
    suite = figures["suite"].removeprefix("SRTP_")
    assert (figures["dtls"], suite) == ("connected", "AEAD_AES_128_GCM")
    phone.press("5")
    wait_for(lambda: [e for e in office.events() if isinstance(e, DigitPressed)], 5, "the key")
    phone.do("terminate")
    result = outside.ended()
    assert seconds_of(heard(result), OUR_TONE) > 1
    assert result.ended_by == "other"
    record = office.record()
    assert (record.outcome, record.person, record.ended_by) == ("answered", "ann", "callee")
    (pressed,) = (e for e in office.events() if isinstance(e, DigitPressed))
    assert pressed.digit == "5"
    browser = next(e for e in office.events() if isinstance(e, LegEnded) and e.leg != "a")
    assert (browser.codec.lower(), browser.secured) == (codec.lower(), "dtls")
    assert browser.mos > 4


@pytest.mark.parametrize(("codec", "used"), [("", "audio/pcm"), ("opus", "audio/opus")])
def test_a_call_from_the_browser_to_the_outside_has_sound_both_ways(
    office: System, phone: BrowserPhone, codec: str, used: str
) -> None:
    script = PhoneScript(say=write_wav(tone(THEIR_TONE, 30.0)))
    office.outside.arm(ArmWish(number=OUTSIDE, script=script))
    phone.register(codec=codec)
    phone.call("0688000001")
    phone.wait_for("confirmed")
    phone.wait_to_hear(THEIR_TONE, 1.0)
    # Whoever can chooses what the carrier has, so that nothing is translated.
    assert phone.figures()["codec"].lower().startswith(used)
    phone.press("7")
    wait_for(lambda: [e for e in office.events() if isinstance(e, DigitPressed)], 5, "the key")
    phone.do("terminate")
    assert seconds_of(heard(office.outside.result(ResultWish(number=OUTSIDE))), OUR_TONE) > 0.7


@contextmanager
def early_line(folder: Path, port: int) -> Iterator[None]:
    """Let SIPp be a carrier that says a tone before it answers."""
    sound, played = folder / "tone.al", folder / "early.xml"
    sound.write_bytes(encode_alaw(tone(THEIR_TONE, 10)).tobytes())
    played.write_text((SIPP / "early.xml").read_text().replace("SOUND", str(sound)))
    command = ["sipp", "-sf", str(played), "-nostdin"]
    command += ["-i", "127.0.0.1", "-p", str(port), "-mi", "127.0.0.1", "-mp", str(port + 10)]
    line = subprocess.Popen(
        command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield
    finally:
        line.kill()
        line.wait()


def test_the_browser_hears_what_an_outside_line_says_before_it_answers(tmp_path: Path) -> None:
    port = free_base()
    with running(tmp_path / "data") as system:
        system.seed(acme(), Trunk("out", "Out", "127.0.0.1", port))
        system.start("media", "switch")
        with (
            browser_phone(system, tmp_path / "browser", tone(OUR_TONE, 2.0)) as phone,
            early_line(tmp_path, port),
        ):
            phone.register()
            phone.call("0688000001")
            phone.wait_to_hear(THEIR_TONE, 1.0)
            assert "accepted" not in phone.events()
            phone.wait_for("confirmed")
            phone.forget_sound()
            phone.wait_to_hear(THEIR_TONE, 1.0)
            phone.do("terminate")
        assert system.record().outcome == "answered"


def test_hold_in_the_browser_is_silence_or_music_and_ends(
    office: System, phone: BrowserPhone
) -> None:
    phone.register()
    outside = Outside(office)
    phone.wait_for("confirmed")
    phone.wait_to_hear(THEIR_TONE)
    phone.do("hold")
    phone.wait_for("hold")
    wait_for(lambda: "call.held" in reasons(office), 5, "the hold in the timeline")
    phone.do("unhold")
    phone.wait_for("unhold")
    wait_for(lambda: "call.resumed" in reasons(office), 5, "its end in the timeline")
    phone.forget_sound()
    phone.wait_to_hear(THEIR_TONE)
    phone.do("terminate")
    outside.ended()


def test_a_browser_and_a_desk_phone_talk(
    office: System, phone: BrowserPhone, tmp_path: Path
) -> None:
    phone.register()
    with baresip(office, "ben", tmp_path / "ben", tone(THEIR_TONE, 20)) as desk:
        phone.call("102")
        phone.wait_for("confirmed")
        phone.wait_to_hear(THEIR_TONE)
        phone.do("terminate")
        office.record()
        assert seconds_of(desk.stop(), OUR_TONE) > 0.8


def test_a_browsers_call_goes_on_when_the_media_process_is_lost(
    office: System, phone: BrowserPhone
) -> None:
    phone.register()
    outside = Outside(office)
    phone.wait_for("confirmed")
    phone.wait_to_hear(THEIR_TONE)
    office.kill("media")
    phone.forget_sound()
    office.start("media")
    phone.wait_to_hear(THEIR_TONE, 2.0)
    phone.do("terminate")
    outside.ended()


def test_a_caller_who_hangs_up_is_gone_in_the_browser(office: System, phone: BrowserPhone) -> None:
    phone.register()
    outside = Outside(office, say=tone(THEIR_TONE, 1.0), stay_seconds=0.2)
    phone.wait_for("confirmed")
    outside.ended()
    phone.wait_for("ended")
    assert office.record().ended_by == "caller"


def reasons(system: System) -> list[str]:
    return [event.reason for event in system.events() if hasattr(event, "reason")]

"""Desk phones with keys: baresip by SDES over TLS, and by DTLS; one that wants none is rung all the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from carillon.schema.events import LegEnded
from tests.phones import Baresip, baresip
from tests.system import System, acme, encrypting, heard, running, seconds_of, tone, wait_for

pytestmark = pytest.mark.system
PARTS = ("media", "switch", "sandbox")


def secured(system: System) -> dict[str, str]:
    """Return how each leg of the first call was secured."""
    return {e.leg: e.secured for e in system.events() if isinstance(e, LegEnded) if e.codec}


def talk(ann: Baresip, ben: Baresip, rate: int = 8000) -> None:
    """Let both hear the other, and hang up."""
    for phone in (ann, ben):
        phone.wait_to_hear(2.0, rate)
    ann.command("hangup")
    assert seconds_of(ben.stop(), 620) > 0.7
    assert seconds_of(ann.stop(), 440) > 0.7


@pytest.mark.parametrize(("keys", "how"), [("srtp-mand", "sdes"), ("srtp", "sdes"), ("", "")])
def test_a_phone_over_tls_is_rung_with_keys_if_it_has_some(
    tmp_path: Path, keys: str, how: str
) -> None:
    with (
        running(tmp_path / "data", *PARTS, plan=acme()) as system,
        baresip(system, "ann", tmp_path, tone(620, 20), transport="tls", keys=keys) as phone,
    ):
        result = system.call(say=tone(440, 2.0), stay_seconds=0.5)
        assert seconds_of(heard(result), 620) > 1.5
        assert seconds_of(phone.stop(), 440) > 1.5
        system.record()
        assert secured(system) == {"a": "", "b1": how}


@pytest.mark.parametrize(
    ("setting", "transport", "keys", "how"),
    [("required", "udp", "srtp-mand", "sdes"), ("off", "tls", "srtp", "")],
)
def test_a_phone_is_rung_with_keys_or_without_as_its_setting_says(
    tmp_path: Path, setting: str, transport: str, keys: str, how: str
) -> None:
    plan = encrypting(setting)
    with (
        running(tmp_path / "data", *PARTS, plan=plan) as system,
        baresip(system, "ann", tmp_path, tone(620, 20), transport=transport, keys=keys) as phone,
    ):
        result = system.call(say=tone(440, 2.0), stay_seconds=0.5)
        assert seconds_of(heard(result), 620) > 1.5
        assert seconds_of(phone.stop(), 440) > 1.5
        system.record()
        assert secured(system) == {"a": "", "b1": how}


@pytest.mark.parametrize(("keys", "answered"), [("", False), ("srtp-mand", True)])
def test_a_phone_that_must_have_keys_calls_with_them_or_not_at_all(
    tmp_path: Path, keys: str, answered: bool
) -> None:
    with (
        running(tmp_path / "data", *PARTS, plan=encrypting("required")) as system,
        baresip(system, "ann", tmp_path, tone(620, 20), transport="tls", keys=keys) as ann,
        baresip(system, "ben", tmp_path, tone(440, 20), keys="srtp-mand") as ben,
    ):
        ann.dial("102")
        if answered:
            talk(ann, ben)
            system.record()
            assert secured(system) == {"a": "sdes", "b1": "sdes"}
        else:
            wait_for(lambda: "488" in ann.log(), 10, "the refusal")


@pytest.mark.parametrize(("keys", "how"), [("srtp-mand", "sdes"), ("dtls_srtp", "dtls")])
def test_a_phone_that_calls_with_keys_is_answered_with_keys(
    tmp_path: Path, keys: str, how: str
) -> None:
    with (
        running(tmp_path / "data", *PARTS, plan=acme()) as system,
        baresip(system, "ann", tmp_path, tone(620, 20), transport="tls", keys=keys) as ann,
        baresip(system, "ben", tmp_path, tone(440, 20)) as ben,
    ):
        ann.dial("102")
        talk(ann, ben)
        system.record()
        assert secured(system) == {"a": how, "b1": ""}


@pytest.mark.parametrize(("codec", "rate"), [("G722/16000/1", 16000), ("opus/48000/2", 48000)])
def test_two_desk_phones_talk_in_the_codec_they_like_best(
    tmp_path: Path, codec: str, rate: int
) -> None:
    wide = f"{codec},PCMA/8000/1"
    with (
        running(tmp_path / "data", *PARTS, plan=acme()) as system,
        baresip(system, "ann", tmp_path, tone(620, 20), codecs=wide) as ann,
        baresip(system, "ben", tmp_path, tone(440, 20), codecs=wide) as ben,
    ):
        ann.dial("102")
        talk(ann, ben, rate)
        system.record()
        used = {event.codec for event in system.events() if isinstance(event, LegEnded)}
        assert used == {codec.partition("/")[0]}

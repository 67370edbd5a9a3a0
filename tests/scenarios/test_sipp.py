"""SIPp as the carrier, baresip as the desk phone: neither was written here."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from carillon.media.g711 import encode_alaw
from carillon.schema.plan import RingStep, Trunk, UserTarget
from tests.phones import baresip, free_base
from tests.system import MAIN, System, acme, running, seconds_of, tone

pytestmark = pytest.mark.system
SCENARIOS = Path(__file__).parent / "sipp"


def sipp(
    system: System,
    port: int,
    folder: Path,
    *options: str,
    transport: str = "u1",
    scenario: str = "carrier",
) -> None:
    """Let SIPp call MAIN once, sending a 440 Hz tone; its exit status says whether all went well."""
    sound = folder / "tone.al"
    sound.write_bytes(encode_alaw(tone(440, 10)).tobytes())
    played = folder / f"{scenario}.xml"
    text = (SCENARIOS / f"{scenario}.xml").read_text()
    if "-rtp_echo" in options:
        text = text.replace('<nop><action><exec rtp_stream="SOUND,-1,8"/></action></nop>', "")
    played.write_text(text.replace("SOUND", str(sound)))
    command = ["sipp", "-sf", str(played), "-m", "1", "-t", transport, "-nostdin"]
    command += ["-i", "127.0.0.1", "-p", str(port), "-mi", "127.0.0.1", "-mp", str(port + 10)]
    command += ["-s", MAIN, f"127.0.0.1:{system.config.sip_port}", "-timeout", "20", *options]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=40, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_call_placed_by_sipp_is_heard_by_baresip_and_back(tmp_path: Path, transport: str) -> None:
    port = free_base()
    trunk = Trunk(id="t1", name="SIPp", host="127.0.0.1", port=port, transport=transport)
    parts = ("media", "switch")
    with running(tmp_path / "data", *parts, plan=acme(), trunks=(trunk,)) as system:
        kind = "u1" if transport == "udp" else "t1"
        with baresip(system, "ann", tmp_path, tone(620, 30)) as phone:
            sipp(system, port, tmp_path, transport=kind)
            assert seconds_of(phone.stop(), 440) > 2.0, "what SIPp sends, baresip hears"
        record = system.record()
        assert (record.outcome, record.caller_name, record.trunk) == ("answered", "Camille", "t1")
        with baresip(system, "ann", tmp_path / "echo", tone(620, 30)) as phone:
            sipp(system, port, tmp_path, "-rtp_echo", transport=kind)
            assert seconds_of(phone.stop(), 620) > 2.0, (
                "what baresip says reaches SIPp, and returns"
            )
        assert system.record(nth=1).outcome == "answered"


def test_a_carrier_that_leaves_the_offer_to_us_is_heard_and_hears(tmp_path: Path) -> None:
    port = free_base()
    trunk = Trunk(id="t1", name="SIPp", host="127.0.0.1", port=port)
    with (
        running(tmp_path / "data", "media", "switch", plan=acme(), trunks=(trunk,)) as system,
        baresip(system, "ann", tmp_path, tone(620, 30)) as phone,
    ):
        sipp(system, port, tmp_path, "-rtp_echo", scenario="late-offer")
        assert seconds_of(phone.stop(), 620) > 2.0, "what baresip says comes back as an echo"
        assert system.record().outcome == "answered"


def test_a_carrier_that_insists_on_prack_and_fresh_calls_is_served(tmp_path: Path) -> None:
    port = free_base()
    trunk = Trunk(id="t1", name="SIPp", host="127.0.0.1", port=port)
    plan = acme((RingStep(UserTarget("ann"), 3),))
    with (
        running(tmp_path / "data", "media", "switch", plan=plan, trunks=(trunk,)) as system,
        baresip(system, "ann", tmp_path, tone(620, 5), answer="manual"),
    ):
        system.prompt("away", tone(440, 5))
        sipp(system, port, tmp_path, "-rtp_echo", scenario="insisting")
        assert system.record().caller_name == "Camille"


def test_an_unknown_address_cannot_place_calls_as_a_carrier(tmp_path: Path) -> None:
    with running(tmp_path / "data", "media", "switch", plan=acme()) as system:
        with pytest.raises(AssertionError, match="401"):
            sipp(system, free_base(), tmp_path, "-rtp_echo")
        assert system.ended_calls() == []

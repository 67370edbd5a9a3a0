"""A carrier that is a proxy: Kamailio stays on the way of every request, and sound goes past it."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from msgspec import structs

from carillon.schema.plan import Trunk
from tests.phones import baresip, free_base
from tests.softphone import Room, Softphone, room
from tests.system import MAIN, System, acme, heard, running, seconds_of, tone, wait_for

pytestmark = pytest.mark.system

CONFIGS = Path(__file__).parent / "kamailio"
MODULES = next(iter(Path("/usr/lib").glob("*/kamailio/modules")), Path("/usr/lib/kamailio/modules"))
OUTSIDE = "0612345678"
MUSIC_HERTZ = 1570.0
TONES = {"caller": 440.0, "ann": 620.0, "ben": 830.0}


class Kamailio:
    """A carrier's proxy between the switch and one telephone outside; or an office's, `edge`."""

    def __init__(
        self, folder: Path, switch: int, phone: int = 0, *, config: str = "carrier"
    ) -> None:
        folder.mkdir()
        self.port = free_base()
        self._switch, self._phone = switch, phone
        self._folder = folder
        text = (
            (CONFIGS / f"{config}.cfg")
            .read_text()
            .replace("MODULES", str(MODULES))
            .replace("PORT", str(self.port))
        )
        text = text.replace("SWITCH", str(switch)).replace("PHONE", str(phone))
        (folder / "proxy.cfg").write_text(text)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; it forks, so that it is ended as the group it leads."""
        command = ["kamailio", "-DD", "-f", "proxy.cfg", "-Y", str(self._folder), "-m", "16"]
        with open(self._folder / "log", "ab") as log:
            self._process = subprocess.Popen(
                command, cwd=self._folder, stdout=log, stderr=log, start_new_session=True
            )

    def log(self) -> str:
        """Return what it says."""
        return (self._folder / "log").read_text(errors="replace")

    def passed(self, method: str, *, from_switch: bool) -> int:
        """Return how many requests within calls came along the route they should."""
        sender = self._switch if from_switch else self._phone
        return self.log().count(f"WITHIN {method} from {sender}")

    def stop(self) -> None:
        """Pull its plug."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None


class Stage:
    """A system with two such carriers, a telephone outside, Ann and Ben."""

    def __init__(self, system: System, near: Kamailio, far: Kamailio, here: Room) -> None:
        self.system = system
        self.near, self.far = near, far
        self.here = here
        self._lines = dict.fromkeys(here.phones, 0)

    def line(self, name: str) -> int:
        """Return the line of a phone's newest call, once it talks."""
        self._lines[name] += 1
        return self.here.phones[name].talks(self._lines[name])

    def call_in(self) -> dict[str, int]:
        """Have the outside talk with Ann; return the lines."""
        self.here.phones["caller"].dial(MAIN)
        lines = {"ann": self.line("ann"), "caller": self.line("caller")}
        self.here.hear(lines, caller={"ann"}, ann={"caller"})
        return lines

    def call_out(self) -> dict[str, int]:
        """Have Ann talk with the outside; return the lines."""
        self.here.phones["ann"].dial(OUTSIDE)
        lines = {"caller": self.line("caller"), "ann": self.line("ann")}
        self.here.hear(lines, caller={"ann"}, ann={"caller"})
        return lines

    def hang_up(self, lines: dict[str, int], first: str, then: str) -> None:
        """End a call at one phone; the other notices."""
        self.here.phones[first].hang_up(lines[first])
        self.here.phones[then].is_over(lines[then])
        wait_for(lambda: not self.system.switch.status().calls, why="no call")


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("kamailio")
    phone = Softphone.free_port()
    with ExitStack() as ends, running(folder / "data") as system:
        near, far = (
            Kamailio(folder / name, system.config.sip_port, phone) for name in ("near", "far")
        )
        for proxy in (near, far):
            ends.callback(proxy.stop)
            proxy.start()
        trunks = (
            Trunk("near", "Near", "127.0.0.1", near.port, priority=1),
            Trunk("far", "Far", "127.0.0.1", far.port, priority=2),
        )
        plan = structs.replace(acme(), music=(system.prompt("tune", tone(MUSIC_HERTZ, 3.0)),))
        system.seed(plan, *trunks)
        system.start("media", "switch")
        caller = Softphone(
            system, "caller", TONES["caller"], outside=True, port=phone, proxy=near.port
        )
        ann, ben = (Softphone(system, name, TONES[name]) for name in ("ann", "ben"))
        with room(caller=caller, ann=ann, ben=ben) as here:
            here.music = MUSIC_HERTZ
            yield Stage(system, near, far, here)


def test_a_call_in_keeps_to_the_proxys_route(stage: Stage) -> None:
    near = stage.near
    lines = stage.call_in()
    # The phone outside says the ACK, two re-INVITEs and their ACKs; we say the BYE.
    caller = stage.here.phones["caller"]
    caller.hold(lines["caller"])
    stage.here.hear(lines, ann={"music"})
    caller.resume(lines["caller"])
    stage.here.hear(lines, caller={"ann"}, ann={"caller"})
    stage.hang_up(lines, "ann", "caller")
    assert near.passed("ACK", from_switch=False) == 3
    assert near.passed("INVITE", from_switch=False) == 2
    assert near.passed("BYE", from_switch=True) == 1
    assert "ASTRAY" not in near.log()


def test_a_call_out_keeps_to_the_proxys_route(stage: Stage) -> None:
    near = stage.near
    acks, byes = near.passed("ACK", from_switch=True), near.passed("BYE", from_switch=False)
    lines = stage.call_out()
    ann = stage.here.phones["ann"]
    ann.hold(lines["ann"])
    stage.here.hear(lines, caller={"music"})
    ann.resume(lines["ann"])
    stage.here.hear(lines, caller={"ann"}, ann={"caller"})
    stage.hang_up(lines, "caller", "ann")
    assert near.passed("ACK", from_switch=True) == acks + 1
    assert near.passed("BYE", from_switch=False) == byes + 1
    assert "ASTRAY" not in near.log()


def test_a_caller_is_transferred_behind_the_proxy(stage: Stage) -> None:
    lines = stage.call_in()
    stage.here.phones["ann"].transfer("102", lines["ann"])
    lines["ben"] = stage.line("ben")
    stage.here.hear(lines, caller={"ben"}, ben={"caller"})
    stage.here.phones["ann"].is_over(lines["ann"])
    stage.hang_up(lines, "caller", "ben")
    assert "ASTRAY" not in stage.near.log()


def test_when_one_proxy_dies_calls_go_out_by_the_other(stage: Stage) -> None:
    stage.near.stop()
    lines = stage.call_out()
    stage.hang_up(lines, "ann", "caller")
    assert stage.far.passed("ACK", from_switch=True) == 1
    assert stage.far.passed("BYE", from_switch=True) == 1
    assert stage.system.record(nth=3).outcome == "answered"


def test_a_phone_behind_a_proxy_of_its_office_is_rung_through_it(tmp_path: Path) -> None:
    parts = ("media", "switch", "sandbox")
    with ExitStack() as ends, running(tmp_path / "data", *parts, plan=acme()) as system:
        edge = Kamailio(tmp_path / "edge", system.config.sip_port, config="edge")
        ends.callback(edge.stop)
        edge.start()
        phone = ends.enter_context(
            baresip(system, "ann", tmp_path, tone(620, 20), proxy=f"127.0.0.1:{edge.port}")
        )
        result = system.call(say=tone(440, 2.0), stay_seconds=0.5)
        assert seconds_of(heard(result), 620) > 1.5
        assert seconds_of(phone.stop(), 440) > 1.5
        assert "ASTRAY" not in edge.log()
        assert edge.passed("INVITE", from_switch=True) == 1
        assert edge.passed("BYE", from_switch=True) == 1

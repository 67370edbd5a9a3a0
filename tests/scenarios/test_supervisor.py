"""The supervisor with real processes that behave badly."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system import free_ports, wait_for

pytestmark = pytest.mark.system

RUN = """
import sys
from carillon.bus.config import read_config
from carillon.supervisor import Child, Supervisor
config = read_config()
config.make_folders()
parts = eval(sys.argv[1], {"Child": Child, "python": lambda code: [sys.executable, "-c", code]})
sys.exit(Supervisor(config, parts).run())
"""
STAYS = "import time; print('here', flush=True); time.sleep(600)"
DEAF = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {STAYS}"


class Supervised:
    """A supervisor of scripted children."""

    def __init__(self, folder: Path) -> None:
        self._log = folder / "log"
        http, sip, rtp = free_ports()
        self._environ = {
            **os.environ,
            "CARILLON_DATA": str(folder / "data"),
            "CARILLON_HTTP_PORT": str(http),
            "CARILLON_SIP_PORT": str(sip),
            "CARILLON_RTP_PORT": str(rtp),
        }
        self.data = folder / "data"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *parts: str) -> None:
        with open(self._log, "wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", RUN, f"[{', '.join(parts)}]"],
                env=self._environ,
                stdout=log,
                stderr=log,
            )

    def says(self, text: str, times: int = 1) -> None:
        wait_for(lambda: self.log().count(text) >= times, 20, f"{text!r} in the log")

    def stop(self) -> float:
        """Ask it to stop; return how many seconds it took."""
        assert self.process is not None
        began = time.monotonic()
        self.process.terminate()
        assert self.process.wait(20) == 0
        return time.monotonic() - began

    def log(self) -> str:
        return self._log.read_text(errors="replace")


@pytest.fixture
def supervised(tmp_path: Path) -> Iterator[Supervised]:
    made = Supervised(tmp_path)
    yield made
    if made.process is not None and made.process.poll() is None:
        made.process.kill()
        made.process.wait()


def child(name: str, code: str, **more: object) -> str:
    words = "".join(f", {key}={value!r}" for key, value in more.items())
    return f"Child({name!r}, python({code!r}){words})"


def is_running(pid: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def test_a_child_that_ignores_the_signal_is_killed_within_five_seconds(
    supervised: Supervised,
) -> None:
    supervised.start(child("deaf", DEAF), child("good", STAYS))
    supervised.says("here", 2)
    assert supervised.stop() < 5.0
    assert "stopped" in supervised.log()


def test_a_child_that_dies_at_once_is_started_again_less_and_less_often(
    supervised: Supervised,
) -> None:
    supervised.start(child("weak", "raise SystemExit(3)"), child("good", STAYS))
    supervised.says("weak ended with status 3", 4)
    delays = re.findall(r"weak ended.*again in ([\d.]+) s", supervised.log())
    assert delays[:4] == ["0.1", "0.2", "0.4", "0.8"]
    assert supervised.stop() < 2.0, "a child that waits to be started delays nobody"


def test_a_signal_during_the_start_stops_everything(supervised: Supervised) -> None:
    many = [child(f"c{n}", STAYS) for n in range(12)]
    supervised.start(*many)
    wait_for(lambda: supervised.log(), 10, "the start")
    assert supervised.stop() < 3.0, "nobody was forgotten, and so nobody had to be killed"


def test_a_line_without_end_is_cut_and_costs_no_memory(supervised: Supervised) -> None:
    code = "import sys; sys.stdout.write('x' * 3_000_000); sys.stdout.flush(); print('end'); "
    supervised.start(child("chatter", code + STAYS))
    supervised.says("here")
    assert max(len(line) for line in supervised.log().splitlines()) < 20_000
    assert supervised.log().count("x") >= 3_000_000
    assert supervised.stop() < 5.0


def test_the_last_words_of_a_child_are_not_lost(supervised: Supervised) -> None:
    code = "import sys; sys.stdout.write('last words without a line end'); raise SystemExit(1)"
    supervised.start(child("poet", code))
    supervised.says("last words without a line end")
    supervised.stop()


def test_what_a_dead_child_had_started_is_not_left_behind(supervised: Supervised) -> None:
    code = (
        "import os, subprocess, sys\n"
        f"p = subprocess.Popen([sys.executable, '-c', {DEAF!r}])\n"
        "print('grandchild', p.pid, flush=True)\n"
        "p.stdout or __import__('time').sleep(0.5)\n"
        "os._exit(1)"
    )
    supervised.start(child("parent", code))
    supervised.says("parent ended with status 1")
    pid = int(re.findall(r"grandchild (\d+)", supervised.log())[0])
    wait_for(lambda: not is_running(pid), 10, "the grandchild to go")
    supervised.stop()


def test_who_serves_another_is_stopped_after_it(supervised: Supervised) -> None:
    slow = (
        "import signal, sys, time\n"
        "def bye(*_):\n    time.sleep(0.6); print('client gone', flush=True); sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, bye); print('here', flush=True); time.sleep(600)"
    )
    server = slow.replace("client gone", "server gone").replace("time.sleep(0.6)", "pass")
    supervised.start(child("server", server, outlives="client"), child("client", slow))
    supervised.says("here", 2)
    supervised.stop()
    log = supervised.log()
    assert 0 < log.index("client gone") < log.index("server gone")


def test_what_waits_for_a_set_up_burns_no_time_and_starts_after_it(supervised: Supervised) -> None:
    code = "import time; time.sleep(2); print('set up', flush=True)"
    supervised.start(
        child("set-up", code, once=True), child("portal", STAYS, after="set-up"), child("b", STAYS)
    )
    supervised.says("here")
    assert supervised.process is not None
    used = ticks(supervised.process.pid)
    supervised.says("set up")
    supervised.says("here", 2)
    assert ticks(supervised.process.pid) - used < 0.5, "waiting is not working"
    assert supervised.stop() < 5.0


def ticks(pid: int) -> float:
    """Return the seconds of CPU a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_a_supervisor_that_is_killed_takes_its_children_with_it(supervised: Supervised) -> None:
    code = "import os; print('pid', os.getpid(), flush=True); " + STAYS
    supervised.start(child("orphan", code))
    supervised.says("here")
    pid = int(re.findall(r"pid (\d+)", supervised.log())[0])
    assert supervised.process is not None
    supervised.process.send_signal(signal.SIGKILL)
    supervised.process.wait()
    wait_for(lambda: not is_running(pid), 10, "the child to go")


def test_a_long_log_is_put_aside(supervised: Supervised) -> None:
    code = "import time\nfor _ in range(300): print('x' * 8000)\n" * 8 + STAYS
    supervised.start(child("chatter", code))
    supervised.says("here")
    supervised.stop()
    logs = sorted(path.name for path in supervised.data.glob("carillon.log*"))
    assert logs == ["carillon.log", "carillon.log.1"]
    assert (supervised.data / "carillon.log").stat().st_size < 16 << 20

"""A switch and a media process with one number that leads back out: what the call benchmarks measure."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

import msgspec
from msgspec import structs

from bench.media import LOAD_CORE, pinned
from carillon.bus.client import SwitchClient, Unreachable
from carillon.bus.config import read_config
from carillon.schema.commands import SwitchStatus
from carillon.schema.events import CallEnded
from carillon.schema.plan import (
    Device,
    Limits,
    Number,
    OutsideTarget,
    Plan,
    PlanIndex,
    PlanRef,
    RingNode,
    RingStep,
    Trunk,
    User,
    VoicemailNode,
    write_plan,
)
from carillon.sip.digest import ha1

PASSWORD = "bench"
MEDIA_PRECEDENCE = 11
CALLED = "+33199001001"
PLAN = Plan(
    company="bench",
    version=1,
    name="Bench",
    limits=Limits(same_caller_a_minute=0),
    users=(User("ann", "Ann", "101"),),
    numbers=(Number("1", CALLED, "Bench", entry="ring"),),
    nodes={
        "ring": RingNode("ring", (RingStep(OutsideTarget("+33199001777"), 30),), then="end"),
        "end": VoicemailNode("end", None, None),
    },
)


def _device(number: int) -> Device:
    name = f"phone-{number}"
    md5, sha256 = (ha1(name, "carillon", PASSWORD, kind) for kind in ("MD5", "SHA-256"))
    return Device(f"d{number}", "ann", name, md5, sha256)


class BenchSwitch:
    """Both processes, each on its core; callgen's two sides are its carriers."""

    base = int(os.environ.get("CARILLON_BENCH_PORT", "28400"))
    carrier_port, callee_port, sip_port = base - 20, base - 10, base + 60

    def __init__(
        self, core: int, *, phones: int = 0, record: bool = False, media_core: int = LOAD_CORE
    ) -> None:
        self._phones = phones
        self._record = record
        self._folder = tempfile.TemporaryDirectory()
        self._environ = {
            **os.environ,
            "CARILLON_DATA": self._folder.name,
            "CARILLON_HTTP_PORT": str(self.base),
            "CARILLON_SIP_PORT": str(self.sip_port),
            "CARILLON_RTP_PORT": str(self.base + 100),
            "CARILLON_MEDIA_PROCESSES": "1",
        }
        config = read_config(self._environ)
        config.make_folders()
        self._client = SwitchClient(config.switch_url, config.secret())
        self._seed(config.switch_state / "plans")
        self._processes = [
            self._start("carillon.mediaplane", pinned(media_core, MEDIA_PRECEDENCE)),
            self._start("carillon.switch", pinned(core)),
        ]
        self.media_pid, self.pid = (process.pid for process in self._processes)
        self._wait()

    def _seed(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        callee = Trunk(id="out", name="callee", host="127.0.0.1", port=self.callee_port, priority=1)
        carrier = Trunk(id="in", name="carrier", host="127.0.0.1", port=self.carrier_port)
        index = PlanIndex((PlanRef(PLAN.company, 1),), (callee, carrier))
        (folder / "index.json").write_bytes(msgspec.json.encode(index))
        devices = tuple(_device(n) for n in range(self._phones))
        number = structs.replace(PLAN.numbers[0], record_inbound=self._record)
        plan = structs.replace(PLAN, devices=devices, numbers=(number,))
        (folder / "bench.plan.json").write_bytes(write_plan(plan))

    def _start(self, module: str, before: list[str]) -> subprocess.Popen[bytes]:
        log = open(Path(self._folder.name) / f"{module}.log", "wb")  # noqa: SIM115
        command = [*before, sys.executable, "-m", module]
        return subprocess.Popen(command, env=self._environ, stdout=log, stderr=log)

    def _wait(self) -> None:
        until = time.monotonic() + 15
        while time.monotonic() < until:
            try:
                if self._client.status().ready:
                    return
            except Unreachable:
                pass
            time.sleep(0.05)
        raise RuntimeError("the switch did not start")

    def status(self) -> SwitchStatus:
        """Return what the switch says of itself."""
        return self._client.status()

    def ended_calls(self, expected: int) -> int:
        """Return how many calls the journal says have ended, once `expected` have, or after 10 s."""
        until = time.monotonic() + 10
        after, ended = 0, 0
        while ended < expected and time.monotonic() < until:
            page = self._client.events(after, wait=1)
            ended += sum(isinstance(entry.event, CallEnded) for entry in page.entries)
            after = page.entries[-1].cursor if page.entries else after
        return ended

    def __enter__(self) -> BenchSwitch:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            process.wait(10)
        self._folder.cleanup()


class BareSip(NamedTuple):
    """`bench.bare_sip` in the switch's place: what the same messages cost at the least."""

    pid: int
    sip_port: int = BenchSwitch.sip_port
    carrier_port: int = BenchSwitch.carrier_port
    callee_port: int = BenchSwitch.callee_port


@contextlib.contextmanager
def bare_sip(core: int) -> Iterator[BareSip]:
    """Run it."""
    ports = (str(BenchSwitch.sip_port), str(BenchSwitch.callee_port))
    command = [*pinned(core), sys.executable, "-m", "bench.bare_sip", *ports]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            if not process.stdout.readline():
                raise RuntimeError("the bare B2BUA did not start")
            yield BareSip(process.pid)
        finally:
            process.kill()

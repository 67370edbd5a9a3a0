"""What the media benchmarks share: the real media process, the generator, CPU time to the nanosecond."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

import msgspec

from carillon.mediaplane.pace import FAST_SECONDS
from carillon.schema.mediacontrol import (
    BridgeLegs,
    CloseLeg,
    Hello,
    MediaCommand,
    MediaEvent,
    OpenLeg,
    Ping,
    Pong,
)

FOLDER = Path(__file__).parent
RTP_PORT = 21000
BARE_PORT = 26000
LEG_PORT = 40000
RELAY_CORE, LOAD_CORE = 0, 1
PATIENCE = 20.0
PACKETS_A_CALL = 100
"""A second, both ways together."""


def built(name: str) -> Path:
    """Compile `bench/<name>.c` if it has changed, and return the program."""
    source, program = FOLDER / f"{name}.c", FOLDER / "bin" / Path(name).name
    program.parent.mkdir(exist_ok=True)
    if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
        command = ["cc", "-O2", "-o", str(program), str(source), "-lm"]
        subprocess.run(command, check=True)
    return program


def pinned(core: int, precedence: int = 10) -> list[str]:
    """Return the beginning of a command that has one core, to itself where we are allowed to take it.

    Two processes that share the core with a browser say nothing about the core. Of two that share it,
    that of the higher `precedence` goes first, as the media process does by its niceness.
    """
    if (os.cpu_count() or 1) < 2:
        return []
    alone = ["chrt", "--rr", str(precedence)] if os.geteuid() == 0 else []
    return [*alone, "taskset", "-c", str(core)]


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of all threads of a process."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


def resident_bytes(pid: int) -> int:
    """Return the memory a process has in use."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def leg_address(leg: int) -> tuple[str, int]:
    """Return where rtpload has this leg."""
    return f"127.{16 + leg // 65536}.{leg // 256 % 256}.{leg % 256}", LEG_PORT


class MediaPlane:
    """A media process on its own core, and the switch's side of it."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="carillon-bench-"))
        environ = {
            **os.environ,
            "CARILLON_DATA": str(self.folder),
            "CARILLON_HOST": "127.0.0.1",
            "CARILLON_RTP_PORT": str(RTP_PORT),
        }
        command = [*pinned(RELAY_CORE), sys.executable, "-m", "carillon.mediaplane"]
        self._log = (self.folder / "media.log").open("wb")
        self.process = subprocess.Popen(command, env=environ, stderr=self._log)
        self.pid = self.process.pid
        self._received = b""
        self._peer = self._connect()
        self.wait_for(Hello)

    def _connect(self) -> socket.socket:
        deadline = time.monotonic() + PATIENCE
        while True:
            peer = socket.socket(socket.AF_UNIX)
            try:
                peer.connect(str(self.folder / "run" / "media.sock"))
            except OSError:
                peer.close()
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
            else:
                peer.settimeout(PATIENCE)
                return peer

    def do(self, *commands: MediaCommand) -> None:
        """Ask for things and wait until they are done."""
        messages = [msgspec.msgpack.encode(command) for command in (*commands, Ping(1))]
        for message in messages:
            self._peer.sendall(len(message).to_bytes(4, "big") + message)
        self.wait_for(Pong)

    def wait_for(self, kind: type[MediaEvent]) -> MediaEvent:
        """Return the next event of this kind; others are dropped."""
        while True:
            while len(self._received) >= 4:
                size = int.from_bytes(self._received[:4], "big")
                if len(self._received) < 4 + size:
                    break
                message = self._received[4 : 4 + size]
                self._received = self._received[4 + size :]
                event = msgspec.msgpack.decode(message, type=MediaEvent)
                if isinstance(event, kind):
                    return event
            octets = self._peer.recv(1 << 20)
            if not octets:
                raise RuntimeError((self.folder / "media.log").read_text())
            self._received += octets

    def open_legs(self, count: int, first: int = 0) -> None:
        """Open legs of rtpload, on the shared port."""
        self.do(*(OpenLeg(leg, 0, 8, -1, leg_address(leg)) for leg in range(first, first + count)))

    def bridge_legs(self, count: int) -> None:
        """Bridge legs in pairs."""
        self.do(*(BridgeLegs(leg, leg + 1) for leg in range(0, count, 2)))

    def close_legs(self, count: int) -> None:
        """Close legs."""
        self.do(*(CloseLeg(leg) for leg in range(count)))

    def __enter__(self) -> MediaPlane:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._peer.close()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(PATIENCE)
        self._log.close()
        log = (self.folder / "media.log").read_text()
        if error is not None or "a bug" in log:
            print(log[-2000:], file=sys.stderr)
        shutil.rmtree(self.folder)


class Load(msgspec.Struct):
    """What rtpload saw."""

    sent: int
    got: int
    wrong: int
    jumps: int
    any: int
    drops: int
    mean_ms: float
    most_ms: float
    behind_ms: float
    cpu: float
    seconds: float
    relay_cpu: float = 0.0
    """CPU seconds of the process under test in the window."""

    @property
    def loss_percent(self) -> float:
        """Packets of the window that never came."""
        return 100 * (1 - self.got / self.sent) if self.sent else 0.0

    @property
    def us_per_packet(self) -> float:
        """CPU of the relay for each packet sent to it."""
        return 1e6 * self.relay_cpu / max(self.sent, 1)


def load(port: int, legs: int, pid: int, warm: float, seconds: float) -> Load:
    """Run rtpload against a relay and measure the relay's CPU in the window."""
    program = built("rtpload")
    numbers: Sequence[object] = ("127.0.0.1", port, legs, warm, seconds, LEG_PORT)
    generator = subprocess.Popen(
        [*pinned(LOAD_CORE), str(program), *map(str, numbers)], stdout=subprocess.PIPE
    )
    time.sleep(warm)
    before, began = cpu_seconds(pid), time.monotonic()
    time.sleep(max(0.0, seconds - (time.monotonic() - began)))
    used = cpu_seconds(pid) - before
    took = time.monotonic() - began
    output, _ = generator.communicate(timeout=seconds + PATIENCE)
    seen = msgspec.convert(json.loads(output), Load, strict=False)
    seen.relay_cpu = used / took * seen.seconds
    return seen


def bare_load(legs: int, warm: float = 1.0, seconds: float = 4.0) -> Load:
    """Run rtpload against the loop in C that only relays, on the core of the media process."""
    numbers = ("127.0.0.1", BARE_PORT, legs, FAST_SECONDS * 1000, LEG_PORT)
    relay = subprocess.Popen([*pinned(RELAY_CORE), str(built("bare_relay")), *map(str, numbers)])
    try:
        return load(BARE_PORT, legs, relay.pid, warm, seconds)
    finally:
        relay.kill()
        relay.wait()


def bare_call_ms(calls: int) -> float:
    """Return what so many two-way calls cost that loop: milliseconds of CPU per call and second."""
    return bare_load(2 * calls).us_per_packet * PACKETS_A_CALL / 1000

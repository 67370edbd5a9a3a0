"""Starts every process, starts again what dies (with back-off), writes one readable log, stops cleanly."""

from __future__ import annotations

import contextlib
import ctypes
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import IO

from carillon.bus.config import Config

STOP_SECONDS = 4.0
"""What is left after this is killed: the whole system stops within 5 s."""
FIRST_DELAY, LONGEST_DELAY = 0.1, 10.0
LAST_STOP_SECONDS = STOP_SECONDS - 1.0
"""By now what others depend on is stopped as well, whether they are gone or not."""
STEADY_SECONDS = 20.0
"""A process that lived this long is forgiven its earlier deaths."""
LONGEST_LINE = 8192
MOST_LAST_READS = 64
LOG_BYTES = 16 << 20
"""A longer log is put aside as `carillon.log.1`, in place of the one before."""
COLOURS = {"portal": 36, "worker": 34, "switch": 32, "media": 35, "sandbox": 33, "carillon": 1}


@dataclass(slots=True)
class Child:
    """One process and its history.

    `after` names what must be done before it starts, `outlives` whom it serves to the end.
    """

    name: str
    command: list[str]
    after: str = ""
    outlives: str = ""
    once: bool = False
    environ: tuple[tuple[str, str], ...] = ()
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    delay: float = FIRST_DELAY
    start_at: float = 0.0
    rest: bytes = b""
    done: bool = False
    told_to_stop: bool = False


_libc = ctypes.CDLL(None)
_PR_SET_PDEATHSIG = 1


def _die_with_parent() -> None:
    """Ask the kernel to stop this child when the supervisor is gone, however it went (prctl(2))."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


class PortTaken(Exception):
    """Another program has a port we need; the text says which and what to do."""


def children(config: Config) -> list[Child]:
    """Return the processes of a system. Calls need no database: only pages wait for its set-up."""

    def child(
        name: str, *words: str, after: str = "", outlives: str = "", once: bool = False
    ) -> Child:
        return Child(name, [sys.executable, "-m", *words], after, outlives, once)

    return [
        # The sound stays until the switch has said goodbye and its files are closed.
        *(
            Child(
                f"media-{index + 1}" if index else "media",
                [sys.executable, "-m", "carillon.mediaplane"],
                outlives="switch",
                environ=(("CARILLON_MEDIA_INDEX", str(index)),),
            )
            for index in range(config.media_processes)
        ),
        child("switch", "carillon.switch"),
        child("sandbox", "carillon.sandbox"),
        child("set-up", "carillon.portal", "prepare", once=True),
        child("portal", "carillon.portal", "serve", after="set-up"),
        child("worker", "carillon.portal", "work", after="set-up"),
    ]


def check_ports(config: Config) -> None:
    """Raise `PortTaken` when a port is in use."""
    tcp, udp = socket.SOCK_STREAM, socket.SOCK_DGRAM
    wanted = [
        (config.host, config.http_port, tcp, "the portal", "CARILLON_HTTP_PORT"),
        ("127.0.0.1", config.switch_port, tcp, "an internal API", "CARILLON_HTTP_PORT"),
        ("127.0.0.1", config.sandbox_port, tcp, "an internal API", "CARILLON_HTTP_PORT"),
        (config.host, config.sip_port, tcp, "SIP over TCP", "CARILLON_SIP_PORT"),
        (config.host, config.sip_port, udp, "SIP over UDP", "CARILLON_SIP_PORT"),
        (config.host, config.sip_tls_port, tcp, "SIP over TLS", "CARILLON_SIP_PORT"),
        (config.host, config.sip_ws_port, tcp, "SIP over WebSocket", "CARILLON_SIP_PORT"),
        (config.host, config.sip_wss_port, tcp, "SIP over secure WebSocket", "CARILLON_SIP_PORT"),
        ("127.0.0.1", config.sandbox_sip_port, udp, "the sandbox carrier", "CARILLON_SIP_PORT"),
        *(
            (config.host, config.for_media(n).rtp_port, udp, "sound (RTP)", "CARILLON_RTP_PORT")
            for n in range(config.media_processes)
        ),
    ]
    for host, port, kind, what, setting in wanted:
        with socket.socket(socket.AF_INET, kind) as probe:
            if kind == tcp:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError as error:
                raise PortTaken(
                    f"Port {port} ({what}) cannot be used on {host}: {error.strerror}.\n"
                    f"Stop the other program, or choose another port: {setting}={port + 100}"
                ) from error


class Supervisor:
    """Runs the children until a signal."""

    def __init__(self, config: Config, parts: list[Child] | None = None) -> None:
        self._config = config
        self._children = children(config) if parts is None else parts
        self._selector = selectors.DefaultSelector()
        self._stopping_at: float | None = None
        self._colour = sys.stdout.isatty()
        self._greeted = False
        self._log_path = config.data / "carillon.log"
        self._log_file = open(self._log_path, "ab", buffering=0)  # noqa: SIM115

    def run(self) -> int:
        """Start everything, look after it, return the exit status."""
        wake_read, wake_write = os.pipe()
        os.set_blocking(wake_write, False)
        signal.set_wakeup_fd(wake_write)
        for name in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(name, self._asked_to_stop)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self._selector.register(wake_read, selectors.EVENT_READ, None)
        self._look_after()
        while self._stopping_at is None or self._alive():
            for key, _ in self._selector.select(self._patience()):
                if key.data is None:
                    os.read(wake_read, 4096)
                else:
                    self._read(key.data)
            self._look_after()
            self._greet()
        self.say("stopped")
        return 0

    def _asked_to_stop(self, *_: object) -> None:
        # Only a note: this may interrupt the start of a child that nobody knows of yet.
        if self._stopping_at is None:
            self._stopping_at = time.monotonic()

    # -- what is said ----------------------------------------------------------------------------

    def _greet(self) -> None:
        """Print the address once the portal answers."""
        if self._greeted or self._stopping_at is not None:
            return
        with socket.socket() as probe:
            probe.settimeout(0.2)
            if probe.connect_ex((self._config.host, self._config.http_port)) != 0:
                return
        self._greeted = True
        self.say(f"Carillon is ready: http://{self._config.host}:{self._config.http_port}/")

    def say(self, text: str, name: str = "carillon") -> None:
        """Write a line of the log, to the screen and to `<data>/carillon.log`."""
        stamp = time.strftime("%H:%M:%S")
        with contextlib.suppress(OSError):
            self._log_file.write(f"{time.strftime('%Y-%m-%d')} {stamp} {name:8} {text}\n".encode())
            if self._log_file.tell() > LOG_BYTES:
                self._begin_log()
        label = f"\033[{COLOURS.get(name, 0)}m{name:8}\033[0m" if self._colour else f"{name:8}"
        with contextlib.suppress(OSError, ValueError):
            print(f"{stamp} {label} {text}", flush=True)

    def _begin_log(self) -> None:
        self._log_path.replace(self._log_path.with_suffix(".log.1"))
        fresh = open(self._log_path, "ab", buffering=0)  # noqa: SIM115
        self._log_file.close()
        self._log_file = fresh

    def _read(self, child: Child) -> bool:
        """Take what a child says; False when there is nothing, or nothing more."""
        if child.process is None:
            return False
        output = _output(child.process)
        try:
            got = os.read(output.fileno(), 65536)
        except BlockingIOError:
            return False
        if not got:
            with contextlib.suppress(KeyError):
                self._selector.unregister(output)
            return False
        *lines, child.rest = (child.rest + got).split(b"\n")
        if len(child.rest) > LONGEST_LINE:
            lines.append(child.rest)
            child.rest = b""
        for line in lines:
            for start in range(0, max(1, len(line)), LONGEST_LINE):
                part = line[start : start + LONGEST_LINE]
                self.say(part.decode("utf-8", "replace"), child.name)
        return True

    # -- who runs --------------------------------------------------------------------------------

    def _alive(self) -> bool:
        return any(child.process is not None for child in self._children)

    def _start(self, child: Child) -> None:
        child.started_at = time.monotonic()
        try:
            child.process = _spawn(child.command, child.environ)
        except OSError as error:
            self._put_off(child, f"cannot be started ({error.strerror})", child.started_at)
            return
        self._selector.register(_output(child.process), selectors.EVENT_READ, child)

    def _look_after(self) -> None:
        now = time.monotonic()
        for child in self._children:
            if child.process is not None and child.process.poll() is not None:
                self._died(child, now)
            elif self._is_due(child, now):
                self._start(child)
        if self._stopping_at is not None:
            self._stop(now - self._stopping_at)

    def _stop(self, passed: float) -> None:
        """Ask each child once to end, in turn; kill what has not after `STOP_SECONDS`."""
        alive = {child.name for child in self._children if child.process is not None}
        for child in reversed(self._children):
            if child.process is None:
                continue
            in_turn = child.outlives not in alive or passed > LAST_STOP_SECONDS
            if in_turn and not child.told_to_stop:
                child.told_to_stop = True
                child.process.terminate()
            if passed > STOP_SECONDS:
                _kill_family(child.process.pid)

    def _is_due(self, child: Child, now: float) -> bool:
        return self._is_wanted(child) and now >= child.start_at

    def _is_wanted(self, child: Child) -> bool:
        """Say whether a child that does not run should."""
        if child.process is not None or child.done or self._stopping_at is not None:
            return False
        return not child.after or any(c.name == child.after and c.done for c in self._children)

    def _died(self, child: Child, now: float) -> None:
        assert child.process is not None
        # What it started itself must not stay behind with its ports and files.
        _kill_family(child.process.pid)
        for _ in range(MOST_LAST_READS):
            if not self._read(child):
                break
        if child.rest:
            self.say(child.rest.decode("utf-8", "replace"), child.name)
            child.rest = b""
        with contextlib.suppress(KeyError):
            self._selector.unregister(_output(child.process))
        _output(child.process).close()
        status = child.process.returncode
        child.process = None
        if self._stopping_at is not None:
            return
        if child.once and status == 0:
            child.done = True
            return
        if now - child.started_at > STEADY_SECONDS:
            child.delay = FIRST_DELAY
        how = f"killed by signal {-status}" if status < 0 else f"ended with status {status}"
        self._put_off(child, how, now)

    def _put_off(self, child: Child, why: str, now: float) -> None:
        self.say(f"{child.name} {why}; starting again in {child.delay:.1f} s")
        child.start_at = now + child.delay
        child.delay = min(LONGEST_DELAY, child.delay * 2)

    def _patience(self) -> float:
        """Return how long nothing has to be done, in seconds."""
        if self._stopping_at is not None:
            return 0.05
        now = time.monotonic()
        longest = 1.0 if self._greeted else 0.2
        waits = [child.start_at - now for child in self._children if self._is_wanted(child)]
        return max(0.0, min([longest, *waits]))


def _spawn(
    command: list[str], environ: tuple[tuple[str, str], ...] = ()
) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        preexec_fn=_die_with_parent,
        env={**os.environ, "PYTHONUNBUFFERED": "1", **dict(environ)},
    )
    os.set_blocking(_output(process).fileno(), False)
    return process


def _output(process: subprocess.Popen[bytes]) -> IO[bytes]:
    assert process.stdout is not None
    return process.stdout


def _kill_family(leader: int) -> None:
    """Kill a child's whole process group; each child leads one of its own."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)

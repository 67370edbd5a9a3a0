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

from carillon.bus.config import Config

STOP_SECONDS = 4.0
"""What is left after this is killed: the whole system stops within 5 s."""
FIRST_DELAY, LONGEST_DELAY = 0.1, 10.0
STEADY_SECONDS = 20.0
"""A process that lived this long is forgiven its earlier deaths."""
COLOURS = {"portal": 36, "worker": 34, "switch": 32, "media": 35, "sandbox": 33, "carillon": 1}


@dataclass(slots=True)
class Child:
    """One process and its history."""

    name: str
    command: list[str]
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    delay: float = FIRST_DELAY
    start_at: float = 0.0
    rest: bytes = b""
    after: str = ""
    once: bool = False
    done: bool = False


_libc = ctypes.CDLL(None)
_PR_SET_PDEATHSIG = 1


def _die_with_parent() -> None:
    """Ask the kernel to stop this child when the supervisor is gone, however it went (prctl(2))."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


class PortTaken(Exception):
    """Another program has a port we need; the text says which and what to do."""


def children(config: Config) -> list[Child]:
    """Return the processes of a system. Calls need no database: only pages wait for its set-up."""

    def child(name: str, *words: str, after: str = "", once: bool = False) -> Child:
        return Child(name, [sys.executable, "-m", *words], after=after, once=once)

    return [
        child("media", "carillon.mediaplane"),
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
        ("127.0.0.1", config.sandbox_sip_port, udp, "the sandbox carrier", "CARILLON_SIP_PORT"),
        (config.host, config.rtp_port, udp, "sound (RTP)", "CARILLON_RTP_PORT"),
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

    def __init__(self, config: Config) -> None:
        self._config = config
        self._children = children(config)
        self._selector = selectors.DefaultSelector()
        self._stopping_at: float | None = None
        self._colour = sys.stdout.isatty()
        self._greeted = False
        self._log_file = open(config.data / "carillon.log", "ab", buffering=0)  # noqa: SIM115

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
        label = f"\033[{COLOURS.get(name, 0)}m{name:8}\033[0m" if self._colour else f"{name:8}"
        with contextlib.suppress(OSError, ValueError):
            print(f"{stamp} {label} {text}", flush=True)

    def _asked_to_stop(self, *_: object) -> None:
        if self._stopping_at is None:
            self._stopping_at = time.monotonic()
            for child in reversed(self._children):
                # The sound stays until the switch has said goodbye and its files are closed.
                if child.process is not None and child.name != "media":
                    child.process.terminate()

    def _alive(self) -> bool:
        return any(child.process is not None for child in self._children)

    def _start(self, child: Child) -> None:
        child.started_at = time.monotonic()
        child.process = subprocess.Popen(
            child.command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_die_with_parent,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        assert child.process.stdout is not None
        os.set_blocking(child.process.stdout.fileno(), False)
        self._selector.register(child.process.stdout, selectors.EVENT_READ, child)

    def _read(self, child: Child) -> None:
        if child.process is None or child.process.stdout is None:
            return
        try:
            got = os.read(child.process.stdout.fileno(), 65536)
        except BlockingIOError:
            return
        if not got:
            with contextlib.suppress(KeyError):
                self._selector.unregister(child.process.stdout)
        lines = (child.rest + got).split(b"\n")
        child.rest = lines.pop()[-8192:]
        for line in lines:
            self.say(line.decode("utf-8", "replace"), child.name)

    def _look_after(self) -> None:
        now = time.monotonic()
        for child in self._children:
            if child.process is not None and child.process.poll() is not None:
                self._died(child, now)
            elif self._is_due(child, now):
                self._start(child)
        if self._stopping_at is not None:
            self._stop_media(now)
        if self._stopping_at is not None and now - self._stopping_at > STOP_SECONDS:
            for child in self._children:
                if child.process is not None:
                    child.process.kill()

    def _stop_media(self, now: float) -> None:
        """Stop the media process once the switch is gone, or has had its time."""
        by_name = {child.name: child for child in self._children}
        media = by_name["media"].process
        late = now - (self._stopping_at or now) > STOP_SECONDS - 1.0
        if media is not None and (by_name["switch"].process is None or late):
            media.terminate()

    def _is_due(self, child: Child, now: float) -> bool:
        if child.process is not None or child.done or self._stopping_at is not None:
            return False
        ready = {other.name for other in self._children if other.done}
        return now >= child.start_at and (not child.after or child.after in ready)

    def _died(self, child: Child, now: float) -> None:
        assert child.process is not None and child.process.stdout is not None
        self._read(child)
        with contextlib.suppress(KeyError):
            self._selector.unregister(child.process.stdout)
        child.process.stdout.close()
        status = child.process.returncode
        child.process = None
        if self._stopping_at is not None:
            return
        if child.once and status == 0:
            child.done = True
            self._look_after()
            return
        if now - child.started_at > STEADY_SECONDS:
            child.delay = FIRST_DELAY
        child.start_at = now + child.delay
        how = f"killed by signal {-status}" if status < 0 else f"ended with status {status}"
        self.say(f"{child.name} {how}; starting again in {child.delay:.1f} s")
        child.delay = min(LONGEST_DELAY, child.delay * 2)

    def _patience(self) -> float:
        now = time.monotonic()
        longest = 1.0 if self._greeted else 0.2
        waits = [c.start_at - now for c in self._children if c.process is None and not c.done]
        if self._stopping_at is not None:
            waits = [0.1]
        return max(0.0, min([longest, *waits]))

"""Whole systems for the tests: real processes on ports of their own, real phones, real sound."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from carillon.bus.client import SandboxClient, SwitchClient, Unreachable
from carillon.bus.config import Config, read_config
from carillon.media.wav import read_wav, write_wav
from carillon.schema.cdr import CallRecord, fold
from carillon.schema.events import CallEnded, CallEvent, JournalEntry
from carillon.schema.plan import (
    Box,
    Device,
    GreetingNode,
    Hours,
    HoursNode,
    Number,
    Plan,
    PlanIndex,
    PlanRef,
    Prompt,
    RingNode,
    RingStep,
    Slot,
    Trunk,
    User,
    UserTarget,
    VoicemailNode,
    write_plan,
)
from carillon.schema.sandbox import CallResult, CallWish, PhoneScript
from carillon.sip.digest import ha1
from tests.ports import claim

Samples = NDArray[np.int16]
T = TypeVar("T")

MAIN = "+33199001001"
"""Acme's number in the plans below."""
CLOSED = "+33199001002"
"""Another one, that is never open."""
PASSWORD = "correct-horse"


def free_ports() -> tuple[int, int, int]:
    """Return base ports (HTTP, SIP, RTP) that nothing listens on, and that are ours alone."""
    base = claim((0, 1, 2, 10, 11, 12, 13, 15, 20, 21))
    return base, base + 10, base + 20


def wait_for(what: Callable[[], T | None], seconds: float = 10.0, why: str = "") -> T:
    """Return the first true answer of `what`; AssertionError when it never comes.

    A process not reached yet, or the first of no rows yet, is an answer that has not come.
    """
    until = time.monotonic() + seconds
    while True:
        with contextlib.suppress(Unreachable, OSError, LookupError):
            answer = what()
            if answer:
                return answer
        if time.monotonic() > until:
            raise AssertionError(f"not within {seconds} s: {why or what}")
        time.sleep(0.02)


class System:
    """Processes of one Carillon on scratch ports. `parts` are started by `start`, killed at the end."""

    MODULES = {
        "media": ["carillon.mediaplane"],
        "switch": ["carillon.switch"],
        "sandbox": ["carillon.sandbox"],
        "portal": ["carillon.portal", "serve"],
        "worker": ["carillon.portal", "work"],
    }

    def __init__(self, data: Path, *, media: int = 1) -> None:
        http, sip, rtp = free_ports()
        self.environ = {
            **os.environ,
            "CARILLON_DATA": str(data),
            "CARILLON_HTTP_PORT": str(http),
            "CARILLON_SIP_PORT": str(sip),
            "CARILLON_RTP_PORT": str(rtp),
            "CARILLON_MEDIA_PROCESSES": str(media),
        }
        self.config: Config = read_config(self.environ)
        self.config.make_folders()
        self.secret = self.config.secret()
        self.switch = SwitchClient(self.config.switch_url, self.secret)
        self.outside = SandboxClient(self.config.sandbox_url, self.secret)
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.plans: dict[str, int] = {}

    # -- processes -------------------------------------------------------------------------------

    def start(self, *parts: str) -> None:
        """Start processes and wait until they serve; media-2 is the second media process."""
        for part in parts:
            name, _, nth = part.partition("-")
            environ = {**self.environ, "CARILLON_MEDIA_INDEX": str(int(nth or 1) - 1)}
            log = open(self.config.data / f"{part}.log", "ab")  # noqa: SIM115
            command = [sys.executable, "-m", *self.MODULES[name]]
            self.processes[part] = subprocess.Popen(
                command, env=environ, stdout=log, stderr=subprocess.STDOUT
            )
            log.close()
        if "switch" in parts:
            wait_for(lambda: self.switch.status().ready, 15, self.log("switch"))
        if "sandbox" in parts:
            wait_for(lambda: _connects(self.config.sandbox_port), 15, self.log("sandbox"))
        if "portal" in parts:
            wait_for(lambda: _connects(self.config.http_port), 20, self.log("portal"))

    def kill(self, part: str) -> None:
        """kill -9."""
        process = self.processes.pop(part)
        process.send_signal(signal.SIGKILL)
        process.wait()

    def log(self, part: str) -> str:
        """Return what a process wrote."""
        path = self.config.data / f"{part}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def stop(self) -> None:
        """End everything."""
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.processes.clear()

    # -- plans without a portal ------------------------------------------------------------------

    def seed(self, plan: Plan, *trunks: Trunk) -> None:
        """Put a plan where the switch finds it at its start, as if the portal had sent it before."""
        folder = self.config.switch_state / "plans"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{plan.company}.plan.json").write_bytes(write_plan(plan))
        self.plans[plan.company] = plan.version
        refs = tuple(PlanRef(company, version) for company, version in self.plans.items())
        index = PlanIndex(refs, trunks)
        (folder / "index.json").write_bytes(msgspec.json.encode(index))

    def prompt(self, key: str, samples: Samples) -> Prompt:
        """Put a prompt where the media process finds it."""
        (self.config.prompts / f"{key}.wav").write_bytes(write_wav(samples))
        return Prompt(key, seconds=len(samples) / 8000)

    # -- what happened ---------------------------------------------------------------------------

    def entries(self) -> list[JournalEntry]:
        """Return the whole journal, as the portal would read it."""
        found: list[JournalEntry] = []
        while True:
            page = self.switch.events(found[-1].cursor if found else 0)
            if not page.entries:
                return found
            found += page.entries

    def events(self, call: str | None = None) -> list[CallEvent]:
        """Return the events of a call, or of the first call there was."""
        every = [e.event for e in self.entries() if isinstance(e.event, CallEvent)]
        name = call or (every[0].call if every else "")
        return [event for event in every if event.call == name]

    def ended_calls(self) -> list[str]:
        """Return the ids of the calls that ended, in order."""
        return [e.event.call for e in self.entries() if isinstance(e.event, CallEnded)]

    def record(self, nth: int = 0, seconds: float = 10.0) -> CallRecord:
        """Wait until the nth call ended; return its record."""
        name = wait_for(lambda: self.ended_calls()[nth:], seconds, "a call's end")[0]
        return fold(self.events(name))

    def reasons(self, nth: int = 0) -> list[str]:
        """Return the reasons in the timeline of the nth call that ended."""
        events = self.events(self.ended_calls()[nth])
        return [
            event.reason for event in events if hasattr(event, "reason") and hasattr(event, "node")
        ]

    # -- outside phones --------------------------------------------------------------------------

    def call(self, to: str = MAIN, *, seconds: float = 60.0, **script: object) -> CallResult:
        """Place a call from outside and return how it went."""
        caller = str(script.pop("caller", "+33612345678"))
        say = script.pop("say", None)
        if isinstance(say, np.ndarray):
            script["say"] = write_wav(say)
        wish = CallWish(to=to, caller=caller, script=msgspec.convert(script, PhoneScript))
        return self.outside.call(wish, seconds)


def _connects(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextlib.contextmanager
def running(
    data: Path,
    *parts: str,
    plan: Plan | None = None,
    trunks: tuple[Trunk, ...] = (),
    media: int = 1,
) -> Iterator[System]:
    """Run a system for a while."""
    system = System(data, media=media)
    if plan is not None:
        system.seed(plan, *trunks)
    try:
        system.start(*parts)
        yield system
    finally:
        system.stop()


def acme(
    steps: tuple[RingStep, ...] | None = None, *, greeting: Prompt | None = None, **number: bool
) -> Plan:
    """Return Acme's plan: Ann (101) and Ben (102) with a phone each; MAIN rings Ann, CLOSED nobody."""
    never = Hours("Europe/Paris", always_open=False, slots=(Slot((), 0, 1),))
    steps = (RingStep(UserTarget("ann"), 20),) if steps is None else steps
    return Plan(
        company="acme",
        version=1,
        name="Acme",
        numbers=(
            Number("1", MAIN, "Main", entry="hours", **number),
            Number("2", CLOSED, "Night", entry="night"),
        ),
        nodes={
            "hours": HoursNode("hours", Hours("Europe/Paris"), "greet", "closed"),
            "night": HoursNode("night", never, "greet", "closed"),
            "greet": GreetingNode("greet", greeting, "ring"),
            "ring": RingNode("ring", steps, "away"),
            "away": VoicemailNode("away", Prompt("away"), "box"),
            "closed": VoicemailNode("closed", Prompt("closed"), "box"),
        },
        users=(
            User("ann", "Ann", "101", default_number="1", box="ann-box"),
            User("ben", "Ben", "102", default_number="1", box="ben-box"),
        ),
        devices=(device("ann"), device("ben")),
        boxes=(Box("box", "Main"), Box("ann-box", "Ann"), Box("ben-box", "Ben")),
        system_prompts={"fr.voicemail-menu": Prompt("menu"), "fr.voicemail-sent": Prompt("sent")},
    )


def encrypting(how: str) -> Plan:
    """Return Acme's plan with the encryption of every phone set."""
    plan = acme()
    devices = tuple(msgspec.structs.replace(each, encryption=how) for each in plan.devices)
    return msgspec.structs.replace(plan, devices=devices)


def device(user: str) -> Device:
    """Return a user's phone."""
    name = f"acme-{user}"
    md5, sha = (ha1(name, "carillon", PASSWORD, kind) for kind in ("MD5", "SHA-256"))
    return Device(f"{user}-phone", user, name, md5, sha)


# -- sound ---------------------------------------------------------------------------------------


def tone(hertz: float, seconds: float, amplitude: int = 8000) -> Samples:
    """Return a sine at 8 kHz."""
    t = np.arange(int(seconds * 8000)) / 8000
    return (amplitude * np.sin(2 * np.pi * hertz * t)).astype(np.int16)


def seconds_of(samples: Samples, hertz: float) -> float:
    """Return how long one tone, and hardly anything else, is heard in 20 ms windows."""
    count = len(samples) // 160
    windows = samples[: count * 160].reshape(count, 160).astype(np.float64)
    energy = np.einsum("ij,ij->i", windows, windows)
    angle = 2 * np.pi * hertz / 8000 * np.arange(160)
    power = ((windows @ np.cos(angle)) ** 2 + (windows @ np.sin(angle)) ** 2) * 2 / 160
    loud = energy > 160 * 200.0**2
    return float(np.count_nonzero(loud & (power > 0.6 * energy)) * 0.02)


def heard(result: CallResult) -> Samples:
    """Return what an outside phone heard."""
    return read_wav(result.heard)


def read_json(path: Path) -> object:
    """Read a JSON file."""
    return json.loads(path.read_text())

"""The product as a stranger starts it: `carillon run`, the demo company, calls, and what survives what."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from carillon.media.wav import read_wav
from carillon.schema.sandbox import CallResult, CallWish, PhoneScript
from tests.system import System, heard, tone, wait_for

pytestmark = pytest.mark.system
CARILLON = [sys.executable, "-m", "carillon.cli"]


class Product:
    """`carillon run` on scratch ports, and a stranger's eyes on it."""

    def __init__(self, data: Path) -> None:
        self.system = System(data)
        self.process: subprocess.Popen[bytes] | None = None
        self.log_path = data.parent / "run.log"

    def start(self) -> float:
        """Start; return how many seconds it took to take calls and show pages."""
        began = time.monotonic()
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [*CARILLON, "run"], env=self.system.environ, stdout=log, stderr=log
            )
        before = self.log().count("Carillon is ready")
        wait_for(lambda: self.log().count("Carillon is ready") > before, 60, "ready")
        wait_for(lambda: self.system.switch.status().ready, 10, "the switch")
        return time.monotonic() - began

    def stop(self) -> float:
        """Stop; return how many seconds it took."""
        assert self.process is not None
        began = time.monotonic()
        self.process.terminate()
        self.process.wait(20)
        self.process = None
        return time.monotonic() - began

    def log(self) -> str:
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def pid(self, part: str) -> int | None:
        """Return the process id of a part now."""
        module = " ".join(System.MODULES[part])
        for folder in Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                words = (folder / "cmdline").read_bytes().decode().split("\0")
                environ = (folder / "environ").read_bytes()
                ours = f"CARILLON_DATA={self.system.config.data}".encode() in environ
                if ours and module in " ".join(words) and "multiprocessing" not in words[-1]:
                    return int(folder.name)
        return None

    def kill(self, part: str) -> int:
        """kill -9 a part; return the dead one's id."""
        pid = wait_for(lambda: self.pid(part), 10, part)
        os.kill(pid, signal.SIGKILL)
        return pid

    def database(self) -> sqlite3.Connection:
        return sqlite3.connect(self.system.config.database, timeout=30)

    def rows(self, table: str) -> int:
        with contextlib.closing(self.database()) as database:
            return int(database.execute(f"select count(*) from {table}").fetchone()[0])

    def healthz(self) -> tuple[int, dict[str, object]]:
        try:
            with urllib.request.urlopen(f"{self.system.config.portal_url}/healthz") as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    running = Product(tmp_path_factory.mktemp("product") / "data")
    try:
        running.start()
        yield running
    finally:
        if running.process is not None:
            running.stop()


@pytest.fixture(scope="module")
def numbers(product: Product) -> list[str]:
    """The demo company's numbers, as `carillon demo` prints them."""
    done = subprocess.run(
        [*CARILLON, "demo"],
        env=product.system.environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    found = ["+" + re.sub(r"\D", "", n) for n in re.findall(r"^ +(\+[\d ]+)", done.stdout, re.M)]
    assert len(found) >= 5
    assert "password" in done.stdout
    wait_for(lambda: product.system.switch.status().plans, 10, "the plan to reach the switch")
    return found


def message(product: Product, number: str) -> CallResult:
    """Leave a message."""
    return product.system.call(number, when="beep", say=tone(440, 2.0), stay_seconds=0.3)


_visitors = itertools.count()


def visit(product: Product, number: str) -> None:
    """Call as somebody new, wait a moment, hang up: one caller may not call without end."""
    caller = f"+336400{next(_visitors):05}"
    script = PhoneScript(stay_seconds=0.3)
    wish = CallWish(to=number, caller=caller, ring_seconds=1.0, script=script)
    result = product.system.outside.call(wish)
    assert result.rang or result.status == 200, "the switch took the call"


def test_a_system_with_a_canary_that_was_heard_is_healthy(product: Product) -> None:
    wait_for(lambda: product.healthz()[0] == 200, 15, "health")
    answer = product.healthz()[1]
    assert answer["healthy"] is True


def test_a_call_to_the_demo_company_is_in_the_database_with_its_message(
    product: Product, numbers: list[str]
) -> None:
    calls, messages = product.rows("calls_call"), product.rows("voicemail_message")
    result = message(product, numbers[2])
    assert result.status == 200
    assert len(heard(result)) > 8000
    wait_for(lambda: product.rows("voicemail_message") == messages + 1, 10, "the message")
    wait_for(lambda: product.rows("calls_call") == calls + 1, 10, "the call")


def test_the_command_line_calls_and_saves_what_was_heard(
    product: Product, numbers: list[str], tmp_path: Path
) -> None:
    wav = tmp_path / "heard.wav"
    command = [*CARILLON, "sandbox", "call", numbers[1], "--say", "Bonjour, ici Camille."]
    done = subprocess.run(
        [*command, "--digits", "1", "--stay", "0.3", "--hear", str(wav)],
        env=product.system.environ,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Answered after" in done.stdout
    sound = read_wav(wav.read_bytes())
    assert len(sound) > 8000 and abs(sound).max() > 1000


@pytest.mark.parametrize("part", ["portal", "worker", "media", "switch"])
def test_a_killed_process_comes_back_and_no_call_is_lost_or_doubled(
    product: Product, numbers: list[str], part: str
) -> None:
    calls = product.rows("calls_call")
    dead = product.kill(part)
    wait_for(lambda: product.pid(part) not in (None, dead), 10, f"a new {part}")
    wait_for(lambda: product.system.switch.status().ready, 10, "the switch")
    visit(product, numbers[2])
    wait_for(lambda: product.rows("calls_call") == calls + 1, 20, "the call's record")
    wait_for(lambda: product.healthz()[0] == 200, 40, "health")


def test_calls_go_on_while_the_database_is_locked_and_are_recorded_after(
    product: Product, numbers: list[str]
) -> None:
    calls = product.rows("calls_call")
    locker = product.database()
    locker.execute("begin exclusive")
    released = threading.Timer(20, lambda: None)
    released.start()
    placed = 0
    while released.is_alive():
        visit(product, numbers[2])
        placed += 1
    locker.rollback()
    locker.close()
    wait_for(lambda: product.rows("calls_call") == calls + placed, 30, "every call's record")


def test_the_switch_goes_on_routing_while_the_portal_is_away(
    product: Product, numbers: list[str]
) -> None:
    portal, worker = product.pid("portal"), product.pid("worker")
    assert portal and worker
    for pid in (portal, worker):
        os.kill(pid, signal.SIGSTOP)
    try:
        visit(product, numbers[2])
    finally:
        for pid in (portal, worker):
            os.kill(pid, signal.SIGCONT)


def test_without_the_media_process_the_system_says_that_it_is_not_healthy(
    product: Product,
) -> None:
    pid = product.pid("media")
    assert pid
    os.kill(pid, signal.SIGSTOP)
    try:
        wait_for(lambda: product.healthz()[0] == 503, 50, "the canary to notice")
        assert product.healthz()[1]["reasons"]
    finally:
        os.kill(pid, signal.SIGCONT)
    wait_for(lambda: product.healthz()[0] == 200, 30, "health to return")


def test_a_port_that_is_taken_is_named(product: Product, tmp_path: Path) -> None:
    environ = {**product.system.environ, "CARILLON_DATA": str(tmp_path / "other")}
    done = subprocess.run(
        [*CARILLON, "run"], env=environ, capture_output=True, text=True, timeout=20, check=False
    )
    assert done.returncode == 2
    assert f"Port {product.system.config.http_port} (the portal)" in done.stderr
    assert "CARILLON_HTTP_PORT=" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_bad_setting_is_named(tmp_path: Path) -> None:
    environ = {**os.environ, "CARILLON_DATA": str(tmp_path), "CARILLON_SIP_PORT": "abc"}
    done = subprocess.run(
        [*CARILLON, "run"], env=environ, capture_output=True, text=True, timeout=20, check=False
    )
    assert done.returncode == 2
    assert "CARILLON_SIP_PORT='abc'" in done.stderr


def test_it_stops_in_five_seconds_with_a_live_page_open_and_starts_again_in_five(
    product: Product, numbers: list[str]
) -> None:
    config = product.system.config
    page = http.client.HTTPConnection(config.host, config.http_port)
    page.request("GET", "/live", headers={"Accept": "text/event-stream"})
    page.getresponse()
    assert product.stop() < 5.0
    page.close()
    with socket.socket() as probe:
        assert probe.connect_ex((config.host, config.http_port)) != 0
    assert product.start() < 5.0
    visit(product, numbers[2])
    assert "Traceback" not in product.log()


def test_a_system_that_starts_and_a_demo_asked_for_at_once_do_not_meet(tmp_path: Path) -> None:
    environ = System(tmp_path / "data").environ
    command = [sys.executable, "-m", "carillon.portal", "prepare"]
    both = [subprocess.Popen(command, env=environ) for _ in range(2)]
    assert [each.wait(120) for each in both] == [0, 0]

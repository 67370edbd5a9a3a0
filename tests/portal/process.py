"""A whole portal of its own: its data folder, its demo company, its processes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.ports import claim
from tests.prepared import prepare, prepare_demo

READY_SECONDS = 20.0


@dataclass
class Portal:
    """One portal: commands are run with its environment."""

    data: Path
    port: int
    email: str = ""
    password: str = ""
    settings: dict[str, str] = field(default_factory=dict)
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def environ(self) -> dict[str, str]:
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith("CARILLON")
        }
        return {
            **kept,
            "CARILLON_DATA": str(self.data),
            "CARILLON_HTTP_PORT": str(self.port),
            **self.settings,
        }

    def run(self, *command: str) -> str:
        """Run a management command to its end and return what it says."""
        line = [sys.executable, "-m", "carillon.portal", *command]
        done = subprocess.run(
            line, env=self.environ(), check=True, timeout=120, stdout=subprocess.PIPE
        )
        return done.stdout.decode()

    def start(self, *command: str) -> subprocess.Popen[bytes]:
        """Start a command that goes on."""
        line = [sys.executable, "-m", "carillon.portal", *command]
        with (self.data / f"{command[0]}.log").open("wb") as log:
            process = subprocess.Popen(line, env=self.environ(), stderr=log, stdout=log)
        self.started.append(process)
        return process

    def wait_until_ready(self) -> None:
        """Wait until the sign-in page is answered."""
        end = time.monotonic() + READY_SECONDS
        while time.monotonic() < end:
            try:
                with urllib.request.urlopen(f"{self.url}/sign-in", timeout=2):
                    return
            except (OSError, urllib.error.URLError):
                time.sleep(0.05)
        raise AssertionError((self.data / "serve.log").read_text())


@contextmanager
def portal(data: Path, *, demo: bool) -> Iterator[Portal]:
    """Make a portal; every process it started is stopped at the end."""
    made = Portal(data, claim((0,)))
    if not demo:
        prepare(data)
    else:
        told = prepare_demo(data)
        made.email = re.findall(r"sign in as\s+(\S+)", told)[0]
        made.password = re.findall(r"password\s+(\S+)", told)[0]
    try:
        yield made
    finally:
        for process in made.started:
            process.kill()
            process.wait(10)

"""`python -m tests.fuzz [--seconds N] [target…]`: each target in a process of its own, its corpus kept."""

from __future__ import annotations

import argparse
import platform
import subprocess
import sys
from pathlib import Path

from tests.fuzz.targets import TARGETS

ROOT = Path(__file__).resolve().parents[2]
CORPUS = ROOT / ".fuzz"
MACHINE = "x86_64"
MOST_BYTES = 4096


def seed(folder: Path, name: str) -> None:
    """Write where a target begins."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(TARGETS[name][1]):
        (folder / f"seed-{number}").write_bytes(data)


def command(name: str, folder: Path, *, runs: int = -1, seconds: int = 0) -> list[str]:
    """Return what fuzzes one target; it exits with an error when it finds something."""
    options = [f"-runs={runs}", f"-max_total_time={seconds}", f"-max_len={MOST_BYTES}", "-seed=1"]
    options += [f"-artifact_prefix={folder.parent}/{name}-", "-timeout=20", "-rss_limit_mb=2048"]
    return [sys.executable, "-m", "tests.fuzz.run", name, str(folder), *options]


def main() -> int:
    """Return 0 when nothing was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("targets", nargs="*", help=", ".join(TARGETS))
    parser.add_argument("--seconds", type=int, default=60, help="for each target; 60 by default")
    wanted = parser.parse_args()
    if platform.machine() != MACHINE:
        print(f"The fuzzer runs on {MACHINE} only: nothing done.")
        return 0
    found = 0
    for name in wanted.targets or TARGETS:
        folder = CORPUS / name
        seed(folder, name)
        print(f"… {name}, {wanted.seconds} s", flush=True)
        done = subprocess.run(command(name, folder, seconds=wanted.seconds), cwd=ROOT, check=False)
        found += done.returncode != 0
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

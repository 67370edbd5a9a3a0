"""Nothing a stranger can send raises: known nasty messages everywhere, and new ones where the fuzzer runs."""

from __future__ import annotations

import platform
import subprocess
from pathlib import Path

import pytest

from tests.fuzz.__main__ import MACHINE, ROOT, command, seed
from tests.fuzz.targets import TARGETS, answers


@pytest.mark.parametrize("name", TARGETS)
def test_what_the_fuzzer_begins_with_is_taken_whole_and_cut_short(name: str) -> None:
    target, seeds, _ = TARGETS[name]
    for data in seeds:
        target(data)
        for at in range(0, len(data), max(1, len(data) // 20)):
            target(data[:at])
            target(data[at:])


def test_the_fuzzer_begins_in_the_middle_of_things() -> None:
    found = [answers(data) for data in TARGETS["endpoint"][1]]
    # Only news of a referral nobody asked for find no place.
    assert [statuses for statuses in found if set(statuses) & {400, 481, 500}] == [[481]]


@pytest.mark.system
@pytest.mark.skipif(platform.machine() != MACHINE, reason=f"atheris runs on {MACHINE} only")
@pytest.mark.parametrize("name", TARGETS)
def test_new_bytes_are_taken_too(name: str, tmp_path: Path) -> None:
    pytest.importorskip("atheris")
    seed(tmp_path / name, name)
    fuzz = command(name, tmp_path / name, runs=TARGETS[name][2], seconds=30)
    done = subprocess.run(fuzz, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    assert "DONE" in done.stderr or "Done" in done.stderr, done.stderr[-2000:]

"""The switch's pure code, compiled: taken only when it is of these very sources, and as right as they are."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from carillon import compiled

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(not compiled.folder().is_dir(), reason="nothing compiled: `make compile`"),
]
WHICH = """
from carillon import compiled
print(compiled.use())
import carillon.sip.uri as it
print(it.__file__)
"""
REPOSITORY = Path(__file__).parents[1]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the sources and of what was compiled of them."""
    for name in ("sip", "media", "flows", "schema", "_compiled"):
        shutil.copytree(compiled.ROOT / name, tmp_path / "carillon" / name)
    for name in ("__init__.py", "compiled.py"):
        shutil.copy(compiled.ROOT / name, tmp_path / "carillon" / name)
    return tmp_path


def imported(root: Path, **environ: str) -> tuple[bool, str]:
    """Tell whether a process there found compiled code, and which kind of file SIP came from."""
    done = subprocess.run(
        [sys.executable, "-c", WHICH],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root), **environ},
        check=True,
        capture_output=True,
        text=True,
    )
    used, file = done.stdout.split()
    assert file.startswith(str(root))
    return used == "True", Path(file).suffix


def test_what_was_compiled_of_these_sources_is_taken(copy: Path) -> None:
    assert imported(copy) == (True, ".so")
    assert imported(copy, CARILLON_COMPILED="off") == (False, ".py")


@pytest.mark.parametrize("file", ["sip/uri.py", "schema/nodes.py"])
def test_after_an_edit_the_sources_are_taken(copy: Path, file: str) -> None:
    with open(copy / "carillon" / file, "a") as source:
        source.write("# and one thing more\n")
    assert imported(copy) == (False, ".py")


def test_what_cannot_be_loaded_is_left(copy: Path) -> None:
    (library,) = copy.glob(f"carillon/_compiled/*/{compiled.GROUP}__mypyc*.so")
    library.write_bytes(b"not a library")
    assert imported(copy) == (False, ".py")


def test_sip_and_flows_are_as_right_compiled() -> None:
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-x",
        "-p",
        "no:cacheprovider",
        "-m",
        "not system",
    ]
    done = subprocess.run(
        [*command, "tests/sip", "tests/flows"],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), "CARILLON_TEST_COMPILED": "1"},
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]

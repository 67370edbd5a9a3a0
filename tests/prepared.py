"""A portal's folder as the first start leaves it, made once for all tests and copied for each.

Only tests that are not about the first start use it: tables and spoken sentences cost many seconds each time.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

FOLDER = "CARILLON_TESTS_PREPARED"
"""Where the templates are: chosen by the first process of a run, inherited by its workers."""


def choose_folder() -> None:
    """Choose where this run keeps its templates."""
    os.environ[FOLDER] = tempfile.mkdtemp(prefix="carillon-prepared-")


def remove_folder() -> None:
    """Remove them."""
    shutil.rmtree(os.environ.pop(FOLDER), ignore_errors=True)


def prepare(data: Path) -> None:
    """Fill a folder with tables, static files and sentences; it keeps a secret of its own."""
    shutil.copytree(
        _template("bare"), data, dirs_exist_ok=True, ignore=shutil.ignore_patterns("secret")
    )


def prepare_demo(data: Path) -> str:
    """Fill a folder with the demo company too; return what the `demo` command said."""
    made = _template("demo")
    shutil.copytree(made, data, dirs_exist_ok=True)
    return (made / "told").read_text()


def _template(name: str) -> Path:
    folder = Path(os.environ[FOLDER])
    with open(folder / f"{name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / name).exists():
            making = folder / f"{name}.making"
            if name == "demo":
                shutil.copytree(_template("bare"), making)
                told = _run(making, "demo")
                (making / "told").write_text(told)
            else:
                making.mkdir()
                _run(making, "prepare")
            making.rename(folder / name)
    return folder / name


def _run(data: Path, command: str) -> str:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CARILLON")}
    done = subprocess.run(
        [sys.executable, "-m", "carillon.portal", command],
        env={**kept, "CARILLON_DATA": str(data)},
        check=True,
        timeout=300,
        stdout=subprocess.PIPE,
    )
    return done.stdout.decode()

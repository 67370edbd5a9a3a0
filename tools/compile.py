"""Compile the pure code of the switch (carillon/compiled.py, ADR 17): a minute, after each change of it."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import sys
import sysconfig
import tempfile
from pathlib import Path

from mypyc.build import mypycify
from setuptools import setup

from carillon import compiled

NICE = 10


def _compile(names: list[str]) -> None:
    """Write the C of these files into the folder we are in, and what the compiler makes of it to `made`."""
    modules = mypycify(names, opt_level="2", debug_level="0", group_name=compiled.GROUP)
    arguments = ["--quiet", "build_ext", "--build-lib", "made", "--build-temp", "objects"]
    setup(name=compiled.GROUP, packages=[], ext_modules=modules, script_args=arguments)


def _compile_into(place: Path) -> None:
    """Compile a copy of the sources: hundreds of thousands of lines of C would lie beside them otherwise."""
    names = [str(path.relative_to(compiled.ROOT.parent)) for path in compiled.sources()]
    told = io.StringIO()
    with tempfile.TemporaryDirectory() as scratch:
        for package in compiled.READ:
            shutil.copytree(compiled.ROOT / package, Path(scratch, "carillon", package))
        Path(scratch, "carillon", "__init__.py").touch()
        with contextlib.chdir(scratch), contextlib.redirect_stdout(told):
            try:
                _compile(names)
            except BaseException:
                print(told.getvalue(), file=sys.stderr)
                raise
        _keep(Path(scratch, "made"), place)


def _keep(made: Path, place: Path) -> None:
    """Put it where processes look for it, whole or not at all, and remove what older sources left."""
    shutil.rmtree(place.parent, ignore_errors=True)
    half = place.with_suffix(".part")
    shutil.copytree(made, half)
    os.sync()
    half.rename(place)


def main() -> int:
    """Compile unless it is done; 0 when there is compiled code in the end."""
    place = compiled.folder()
    if place.is_dir():
        return 0
    if not Path(sysconfig.get_path("include"), "Python.h").exists() or shutil.which("gcc") is None:
        print(
            "Compiling needs a C compiler and Python's headers: sudo apt-get install gcc python3-dev"
        )
        return 1
    print("Compiling the switch's code: about a minute.", flush=True)
    os.nice(NICE)
    _compile_into(place)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""One target under atheris: `python -m tests.fuzz.run TARGET CORPUS [libFuzzer options]`. Never returns."""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["carillon"], enable_loader_override=False):
    from tests.fuzz.targets import TARGETS

atheris.Setup([sys.argv[0], *sys.argv[2:]], TARGETS[sys.argv[1]][0])
atheris.Fuzz()

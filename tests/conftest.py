"""What every run of the tests needs, and in which order its files are taken."""

from __future__ import annotations

import os
from itertools import zip_longest

# Now: its pytest plug-in would load it after the tests, and after some with real phones CPython 3.11 cannot
# compile a module any more ("AST constructor recursion depth mismatch").
import hypothesis  # noqa: F401
import pytest

from carillon import compiled
from carillon.mediaplane import kernel
from tests import prepared

LONGEST = (
    "scenarios/test_guide.py",
    "scenarios/test_run.py",
    "scenarios/test_who_hears_whom.py",
    "scenarios/test_crashes.py",
    "scenarios/test_calls.py",
    "test_compiled.py",
    "portal/test_pages_in_chromium.py",
    "portal/test_access.py",
    "switch/test_simulated.py",
    "switch/test_schedules.py",
)
"""Begun first, so that no worker is left alone with one of them at the end."""


def pytest_configure(config: pytest.Config) -> None:
    """Test what most machines run: the relay's loop is compiled, by setup or here.

    With CARILLON_TEST_COMPILED what is tested here of the switch's pure code is compiled too.
    """
    if os.environ.get("CARILLON_TEST_COMPILED"):
        assert compiled.use(), "nothing compiled: `make compile`"
    kernel.build()
    if not hasattr(config, "workerinput"):
        prepared.choose_folder()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave nothing behind."""
    if not hasattr(config, "workerinput"):
        prepared.remove_folder()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Take the longest files first, then by turns one that waits for real calls and one that computes."""
    files: dict[str, list[pytest.Item]] = {}
    for item in items:
        files.setdefault(item.path.as_posix(), []).append(item)
    first = [name for end in LONGEST for name in files if name.endswith(f"tests/{end}")]
    rest = [name for name in files if name not in first]
    waiting = [name for name in rest if files[name][0].get_closest_marker("system")]
    computing = [name for name in rest if name not in waiting]
    turns = (name for pair in zip_longest(waiting, computing) for name in pair if name)
    items[:] = [item for name in (*first, *turns) for item in files[name]]

"""One figure, what it is held against, and whether that is met."""

from __future__ import annotations

import importlib
import os
import platform
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Result:
    """`against` is the physical limit or peer in the same unit and the same run, `ratio` value / against.

    `target` bounds `ratio` where it says so, else `value`; `met` is None without a target.
    """

    name: str
    value: float
    unit: str
    against: float | None = None
    ratio: float | None = None
    target: str = ""
    met: bool | None = None
    machine: str = ""
    note: str = ""


def machine() -> str:
    """Return what this was measured on, in a few words."""
    model = platform.processor() or platform.machine()
    with open("/proc/cpuinfo") as file:
        for line in file:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    return f"{os.cpu_count()} x {model}, Linux {platform.release()}"


def beside(name: str, value: float, unit: str, against: float | None) -> Result:
    """Return a figure, and its ratio to another one where there is one."""
    if against is None:
        return Result(name, round(value, 3), unit)
    return Result(name, round(value, 3), unit, round(against, 3), round(value / against, 3))


def at_most(
    name: str, value: float, unit: str, target: float, against: float | None = None
) -> Result:
    """Return a figure that must not be larger than its target."""
    figure = beside(name, value, unit, against)
    return replace(figure, target=f"<= {target:g}", met=value <= target)


def at_least(
    name: str, value: float, unit: str, target: float, against: float | None = None
) -> Result:
    """Return a figure that must not be smaller than its target."""
    figure = beside(name, value, unit, against)
    return replace(figure, target=f">= {target:g}", met=value >= target)


def compared(name: str, value: float, unit: str, against: float, target: float) -> Result:
    """Return a figure whose ratio to another one must not be larger than its target."""
    figure = beside(name, value, unit, against)
    return replace(figure, target=f"ratio <= {target:g}", met=value <= target * against)


def run_one(name: str) -> list[Result]:
    """Run one benchmark: a module of this folder with `run() -> list[Result]`."""
    try:
        found: list[Result] = importlib.import_module(f"bench.{name}").run()
    except RuntimeError as error:
        found = [Result(f"{name}: {error}", 0, "", met=False)]
    return found

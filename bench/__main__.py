"""Runs the benchmarks, prints a table and writes `bench/results.json`: `python -m bench [--only NAME]`."""

from __future__ import annotations

import argparse
import dataclasses
import importlib.util
import json
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from bench.result import Result, machine, run_one

BENCHMARKS = (
    "flows",
    "sip_calls",
    "call_setup",
    "registrations",
    "whole_calls",
    "media_relay",
    "media_srtp",
    "media_capacity",
    "media_prompts",
    "media_mix",
    "compile_plan",
    "pages",
)
RESULTS = Path(__file__).parent / "results.json"


def run(names: list[str]) -> list[Result]:
    """Run these benchmarks, one after the other."""
    results: list[Result] = []
    on = machine()
    for name in names:
        print(f"… {name}", file=sys.stderr, flush=True)
        # A process each: the portal's settings, and its database, are chosen once a process.
        with ProcessPoolExecutor(1, get_context("spawn")) as alone:
            found = alone.submit(run_one, name).result()
        for result in found:
            results.append(dataclasses.replace(result, machine=result.machine or on))
            print_row(results[-1])
        keep(results)
    return results


def print_row(result: Result) -> None:
    """Print one line of the table."""
    verdict = {True: "met", False: "MISSED", None: ""}[result.met]
    against = "" if result.against is None else f"{result.against:g}"
    ratio = "" if result.ratio is None else f"{result.ratio:g}"
    print(
        f"{result.name:58} {result.value:>10g} {result.unit:14} {against:>10} {ratio:>7} "
        f"{result.target:16} {verdict:7} {result.note}".rstrip(),
        flush=True,
    )


def keep(results: list[Result]) -> None:
    """Write the results; those of benchmarks that were not run this time stay."""
    kept = json.loads(RESULTS.read_text()) if RESULTS.exists() else []
    new = {result.name for result in results}
    rows = [row for row in kept if row["name"] not in new]
    rows += [dataclasses.asdict(result) for result in results]
    RESULTS.write_text(json.dumps(rows, indent=1) + "\n")


def main() -> int:
    """Return 0 when every target is met."""
    there = [name for name in BENCHMARKS if importlib.util.find_spec(f"bench.{name}")]
    parser = argparse.ArgumentParser(prog="python -m bench")
    parser.add_argument("--only", choices=there, action="append", help="run only this one")
    results = run(parser.parse_args().only or there)
    return 0 if all(result.met is not False for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())

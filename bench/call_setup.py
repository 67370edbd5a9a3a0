"""Calls set up and torn down through the switch: INVITE to 200 to BYE over two legs, journal on.

One switch process on one core; callgen (`bench/callgen`) is carrier and callee on the other.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.media import LOAD_CORE, RELAY_CORE, built, pinned
from bench.result import Result, at_least, at_most
from bench.switch import CALLED, BenchSwitch

RATES = (300, 400, 500, 600)
SECONDS = 8
TARGET = 300.0


def _run(switch: BenchSwitch, rate: int, folder: Path) -> dict[str, float]:
    report = folder / f"{rate}.json"
    command = [*pinned(LOAD_CORE), str(built("callgen/callgen"))]
    command += ["--to", f"sip:{CALLED}@127.0.0.1:{switch.sip_port}", "--no-media", "--hold", "0"]
    command += ["--uac-port", str(switch.carrier_port), "--uas-port", str(switch.callee_port)]
    command += ["--calls", str(rate * SECONDS), "--rate", str(rate), "--pid", str(switch.pid)]
    subprocess.run([*command, "--json", str(report)], check=False, capture_output=True)
    figures: dict[str, float] = json.loads(report.read_text().splitlines()[-1])
    return figures


def run() -> list[Result]:
    """Return the best rate with no call failed, its cost, its delay, and that every call is on record."""
    results: list[Result] = []
    best, placed = 0, 0
    with tempfile.TemporaryDirectory() as folder, BenchSwitch(RELAY_CORE) as switch:
        for rate in RATES:
            figures = _run(switch, rate, Path(folder))
            placed += int(figures["ok"])
            print(f"  {rate}/s: {figures}", file=sys.stderr)
            if figures["failed"] or figures["ok"] < rate * SECONDS:
                break
            best = rate
            if rate == int(TARGET):
                results.append(_cost(figures))
                results.append(
                    Result("call set-up at 300/s: p99", round(figures["setup_p99_ms"], 1), "ms")
                )
        recorded = switch.ended_calls(placed)
    missing = placed - recorded
    return [
        at_least("call set-ups, none failed, journal on", best, "calls/s", TARGET),
        *results,
        at_most("call set-ups: records missing from the journal", missing, "records", 0),
    ]


def _cost(figures: dict[str, float]) -> Result:
    return Result("call set-up at 300/s: CPU", round(figures["cpu_ms_per_call"], 3), "ms/call")

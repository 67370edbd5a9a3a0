"""Calls set up and torn down through the switch: INVITE to 200 to BYE over two legs, journal on.

One switch process on one core; callgen (`bench/callgen`) is carrier and callee on the other. Then twice
what it managed is offered: it must go on completing calls, and those there are must not notice. A B2BUA
that only rewrites headers (`bench.bare_sip`) then takes the same calls on the same core.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.media import LOAD_CORE, RELAY_CORE, built, pinned
from bench.result import Result, at_least, at_most
from bench.switch import CALLED, MEDIA_PRECEDENCE, BareSip, BenchSwitch, bare_sip

RATES = (300, 600, 800, 900, 1000, 1100, 1200)
SECONDS = 8
TARGET_RATE = 900.0
TARGET_MS = 1.0
UNDER_LOAD = 300
SAME_UNDER_OVERLOAD = 0.9


def _run(switch: BenchSwitch | BareSip, rate: int, folder: Path) -> dict[str, float]:
    report = folder / f"{rate}.json"
    # What measures goes before the media process, which it shares the core with: late, it sends in bursts.
    command = [*pinned(LOAD_CORE, MEDIA_PRECEDENCE + 1), str(built("callgen/callgen"))]
    command += ["--to", f"sip:{CALLED}@127.0.0.1:{switch.sip_port}", "--no-media", "--hold", "0"]
    command += ["--uac-port", str(switch.carrier_port), "--uas-port", str(switch.callee_port)]
    command += ["--calls", str(rate * SECONDS), "--rate", str(rate), "--pid", str(switch.pid)]
    subprocess.run([*command, "--json", str(report)], check=False, capture_output=True)
    figures: dict[str, float] = json.loads(report.read_text().splitlines()[-1])
    print(f"  {rate}/s: {figures}", file=sys.stderr)
    return figures


def _delays(rate: int, figures: dict[str, float]) -> list[Result]:
    return [
        Result(f"call set-up at {rate}/s: {what}", round(figures[f"setup_{what}_ms"], 1), "ms")
        for what in ("p99", "p50")
    ]


def run() -> list[Result]:
    """Return the best rate with no call failed, its cost, its delay, what overload does, and the records."""
    results: list[Result] = []
    best, placed = 0, 0
    best_figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        with BenchSwitch(RELAY_CORE) as switch:
            for rate in RATES:
                figures = _run(switch, rate, Path(folder))
                placed += int(figures["ok"])
                if rate == UNDER_LOAD:
                    results += _delays(rate, figures)
                if figures["failed"] or figures["ok"] < rate * SECONDS:
                    break
                best, best_figures = rate, figures
            over = _run(switch, 2 * max(best, UNDER_LOAD), Path(folder))
            placed += int(over["ok"])
            recorded = switch.ended_calls(placed)
        with bare_sip(RELAY_CORE) as bare:
            least = _run(bare, best or UNDER_LOAD, Path(folder))["cpu_ms_per_call"]
    cost = best_figures.get("cpu_ms_per_call", 0.0)
    # Both over the same kind of window: it includes the half second in which the last calls end.
    completed = over["ok"] / over["window_s"]
    completed_at_best = best_figures["ok"] / best_figures["window_s"] if best_figures else 1.0
    return [
        at_least("call set-ups, none failed, journal on", best, "calls/s", TARGET_RATE),
        at_most("call set-up at the best rate: CPU", cost, "ms/call", TARGET_MS, least),
        *results,
        at_least(
            "overload: completed of the best rate, twice of it offered",
            completed / completed_at_best,
            "",
            SAME_UNDER_OVERLOAD,
        ),
        at_most("call set-ups: records missing", placed - recorded, "records", 0),
    ]

"""Four hundred two-way calls through switch and media process, measured as the peers were.

Callgen plays both ends, bridged and bridged with recording: CPU of both processes per call and second, sound
lost, delay added, memory per call. Both processes share one core.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.media import LOAD_CORE, RELAY_CORE, bare_call_ms, built, pinned
from bench.result import Result, at_most
from bench.switch import CALLED, BenchSwitch

CALLS, RATE, SECONDS = 400, 40, 20
BRIDGED_MS, RECORDED_MS = 0.65, 1.0
MOST_DELAY_MS = 8.0
FEWER = (20, 100)
MOST_LOSS_PERCENT = 0.1
MOST_KB = 40.0


def _measure(calls: int = CALLS, *, recorded: bool = False) -> dict[str, float]:
    with (
        tempfile.TemporaryDirectory() as folder,
        BenchSwitch(RELAY_CORE, record=recorded, media_core=RELAY_CORE) as switch,
    ):
        report = Path(folder) / "calls.json"
        command = [*pinned(LOAD_CORE), str(built("callgen/callgen"))]
        command += ["--to", f"sip:{CALLED}@127.0.0.1:{switch.sip_port}"]
        command += ["--uac-port", str(switch.carrier_port), "--uas-port", str(switch.callee_port)]
        command += ["--calls", str(calls), "--rate", str(RATE), "--steady", str(SECONDS)]
        command += ["--pid", f"{switch.pid},{switch.media_pid}", "--json", str(report)]
        subprocess.run(command, check=False, capture_output=True)
        figures: dict[str, float] = json.loads(report.read_text().splitlines()[-1])
    print(f"  {figures}", file=sys.stderr)
    if figures["twoway_calls"] < calls:
        raise RuntimeError(f"only {figures['twoway_calls']} calls had sound both ways")
    return figures


def run() -> list[Result]:
    """Return the figures of bridged and of recorded calls."""
    results: list[Result] = []
    bare = bare_call_ms(CALLS)
    for what, recorded, target in (
        ("bridged", False, BRIDGED_MS),
        ("bridged and recorded", True, RECORDED_MS),
    ):
        figures = _measure(recorded=recorded)
        name = f"{CALLS} whole calls, {what}"
        grown = (figures["rss_end_kb"] - figures["rss_idle_kb"]) / CALLS
        results += [
            at_most(f"{name}: CPU per call", figures["cpu_ms_per_call_s"], "ms/s", target, bare),
            at_most(f"{name}: sound lost", figures["loss_pct"], "%", MOST_LOSS_PERCENT),
        ]
        if recorded:
            # What was said last is kept in memory for every leg that is recorded.
            results.append(Result(f"{name}: memory per call", round(grown, 1), "kB"))
        else:
            results.append(at_most(f"{name}: memory per call", grown, "kB", MOST_KB))
            results.append(_delay(CALLS, figures))
    results += [_delay(calls, _measure(calls)) for calls in FEWER]
    return results


def _delay(calls: int, figures: dict[str, float]) -> Result:
    name = f"{calls} whole calls, bridged: delay added, p99"
    return at_most(name, figures["trip_p99_ms"], "ms", MOST_DELAY_MS)

"""How many two-way calls one core carries: the media process on one core, the generator on the other."""

from __future__ import annotations

from bench.media import RTP_PORT, MediaPlane, bare_call_ms, load, resident_bytes
from bench.result import Result, at_least, at_most, beside

STEPS = (1200, 1400, 1600, 1800, 2000)
WARM, SECONDS = 2.0, 10.0
TARGET_CALLS = 1200
MOST_LOSS_PERCENT = 0.1


def run() -> list[Result]:
    """Return figures at the target, and the most calls carried with next to no loss."""
    results: list[Result] = []
    carried = 0
    for calls in STEPS:
        with MediaPlane() as plane:
            before = resident_bytes(plane.pid)
            plane.open_legs(2 * calls)
            plane.bridge_legs(2 * calls)
            seen = load(RTP_PORT, 2 * calls, plane.pid, WARM, SECONDS)
            grown = resident_bytes(plane.pid) - before
        good = seen.loss_percent < MOST_LOSS_PERCENT and not seen.wrong
        if calls == TARGET_CALLS:
            core = 100 * seen.relay_cpu / seen.seconds
            name = f"{calls} calls on one core"
            results += [
                at_most(f"{name}: loss", seen.loss_percent, "%", MOST_LOSS_PERCENT),
                at_most(f"{name}: packets wrong", seen.wrong, "packets", 0),
                Result(f"{name}: CPU", round(core, 1), "% of a core"),
                beside(f"{name}: CPU per call", 10 * core / calls, "ms/s", bare_call_ms(calls)),
                Result(f"{name}: mean delay", round(seen.mean_ms, 2), "ms"),
                Result(f"{name}: generator", round(100 * seen.cpu, 1), "% of a core"),
                at_most(f"{name}: memory a call", grown / calls / 1000, "kB", 40),
            ]
        if not good:
            break
        carried = calls
    results.append(at_least("two-way calls on one core", carried, "calls", TARGET_CALLS))
    return results

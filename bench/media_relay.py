"""CPU of relaying a packet: the media process against a bare C loop, taking turns on the same core."""

from __future__ import annotations

import statistics

from bench.media import RTP_PORT, Load, MediaPlane, bare_load, load
from bench.result import Result, at_most, compared

SIZES = (100, 400, 1000)
ROUNDS = 5
WARM, SECONDS = 1.0, 4.0
TARGET_RATIO = 1.3


def _ours(legs: int) -> Load:
    with MediaPlane() as plane:
        plane.open_legs(legs)
        plane.bridge_legs(legs)
        return load(RTP_PORT, legs, plane.pid, WARM, SECONDS)


def run() -> list[Result]:
    """Return cost, loss and delay at three sizes; medians of the rounds."""
    results = []
    for legs in SIZES:
        pairs = [(_ours(legs), bare_load(legs, WARM, SECONDS)) for _ in range(ROUNDS)]
        ours = statistics.median(each.us_per_packet for each, _ in pairs)
        bare = statistics.median(each.us_per_packet for _, each in pairs)
        name = f"relay, {legs} legs"
        results.append(compared(f"{name}: CPU", ours, "us/packet", bare, TARGET_RATIO))
        loss = max(each.loss_percent for each, _ in pairs)
        wrong = sum(each.wrong for each, _ in pairs)
        results.append(at_most(f"{name}: loss", loss, "%", 0.1))
        results.append(at_most(f"{name}: packets wrong", wrong, "packets", 0))
        delay = statistics.median(each.mean_ms for each, _ in pairs)
        results.append(Result(f"{name}: mean delay", round(delay, 2), "ms"))
    return results

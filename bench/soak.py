"""Half an hour of calls: nothing may grow, no tick of sound may be late. `python -m bench.soak`.

Callgen plays both sides of steady two-way calls that come and go; the switch and the media process are looked
at every few seconds. Not part of `python -m bench`: it takes too long.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.__main__ import keep, print_row
from bench.media import LOAD_CORE, RELAY_CORE, built, pinned
from bench.result import Result, at_least, at_most, machine
from bench.switch import CALLED, BenchSwitch

CALLS_AT_ONCE, HOLD_SECONDS = 200, 20
LOOK_SECONDS = 5.0
WARM_SECONDS = 120.0
"""Memory and descriptors are compared with what they were after so long."""
MOST_LATE_MS = 40.0
MOST_GROWN_PERCENT = 5.0


@dataclasses.dataclass(slots=True)
class Look:
    """What was seen at one moment, switch and media process together."""

    at: float
    resident_kb: int
    descriptors: int
    tasks: int
    late_ms: float
    calls: int


def look(switch: BenchSwitch, began: float) -> Look:
    """Look once."""
    pids = (switch.pid, switch.media_pid)
    status = switch.status()
    return Look(
        time.monotonic() - began,
        sum(_resident_kb(pid) for pid in pids),
        sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in pids),
        status.tasks,
        status.media_late_ms,
        len(status.calls),
    )


def _resident_kb(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    return 0


def soak(minutes: float) -> list[Result]:
    """Return what grew, what was late, and how the calls went."""
    rate = CALLS_AT_ONCE / HOLD_SECONDS
    seconds = minutes * 60
    with (
        tempfile.TemporaryDirectory() as folder,
        BenchSwitch(RELAY_CORE, media_core=RELAY_CORE) as switch,
    ):
        report = Path(folder) / "soak.json"
        command = [*pinned(LOAD_CORE), str(built("callgen/callgen"))]
        command += [
            "--to",
            f"sip:{CALLED}@127.0.0.1:{switch.sip_port}",
            "--hold",
            str(1000 * HOLD_SECONDS),
        ]
        command += ["--max-time", str(round(seconds + 120))]
        command += ["--uac-port", str(switch.carrier_port), "--uas-port", str(switch.callee_port)]
        command += ["--calls", str(round(rate * seconds)), "--rate", str(rate)]
        command += ["--max-time", str(round(seconds + 120))]
        command += ["--pid", str(switch.pid), "--json", str(report)]
        generator = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        began, looks = time.monotonic(), []
        while generator.poll() is None:
            looks.append(look(switch, began))
            time.sleep(LOOK_SECONDS)
        figures = json.loads(report.read_text().splitlines()[-1])
    print(f"  {figures}", file=sys.stderr)
    return judged(looks, figures, minutes)


def judged(looks: list[Look], figures: dict[str, float], minutes: float) -> list[Result]:
    """Return the figures, the second half against the time after the warm-up."""
    warm = [each for each in looks if each.at > WARM_SECONDS and each.calls > CALLS_AT_ONCE / 2]
    early, late = warm[: len(warm) // 4], warm[-len(warm) // 4 :]

    def grown(what: str) -> float:
        first = sum(getattr(each, what) for each in early) / len(early)
        last = sum(getattr(each, what) for each in late) / len(late)
        return float(100 * (last - first) / first)

    name = f"soak of {minutes:g} minutes, {CALLS_AT_ONCE} calls at once"
    return [
        at_most(f"{name}: memory grown", grown("resident_kb"), "%", MOST_GROWN_PERCENT),
        at_most(f"{name}: descriptors grown", grown("descriptors"), "%", MOST_GROWN_PERCENT),
        at_most(f"{name}: tasks grown", grown("tasks"), "%", MOST_GROWN_PERCENT),
        at_most(f"{name}: latest tick", max(each.late_ms for each in warm), "ms", MOST_LATE_MS),
        at_most(f"{name}: calls failed", figures["failed"], "calls", 0),
        at_least(
            f"{name}: calls with sound both ways", figures["twoway_calls"], "calls", figures["ok"]
        ),
        at_least(f"{name}: calls", figures["ok"], "calls", minutes * 60),
    ]


def main() -> int:
    """Soak, print and keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    results = [
        dataclasses.replace(each, machine=machine()) for each in soak(parser.parse_args().minutes)
    ]
    for result in results:
        print_row(result)
    keep(results)
    return 0 if all(result.met for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())

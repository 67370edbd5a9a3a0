"""CPU of a call that hears a prompt, against that of a call that is relayed; and of one recorded."""

from __future__ import annotations

import subprocess
import time

import numpy as np

from bench.media import (
    LEG_PORT,
    LOAD_CORE,
    RTP_PORT,
    MediaPlane,
    bare_call_ms,
    built,
    cpu_seconds,
    load,
    pinned,
)
from bench.result import Result, at_most, compared
from carillon.media.wav import write_wav
from carillon.schema.mediacontrol import PlayFiles, StartRecording

CALLS = 400
WARM, SECONDS = 1.0, 5.0


def _per_call(cpu: float) -> float:
    """Return milliseconds of CPU per call and second."""
    return 1000 * cpu / CALLS


def _playing() -> tuple[float, float]:
    """Return CPU seconds a second of playing a prompt to every leg, and how much of it arrived."""
    with MediaPlane() as plane:
        path = plane.folder / "prompt.wav"
        at = np.arange(8000 * 20) / 8000
        path.write_bytes(write_wav((np.sin(at * 2764) * 8000).astype(np.int16)))
        plane.open_legs(CALLS)
        numbers = ("127.0.0.1", RTP_PORT, -CALLS, WARM, SECONDS, LEG_PORT)
        program = [*pinned(LOAD_CORE), str(built("rtpload")), *map(str, numbers)]
        listener = subprocess.Popen(program, stdout=subprocess.PIPE)
        plane.do(*(PlayFiles(leg, leg, (str(path),), loop=True) for leg in range(CALLS)))
        time.sleep(WARM)
        before, began = cpu_seconds(plane.pid), time.monotonic()
        time.sleep(SECONDS - 0.5)
        cpu = (cpu_seconds(plane.pid) - before) / (time.monotonic() - began)
        output, _ = listener.communicate()
    heard = int(output.split(b'"any": ')[1].split(b",")[0])
    return cpu, heard / (CALLS * SECONDS * 50)


def _relaying(recorded: bool) -> float:
    """Return CPU seconds a second of bridged calls, recorded ones in stereo."""
    with MediaPlane() as plane:
        plane.open_legs(2 * CALLS)
        plane.bridge_legs(2 * CALLS)
        if recorded:
            for call in range(CALLS):
                path = str(plane.folder / "recordings" / f"{call}.wav")
                plane.do(StartRecording(call, (2 * call, 2 * call + 1), path))
        seen = load(RTP_PORT, 2 * CALLS, plane.pid, WARM, SECONDS)
    if seen.loss_percent > 0.1 or seen.wrong:
        raise RuntimeError(f"lost {seen.loss_percent} %, wrong {seen.wrong}")
    return seen.relay_cpu / seen.seconds


def run() -> list[Result]:
    """Return the three costs at one size."""
    relaying, recording = _relaying(False), _relaying(True)
    playing, arrived = _playing()
    bare = bare_call_ms(CALLS)
    name = f"{CALLS} calls"
    # Of a prompt half as many packets are sent, and none received.
    limits = {
        "bridged": (relaying, 0.65, bare),
        "prompt": (playing, 0.5, bare / 2),
        "recorded": (recording, 1.0, bare),
    }
    return [
        *(
            at_most(
                f"{name}, {kind}: CPU per call against the limit",
                _per_call(cpu),
                "ms/s",
                limit,
                least,
            )
            for kind, (cpu, limit, least) in limits.items()
        ),
        compared(
            f"{name}, prompt: CPU per call", _per_call(playing), "ms/s", _per_call(relaying), 1.0
        ),
        at_most(f"{name}, prompt: packets missing", 100 * (1 - arrived), "%", 0.5),
        compared(
            f"{name}, bridged and recorded: CPU per call",
            _per_call(recording),
            "ms/s",
            _per_call(relaying),
            2.0,
        ),
    ]

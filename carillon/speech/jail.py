"""Runs the limited worker process and takes its answer."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path
from typing import BinaryIO

import carillon

MAX_SECONDS = 30.0
_ROOT = Path(carillon.__file__).parent.parent
_ENVIRON = {"PYTHONPATH": str(_ROOT), "OPENBLAS_NUM_THREADS": "1", "LC_ALL": "C.UTF-8"}
_PIECE = 1 << 16


class WorkerFailed(Exception):
    """The worker gave no answer. `status` is its exit status, None when it took too long."""

    def __init__(self, status: int | None, detail: str) -> None:
        super().__init__(detail)
        self.status = status


def run_worker(work: str, how: str, octets: bytes, seconds: float = MAX_SECONDS) -> bytes:
    """Return what the worker makes of these bytes; `WorkerFailed` when it does not.

    It gets an empty environment: no secret of ours is in reach of what it runs.
    """
    try:
        done = subprocess.run(
            _command(work, how),
            input=octets,
            capture_output=True,
            timeout=seconds,
            env=_ENVIRON,
            cwd="/",
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise WorkerFailed(None, "took too long") from error
    if done.returncode or not done.stdout:
        raise WorkerFailed(done.returncode, done.stderr.decode(errors="replace")[-500:].strip())
    return done.stdout


def stream_worker(work: str, how: str, source: BinaryIO, sink: BinaryIO, seconds: float) -> int:
    """Let the worker read one file and put what it says into another, as it comes; return its length.

    `WorkerFailed` when it gives up, dies, or takes longer than this; `OSError` when the sink is full.
    """
    written = 0
    with subprocess.Popen(
        _command(work, how),
        stdin=source,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=_ENVIRON,
        cwd="/",
    ) as process:
        assert process.stdout is not None
        too_long = threading.Timer(seconds, process.kill)
        too_long.start()
        try:
            while octets := process.stdout.read(_PIECE):
                written += sink.write(octets)
        except BaseException:
            process.kill()
            raise
        finally:
            too_long.cancel()
    if process.returncode or not written:
        raise WorkerFailed(process.returncode, f"status {process.returncode}")
    return written


def _command(work: str, how: str) -> list[str]:
    return [sys.executable, "-m", "carillon.speech.worker", work, how]

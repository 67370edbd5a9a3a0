"""Runs the limited worker process and takes its answer."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import carillon

MAX_SECONDS = 30.0
_ROOT = Path(carillon.__file__).parent.parent


class WorkerFailed(Exception):
    """The worker gave no answer. `status` is its exit status, None when it took too long."""

    def __init__(self, status: int | None, detail: str) -> None:
        super().__init__(detail)
        self.status = status


def run_worker(work: str, how: str, octets: bytes) -> bytes:
    """Return what the worker makes of these bytes; `WorkerFailed` when it does not.

    It gets an empty environment: no secret of ours is in reach of what it runs.
    """
    environ = {"PYTHONPATH": str(_ROOT), "OPENBLAS_NUM_THREADS": "1", "LC_ALL": "C.UTF-8"}
    command = [sys.executable, "-m", "carillon.speech.worker", work, how]
    try:
        done = subprocess.run(
            command,
            input=octets,
            capture_output=True,
            timeout=MAX_SECONDS,
            env=environ,
            cwd="/",
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise WorkerFailed(None, "took too long") from error
    if done.returncode or not done.stdout:
        raise WorkerFailed(done.returncode, done.stderr.decode(errors="replace")[-500:].strip())
    return done.stdout

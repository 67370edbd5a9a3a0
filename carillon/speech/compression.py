"""Makes a small mp3 of a recording, in a limited process. The wav file is only read."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from carillon.media.wav import SAMPLE_BYTES, SAMPLE_RATE, NotWav, read_layout
from carillon.speech.jail import WorkerFailed, stream_worker
from carillon.speech.worker import MP3_BITS_A_SIDE

LONGEST_WORK_SECONDS = 900.0
_SLACK_BYTES = 2000
"""A few frames more or less than the sound's length times the bit rate."""


class NotCompressed(Exception):
    """There is no mp3; its text says why. What was there before is there still."""


def compress(source: Path, target: Path) -> tuple[int, float]:
    """Write `source` as `target`, and return the bytes and seconds of it.

    The target is there whole, safe from a power cut, or not at all. A second time it is made anew.
    """
    unfinished = target.with_name(f".{target.name}.tmp")
    try:
        with source.open("rb") as wav, unfinished.open("wb") as mp3:
            wanted, seconds = _expected(wav.read(4096), os.fstat(wav.fileno()).st_size)
            os.lseek(wav.fileno(), 0, os.SEEK_SET)
            size = stream_worker("compress", "mp3", wav, mp3, LONGEST_WORK_SECONDS)
            if abs(size - wanted) > wanted * 0.02 + _SLACK_BYTES:
                raise NotCompressed(f"{size} bytes came out, {wanted} were expected")
            mp3.flush()
            os.fsync(mp3.fileno())
        unfinished.replace(target)
        _sync_folder(target.parent)
    except (OSError, WorkerFailed, NotWav) as error:
        raise NotCompressed(str(error)) from error
    finally:
        with contextlib.suppress(OSError):
            unfinished.unlink()
    return size, seconds


def _expected(head: bytes, size: int) -> tuple[int, float]:
    layout = read_layout(head)
    seconds = (size - layout.data_start) / (SAMPLE_RATE * SAMPLE_BYTES * layout.channels)
    return round(seconds * layout.channels * MP3_BITS_A_SIDE / 8), seconds


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

"""Small sounds."""

from __future__ import annotations

import array
import math
import wave
from pathlib import Path


def write_wav(path: Path, seconds: float = 0.5) -> bytes:
    """Write a tone of 440 Hz, 8 kHz, 16 bit, mono; return the file's bytes."""
    samples = (int(8000 * math.sin(n * 440 * math.tau / 8000)) for n in range(int(8000 * seconds)))
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(array.array("h", samples).tobytes())
    return path.read_bytes()

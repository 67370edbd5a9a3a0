"""Wav files, the kinds we use: 8 kHz, 16-bit PCM, one or two channels. Bytes in, bytes out.

RIFF: `RIFF size WAVE`, then chunks of a four-letter name, a size and that many bytes, padded to even.
Sizes are claims; a file that was being written when its writer died claims less or more than it has.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

HEADER_BYTES = 44
SAMPLE_RATE = 8000
SAMPLE_BYTES = 2
MAX_CHUNKS = 64
MAX_DATA_BYTES = 0xFFFFFFFF - HEADER_BYTES
_PCM = 1
_EXTENSIBLE = 0xFFFE

Samples = NDArray[np.int16]


class NotWav(Exception):
    """These bytes are not a wav file we can use; its text says why."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the samples of a wav file lie. `data_bytes` is what the header claims."""

    channels: int
    data_start: int
    data_bytes: int


def write_header(channels: int, data_bytes: int) -> bytes:
    """Return the 44 bytes before this much PCM."""
    frame = channels * SAMPLE_BYTES
    size = min(data_bytes, MAX_DATA_BYTES)
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        b"RIFF",
        size + HEADER_BYTES - 8,
        b"WAVE",
        b"fmt ",
        16,
        _PCM,
        channels,
        SAMPLE_RATE,
        SAMPLE_RATE * frame,
        frame,
        8 * SAMPLE_BYTES,
        b"data",
        size,
    )


def write_wav(samples: Samples) -> bytes:
    """Return a whole file. Shape (n,) is mono, (n, 2) stereo."""
    channels = 1 if samples.ndim == 1 else samples.shape[1]
    pcm = samples.astype("<i2").tobytes()
    return write_header(channels, len(pcm)) + pcm


def read_layout(head: bytes) -> Layout:
    """Find format and samples in the beginning of a file; `NotWav` when it is none we use."""
    if len(head) < 12 or head[:4] != b"RIFF" or head[8:12] != b"WAVE":
        raise NotWav("no RIFF/WAVE header")
    at, channels = 12, 0
    for _ in range(MAX_CHUNKS):
        if at + 8 > len(head):
            break
        name, size = head[at : at + 4], struct.unpack_from("<I", head, at + 4)[0]
        at += 8
        if name == b"data":
            if not channels:
                raise NotWav("samples before their format")
            return Layout(channels, at, size)
        if name == b"fmt ":
            channels = _read_format(head[at : at + size])
        at += size + size % 2
    raise NotWav("no samples")


def _read_format(chunk: bytes) -> int:
    if len(chunk) < 16:
        raise NotWav("format cut short")
    kind, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", chunk)
    if kind == _EXTENSIBLE and len(chunk) >= 26:
        kind = struct.unpack_from("<H", chunk, 24)[0]
    if kind != _PCM or rate != SAMPLE_RATE or bits != 8 * SAMPLE_BYTES or channels not in (1, 2):
        raise NotWav(f"not 8 kHz, 16 bit, mono or stereo PCM: {kind=} {rate=} {bits=} {channels=}")
    return int(channels)


def read_wav(document: bytes) -> Samples:
    """Return the samples, (n,) or (n, 2); those present when the header claims more."""
    layout = read_layout(document)
    frame = layout.channels * SAMPLE_BYTES
    present = min(layout.data_bytes, len(document) - layout.data_start)
    count = max(0, present // frame) * layout.channels
    samples = np.frombuffer(document, "<i2", count, layout.data_start).astype(np.int16)
    return samples if layout.channels == 1 else samples.reshape(-1, 2)


def peaks(samples: Samples, count: int) -> list[int]:
    """Return `count` loudest values, 0 to 100, of equal stretches: a waveform to draw."""
    if count < 1:
        return []
    loudness = np.abs(samples.astype(np.int32))
    if loudness.ndim == 2:
        loudness = loudness.max(axis=1)
    if not len(loudness):
        return [0] * count
    edges = np.arange(count) * len(loudness) // count
    return [int(peak) for peak in np.maximum.reduceat(loudness, edges) * 100 // 32768]

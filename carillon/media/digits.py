"""Keys pressed: RFC 4733 telephone events, read (each press once) and written; keys' tones (ITU-T Q.23)."""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray

from carillon.media.g711 import SAMPLE_RATE, Samples
from carillon.media.rtp import HEADER_BYTES
from carillon.media.streams import Streams

KEYS = "0123456789*#ABCD"
EVENT_BYTES = 4
SHORTEST_PRESS = 0.03
"""Seconds between two presses of one leg; no finger is faster, and a flood stays small."""
LOW_HERTZ = (697, 770, 852, 941)
HIGH_HERTZ = (1209, 1336, 1477, 1633)
PAD = "123A456B789C*0#D"
"""Keys by rows of low and columns of high frequencies."""
TONE_PEAK = 5000
EVENT_LEVEL = 10
"""dBm0 below zero, as an event says it."""
_LONGEST_EVENT = 0xFFFF
_NONE = -1

Rows = NDArray[np.intp]
Words = NDArray[np.uint32]
Octets = NDArray[np.uint8]


class Digits:
    """What each leg is pressing, one row a leg."""

    def __init__(self, rows: int) -> None:
        self._time = np.full(rows, _NONE, np.int64)
        self._pressed_at = np.full(rows, -1e9, np.float64)
        self._event = np.full(rows, _NONE, np.int64)
        self._event_begun = np.zeros(rows, np.uint32)

    def forget(self, rows: Rows) -> None:
        """Begin anew: the leg or its stream is another one, whose timestamps mean something else."""
        self._time[rows] = self._event[rows] = _NONE

    def receive(
        self, rows: Rows, words: Words, packets: Octets, sizes: NDArray[np.int64], now: float
    ) -> list[tuple[int, str]]:
        """Return (row, key) of presses that begin in these telephone-event packets (plain headers).

        RFC 4733 §2.5.1: all packets of one event carry the timestamp of its start; one older than the
        newest seen is late.
        """
        pressed = []
        times = words[:, 1].astype(np.int64)
        begins = (self._time[rows] != times) & (sizes >= HEADER_BYTES + EVENT_BYTES)
        begins &= packets[:, HEADER_BYTES] < len(KEYS)
        for index in np.flatnonzero(begins):
            row, time = int(rows[index]), int(times[index])
            newest = int(self._time[row])
            late = newest != _NONE and (time - newest) & 0xFFFFFFFF >= 0x80000000
            if late or time == newest or now - self._pressed_at[row] < SHORTEST_PRESS:
                continue
            self._time[row] = time
            self._pressed_at[row] = now
            pressed.append((row, KEYS[int(packets[index, HEADER_BYTES])]))
        return pressed

    def put_on_clock(self, rows: Rows, words: Words, streams: Streams, now: float) -> None:
        """Rewrite timestamps of events whose clock is not their stream's (against RFC 4733 §2.1).

        All packets of one event get the time the stream had when it was first seen.
        """
        for index, row in enumerate(rows.tolist()):
            time = int(words[index, 1])
            if self._event[row] != time:
                self._event[row] = time
                since = min(max(now - float(streams.heard_at[row]), 0.0), 60.0)
                begun = int(streams.last_time[row]) + int(since * int(streams.rate[row]))
                self._event_begun[row] = begun & 0xFFFFFFFF
            words[index, 1] = self._event_begun[row]


def scale_duration(packet: Octets, clock: int, wanted: int) -> None:
    """Change the duration in an event packet from one clock to another, in place."""
    at = HEADER_BYTES + 2
    duration = (int(packet[at]) << 8 | int(packet[at + 1])) * wanted // clock
    packet[at], packet[at + 1] = divmod(min(duration, _LONGEST_EVENT), 256)


def write_event(key: int, ended: bool, duration: int) -> bytes:
    """Return the payload of one event packet. `duration`: since it began, in ticks of its clock."""
    flags = 0x80 if ended else 0
    return struct.pack(">BBH", key, flags | EVENT_LEVEL, min(duration, _LONGEST_EVENT))


def make_key_tone(key: int, start: int, count: int) -> Samples:
    """Return samples of a key's two tones, from `start` after their beginning on."""
    low, high = divmod(PAD.index(KEYS[key]), 4)
    at = np.arange(start, start + count) / SAMPLE_RATE
    waves = [np.sin(2 * np.pi * hertz * at) for hertz in (LOW_HERTZ[low], HIGH_HERTZ[high])]
    return ((waves[0] + waves[1]) * TONE_PEAK).astype(np.int16)

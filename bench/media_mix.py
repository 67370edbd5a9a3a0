"""CPU of conferences: rooms of three sizes, all talking, and one more room whose sound is listened to."""

from __future__ import annotations

import socket
import struct
import subprocess
import time

import numpy as np
from numpy.typing import NDArray

from bench.media import (
    LEG_PORT,
    LOAD_CORE,
    RTP_PORT,
    MediaPlane,
    bare_call_ms,
    built,
    cpu_seconds,
    pinned,
)
from bench.result import Result, at_least, at_most
from carillon.media.g711 import decode_alaw, encode_alaw
from carillon.schema.mediacontrol import HearLegs, OpenLeg

LEGS = 600
PARTIES = (3, 10, 50)
WARM, SECONDS = 2.0, 5.0
MOST_MS = 1.0
"""Of CPU a leg and second."""
NOTES = (500, 900)
PEAK = 8000
LISTENED_SECONDS = 2.0

Samples = NDArray[np.int16]


def room(legs: range) -> list[HearLegs]:
    """Return what lets each of these hear all the others."""
    return [HearLegs(leg, tuple((each, 1.0) for each in legs if each != leg)) for leg in legs]


class Listeners:
    """A room of three more: two say a note each in time, the third hears them, or does not."""

    def __init__(self, plane: MediaPlane) -> None:
        self._phones = []
        for n in range(3):
            phone = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            phone.bind((f"127.0.5.{n + 1}", 0))
            phone.setblocking(False)
            self._phones.append(phone)
        legs = range(LEGS, LEGS + 3)
        for leg, phone in zip(legs, self._phones, strict=True):
            plane.do(OpenLeg(leg, 0, 8, -1, phone.getsockname()))
        plane.do(*room(legs))

    def listen(self) -> Samples:
        """Talk for a while and return what the third hears."""
        at = np.arange(round(LISTENED_SECONDS * 8000)) / 8000
        said = [encode_alaw((np.sin(2 * np.pi * f * at) * PEAK).astype(np.int16)) for f in NOTES]
        self._drain()
        heard: list[bytes] = []
        began = time.monotonic()
        for frame in range(len(at) // 160):
            time.sleep(max(0.0, began + frame * 0.02 - time.monotonic()))
            head = struct.pack(">BBHII", 0x80, 8, frame, frame * 160, 77)
            for phone, note in zip(self._phones, said, strict=False):
                packet = head + note[frame * 160 : frame * 160 + 160].tobytes()
                phone.sendto(packet, ("127.0.0.1", RTP_PORT))
            heard += self._drain()
        for phone in self._phones:
            phone.close()
        return decode_alaw(np.frombuffer(b"".join(heard), np.uint8))

    def _drain(self) -> list[bytes]:
        heard: list[bytes] = []
        try:
            while True:
                heard.append(self._phones[2].recv(2048)[12:])
        except BlockingIOError:
            return heard


def loudness(samples: Samples, hertz: float) -> float:
    """Return the median peak of a note in stretches of 20 ms."""
    pieces = samples[: len(samples) // 160 * 160].reshape(-1, 160).astype(np.float64)
    wave = np.exp(-2j * np.pi * hertz * np.arange(160) / 8000) * np.hanning(160)
    return float(np.median(4 * abs(pieces @ wave) / 160))


def _measure(parties: int) -> tuple[float, float, float]:
    """Return CPU ms a leg and second, percent of packets that did not come, and how much is heard."""
    with MediaPlane() as plane:
        plane.open_legs(LEGS)
        for first in range(0, LEGS, parties):
            plane.do(*room(range(first, first + parties)))
        numbers = ("127.0.0.1", RTP_PORT, LEGS, WARM, SECONDS, LEG_PORT)
        program = [*pinned(LOAD_CORE), str(built("rtpload")), *map(str, numbers)]
        generator = subprocess.Popen(program, stdout=subprocess.PIPE)
        listeners = Listeners(plane)
        time.sleep(WARM)
        before, began = cpu_seconds(plane.pid), time.monotonic()
        samples = listeners.listen()
        time.sleep(SECONDS - LISTENED_SECONDS - 0.5)
        cpu = (cpu_seconds(plane.pid) - before) / (time.monotonic() - began)
        output, _ = generator.communicate()
    came = int(output.split(b'"any": ')[1].split(b",")[0])
    heard = min(loudness(samples, note) for note in NOTES) / PEAK
    return 1000 * cpu / (LEGS + 3), 100 * (1 - came / (LEGS * SECONDS * 50)), 100 * heard


def run() -> list[Result]:
    """Return cost, loss and sound for each size of room."""
    results = []
    # Each leg sends and is sent as much as one of a pair that is only relayed.
    bare = bare_call_ms(LEGS // 2) / 2
    for parties in PARTIES:
        cost, missing, heard = _measure(parties)
        name = f"{LEGS} legs in rooms of {parties}"
        results += [
            at_most(f"{name}: CPU a leg", cost, "ms/s", MOST_MS, bare),
            at_most(f"{name}: packets missing", missing, "%", 0.5),
            at_least(f"{name}: voices heard", heard, "% of loudness", 80),
        ]
    return results

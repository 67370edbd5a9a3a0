"""The sound of one outside phone: a UDP socket, a 20 ms clock, what it says and what it hears."""

from __future__ import annotations

import asyncio
import random
import struct
from typing import cast

import numpy as np
from numpy.typing import NDArray

from carillon.media.g711 import FRAME_SAMPLES, decode_alaw, decode_mulaw, encode_alaw

PCMA = 8
DIGITS = 101
FRAME_SECONDS = 0.02
SILENCE = bytes([0xD5]) * FRAME_SAMPLES
MOST_HEARD_FRAMES = 50 * 3600
DIGIT_FRAMES = 6
"""A key is pressed for 120 ms, and let go for as long."""
KEYS = "0123456789*#ABCD"

Samples = NDArray[np.int16]


class Sound(asyncio.DatagramProtocol):
    """Sends A-law every 20 ms, silence when there is nothing to say, and keeps what it receives."""

    def __init__(self) -> None:
        self._transport: asyncio.DatagramTransport | None = None
        self._target: tuple[str, int] | None = None
        self._task: asyncio.Task[None] | None = None
        self._speech: list[bytes] = []
        self._keys: list[bytes] = []
        self._sequence = random.getrandbits(15)
        self._timestamp = random.getrandbits(30)
        self._ssrc = random.getrandbits(32)
        self._key_stamp = 0
        self._heard: list[bytes] = []
        self._loop_speech: list[bytes] = []
        self.laws: list[bool] = []

    async def open(self, host: str) -> int:
        """Bind a free even port on `host`; return it."""
        loop = asyncio.get_running_loop()
        for _ in range(50):
            port = random.randrange(40000, 60000, 2)
            try:
                await loop.create_datagram_endpoint(lambda: self, local_addr=(host, port))
            except OSError:
                continue
            return port
        raise OSError("no free port for sound")

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Keep the sound of a packet from whom we talk to."""
        if addr != self._target or len(data) < 13 or data[0] != 0x80:
            return
        payload_type = data[1] & 0x7F
        if payload_type in (0, 8) and len(self._heard) < MOST_HEARD_FRAMES:
            self._heard.append(data[12:])
            self.laws.append(payload_type == PCMA)

    def error_received(self, exc: Exception) -> None:
        """Nobody listens there any more; the call's end will come by SIP."""

    def start(self, target: tuple[str, int]) -> None:
        """Begin to send."""
        self._target = target
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        at = loop.time()
        while True:
            self._send()
            at += FRAME_SECONDS
            await asyncio.sleep(max(0.0, at - loop.time()))

    def _send(self) -> None:
        self._sequence = (self._sequence + 1) & 0xFFFF
        self._timestamp = (self._timestamp + FRAME_SAMPLES) & 0xFFFFFFFF
        if self._keys:
            payload, payload_type, stamp = self._keys.pop(0), DIGITS, self._key_stamp
            if not payload:
                payload, payload_type, stamp = SILENCE, PCMA, self._timestamp
                self._key_stamp = self._timestamp + FRAME_SAMPLES
        else:
            if not self._speech and self._loop_speech:
                self._speech = list(self._loop_speech)
            payload = self._speech.pop(0) if self._speech else SILENCE
            payload_type, stamp = PCMA, self._timestamp
        header = struct.pack(
            "!BBHII", 0x80, payload_type, self._sequence, stamp & 0xFFFFFFFF, self._ssrc
        )
        if self._transport is not None and self._target is not None:
            self._transport.sendto(header + payload, self._target)

    def say(self, samples: Samples, *, loop: bool = False) -> None:
        """Say something after what is being said already; `loop` repeats it for ever."""
        law = encode_alaw(np.ascontiguousarray(samples, np.int16)).tobytes()
        frames = [law[i : i + FRAME_SAMPLES] for i in range(0, len(law), FRAME_SAMPLES)]
        if frames:
            frames[-1] = frames[-1].ljust(FRAME_SAMPLES, b"\xd5")
        self._speech += frames
        if loop:
            self._loop_speech = frames

    @property
    def speaking(self) -> bool:
        """Whether there is still something to say or press."""
        return bool(self._keys) or (bool(self._speech) and not self._loop_speech)

    def press(self, digits: str) -> None:
        """Press keys, RFC 4733, each followed by a pause."""
        self._key_stamp = self._timestamp + FRAME_SAMPLES
        for digit in digits:
            event = KEYS.index(digit.upper())
            for count in range(1, DIGIT_FRAMES + 1):
                self._keys.append(struct.pack("!BBH", event, 10, count * FRAME_SAMPLES))
            end = struct.pack("!BBH", event, 0x80 | 10, DIGIT_FRAMES * FRAME_SAMPLES)
            self._keys += [end, end, end, *([b""] * DIGIT_FRAMES)]

    def heard(self, first_frame: int = 0) -> Samples:
        """Return what was received, in order, from a frame on."""
        parts = []
        pairs = zip(self._heard[first_frame:], self.laws[first_frame:], strict=True)
        for payload, alaw in pairs:
            octets = np.frombuffer(payload, np.uint8)
            parts.append(decode_alaw(octets) if alaw else decode_mulaw(octets))
        return np.concatenate(parts) if parts else np.zeros(0, np.int16)

    @property
    def heard_frames(self) -> int:
        """How many packets of sound came."""
        return len(self._heard)

    def close(self) -> None:
        """Stop sending and close the socket."""
        if self._task is not None:
            self._task.cancel()
        if self._transport is not None:
            self._transport.close()


def tone(hertz: float, seconds: float, amplitude: int = 8000) -> Samples:
    """Return a sine."""
    t = np.arange(int(seconds * 8000)) / 8000
    return (amplitude * np.sin(2 * np.pi * hertz * t)).astype(np.int16)


def tone_share(samples: Samples, hertz: float) -> float:
    """Return how much of the sound's energy is one tone, 0 to 1 (1: nothing else is heard)."""
    if len(samples) == 0:
        return 0.0
    x = samples.astype(np.float64)
    energy = float(x @ x)
    if energy < len(x) * 100.0:
        return 0.0
    angle = 2 * np.pi * hertz / 8000 * np.arange(len(x))
    power = (float(x @ np.cos(angle)) ** 2 + float(x @ np.sin(angle)) ** 2) * 2 / len(x)
    return min(1.0, power / energy)


def level(samples: Samples) -> float:
    """Return the root mean square."""
    return float(np.sqrt(np.mean(samples.astype(np.float64) ** 2))) if len(samples) else 0.0

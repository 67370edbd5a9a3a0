"""A real media process, the switch's side of its control socket, and phones that speak RTP to it."""

from __future__ import annotations

import itertools
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from carillon.media.g711 import decode_alaw, decode_mulaw, encode_alaw, encode_mulaw
from carillon.schema.mediacontrol import Hello, MediaCommand, MediaEvent, OpenLeg
from tests.ports import claim

PATIENCE = 10.0
FRAME = 160
E = TypeVar("E")
Samples = NDArray[np.int16]


class Switch:
    """One connection to the media process."""

    def __init__(self, path: Path) -> None:
        deadline = time.monotonic() + PATIENCE
        while True:
            self._peer = socket.socket(socket.AF_UNIX)
            try:
                self._peer.connect(str(path))
                break
            except OSError:
                self._peer.close()
                assert time.monotonic() < deadline, "the media process does not listen"
                select.select([], [], [], 0.01)
        self._decoder = msgspec.msgpack.Decoder(MediaEvent)
        self._received = b""
        self._events: list[MediaEvent] = []
        self.hello = self.wait_for(Hello)

    def do(self, *commands: MediaCommand) -> None:
        for command in commands:
            message = msgspec.msgpack.encode(command)
            self._peer.sendall(len(message).to_bytes(4, "big") + message)

    def send_bytes(self, octets: bytes) -> None:
        self._peer.sendall(octets)

    def wait_for(self, kind: type[E], meanwhile: Callable[[], None] | None = None) -> E:
        """Return the next event of this kind; others are kept for later."""
        deadline = time.monotonic() + PATIENCE
        while True:
            for index, event in enumerate(self._events):
                if isinstance(event, kind):
                    return self._events.pop(index)
            assert self._read(0.005 if meanwhile else deadline - time.monotonic()), "hung up"
            if meanwhile:
                meanwhile()
            assert time.monotonic() < deadline, f"no {kind.__name__}"

    def events(self, kind: type[E]) -> list[E]:
        """Return the events of this kind that have come already."""
        while select.select([self._peer], [], [], 0)[0] and self._read(0):
            pass
        return [event for event in self._events if isinstance(event, kind)]

    def says_anything(self, within: float) -> bool:
        """Tell whether the other side says anything in so many seconds."""
        return bool(select.select([self._peer], [], [], within)[0])

    def hung_up(self) -> bool:
        """Wait until the other side closes."""
        deadline = time.monotonic() + PATIENCE
        while self._read(deadline - time.monotonic()):
            assert time.monotonic() < deadline
        return True

    def _read(self, seconds: float) -> bool:
        self._peer.settimeout(max(seconds, 0.001))
        try:
            octets = self._peer.recv(65536)
        except TimeoutError:
            return True
        except ConnectionResetError:
            return False
        self._received += octets
        while len(self._received) >= 4:
            size = int.from_bytes(self._received[:4], "big")
            if len(self._received) < 4 + size:
                break
            self._events.append(self._decoder.decode(self._received[4 : 4 + size]))
            self._received = self._received[4 + size :]
        return bool(octets)

    def close(self) -> None:
        self._peer.close()


class MediaProcess:
    """`python -m carillon.mediaplane` with a folder and ports of its own."""

    def __init__(
        self, data: Path, own_ports: int = 16, log_to: int | None = None, orphaned: bool = False
    ) -> None:
        self.data = data
        self.rtp_port = claim(range(own_ports + 2))
        self.socket = data / "run" / "media.sock"
        self.log = data / "media.log"
        data.mkdir(parents=True, exist_ok=True)
        environ = {
            **os.environ,
            "CARILLON_DATA": str(data),
            "CARILLON_HOST": "127.0.0.1",
            "CARILLON_RTP_PORT": str(self.rtp_port),
        }
        command = [sys.executable, "-m", "carillon.mediaplane"]
        if orphaned:
            # The shell in between ends once the process has begun.
            begun = '"$@" & while [ ! -S "$0" ]; do :; done'
            command = ["sh", "-c", begun, str(self.socket), *command]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(command, env=environ, stderr=log_to or log)
        self._phones: list[Phone] = []
        self.switch = Switch(self.socket)

    def __enter__(self) -> MediaProcess:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.switch.close()
        for phone in self._phones:
            phone.close()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(PATIENCE)
        if error is not None:
            print(self.logged())

    def own_port(self, index: int) -> int:
        return self.rtp_port + 2 + 2 * index

    def phone(self, host: str = "127.0.0.1", to: int = 0, law: int = 8, port: int = 0) -> Phone:
        """Return a phone at any port, or at `port`, that sends to the shared port, or to a leg's own."""
        phone = Phone((host, port), ("127.0.0.1", to or self.rtp_port), law)
        self._phones.append(phone)
        return phone

    def keep(self, phone: Phone) -> None:
        """Close a phone with this process."""
        self._phones.append(phone)

    def beats(self, leg: int = 999) -> Phone:
        """Return a phone that hears silence, so one packet every 20 ms: the tests' clock."""
        phone = self.phone("127.0.0.9")
        self.switch.do(OpenLeg(leg, 0, 8, remote=phone.address))
        return phone

    def logged(self) -> str:
        return self.log.read_text()


class Heard(msgspec.Struct):
    """One RTP packet."""

    marker: bool
    payload_type: int
    sequence: int
    time: int
    ssrc: int
    payload: bytes
    source: tuple[str, int]


class Phone:
    """One far end."""

    def __init__(self, at: tuple[str, int], to: tuple[str, int], law: int) -> None:
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self._udp.bind(at)
        self._to = to
        self.law = law
        self.ssrc = 0x1000 + self._udp.getsockname()[1]
        self.sequence = 65500
        self.time = 0xFFFFF000
        self.heard: list[Heard] = []

    @property
    def address(self) -> tuple[str, int]:
        host, port = self._udp.getsockname()
        return host, port

    def send_bytes(self, octets: bytes) -> None:
        self._udp.sendto(octets, self._to)

    def report(self, octets: bytes) -> None:
        """Send these to where RTCP is received."""
        host, port = self._to
        self._udp.sendto(octets, (host, port + 1))

    def send_payload(
        self, payload: bytes, payload_type: int | None = None, marker: bool = False
    ) -> None:
        """Send one packet; the sequence number goes on, the timestamp only with sound."""
        kind = self.law if payload_type is None else payload_type
        head = struct.pack(
            ">BBHII", 0x80, marker << 7 | kind, self.sequence & 0xFFFF, self.time, self.ssrc
        )
        self.send_bytes(head + payload)
        self.sequence += 1
        if kind in (0, 8):
            self.time = (self.time + len(payload)) & 0xFFFFFFFF

    def say(self, samples: Samples) -> None:
        """Send these samples now, without waiting between packets."""
        payload = (encode_alaw if self.law == 8 else encode_mulaw)(samples).tobytes()
        for start in range(0, len(payload), FRAME):
            self.send_payload(payload[start : start + FRAME])

    def press(self, event: int, payload_type: int = 101) -> None:
        """Send one RFC 4733 press: three updates, the end three times."""
        for step in range(6):
            end, duration = min(step, 3) == 3, 160 * min(step + 1, 4)
            self.send_payload(struct.pack(">BBH", event, end << 7 | 10, duration), payload_type)
        self.time = (self.time + 800) & 0xFFFFFFFF

    def listen(self, packets: int) -> list[Heard]:
        """Wait for so many more packets and return them."""
        deadline = time.monotonic() + PATIENCE
        heard: list[Heard] = []
        while len(heard) < packets:
            self._udp.settimeout(max(deadline - time.monotonic(), 0.001))
            octets, source = self._udp.recvfrom(2048)
            heard.append(read_packet(octets, source))
        self.heard += heard
        return heard

    def listen_until(self, enough: Callable[[Heard], bool]) -> list[Heard]:
        """Wait for a packet of this kind; return all that came up to it."""
        heard = self.listen(1)
        while not enough(heard[-1]):
            assert len(heard) < 1000, "it does not come"
            heard += self.listen(1)
        return heard

    def hears(self, frequency: float, packets: int = 10) -> float:
        """Wait for this frequency, listen on, and return how loud it is over so many packets."""
        first = self.listen_until(lambda p: loudness(sound([p]), frequency) > 6000)[-1]
        return loudness(sound([first, *self.listen(packets - 1)]), frequency)

    def read(self, octets: bytes, source: tuple[str, int]) -> Heard:
        """Return what a packet says."""
        return read_packet(octets, source)

    def drain(self) -> list[Heard]:
        """Return what has come already, without waiting."""
        heard: list[Heard] = []
        self._udp.setblocking(False)
        try:
            while True:
                heard.append(self.read(*self._udp.recvfrom(2048)))
        except BlockingIOError:
            self.heard += heard
            return heard

    def close(self) -> None:
        self._udp.close()


def read_packet(octets: bytes, source: tuple[str, int]) -> Heard:
    first, second, sequence, at, ssrc = struct.unpack_from(">BBHII", octets)
    assert first == 0x80
    return Heard(second >> 7 == 1, second & 127, sequence, at, ssrc, octets[12:], source)


def sound(packets: list[Heard]) -> Samples:
    """Return the samples of packets, each by its own law."""
    decode = {0: decode_mulaw, 8: decode_alaw}
    parts = [
        decode[packet.payload_type](np.frombuffer(packet.payload, np.uint8))
        for packet in packets
        if packet.payload_type in decode
    ]
    return np.concatenate(parts) if parts else np.zeros(0, np.int16)


def tone(frequency: float, seconds: float, peak: float = 8000) -> Samples:
    at = np.arange(round(seconds * 8000)) / 8000
    return (np.sin(2 * np.pi * frequency * at) * peak).astype(np.int16)


def loudness(samples: Samples, frequency: float) -> float:
    """Return the peak of this frequency in samples (Goertzel's answer by one correlation)."""
    at = np.arange(len(samples)) / 8000
    wave = np.exp(-2j * np.pi * frequency * at)
    return float(2 * abs(np.dot(samples.astype(np.float64), wave)) / max(len(samples), 1))


def level(samples: Samples, frequency: float) -> float:
    """Return the median peak of this frequency in stretches of 20 ms, each seen through a Hann window.

    It does not mind a phase that slips, or a pitch that is off by a percent, as where sound is stretched.
    """
    count = len(samples) // FRAME
    if not count:
        return 0.0
    wave = np.exp(-2j * np.pi * frequency * np.arange(FRAME) / 8000)
    pieces = samples[: count * FRAME].reshape(count, FRAME).astype(np.float64)
    return float(np.median(4 * abs(pieces @ (wave * np.hanning(FRAME))) / FRAME))


def is_one_stream(packets: list[Heard]) -> bool:
    """Tell whether these packets are one stream without a jump in sequence or a step back in time."""
    for before, after in itertools.pairwise(packets):
        ahead = (after.time - before.time) & 0xFFFFFFFF
        follows = after.sequence == (before.sequence + 1) & 0xFFFF and after.ssrc == before.ssrc
        if not follows or ahead >= 0x80000000:
            return False
    return True

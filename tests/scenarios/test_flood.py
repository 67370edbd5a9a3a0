"""A stranger floods the switch during a call: the call loses nothing, and hold and hang-up work at once."""

from __future__ import annotations

import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from msgspec import structs

from carillon.schema.events import LegEnded
from carillon.schema.plan import Trunk
from carillon.switch.abuse import MOST_A_SECOND
from carillon.switch.devices import MOST_UNPROVED
from tests.softphone import Softphone, room
from tests.system import MAIN, System, acme, running, tone, wait_for

pytestmark = pytest.mark.system

STRANGERS = {"INVITE": "127.0.0.2", "REGISTER": "127.0.0.3", "OPTIONS": "127.0.0.4"}
A_SECOND, AT_ONCE = 3000, 60
MUSIC_HERTZ = 1570.0


class Flood:
    """One method from each stranger's address, thousands a second, each a new request."""

    def __init__(self, system: System) -> None:
        self._to = ("127.0.0.1", system.config.sip_port)
        self._sockets = {method: self._socket(host) for method, host in STRANGERS.items()}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.sent = 0
        self.answered = Counter[str]()

    @staticmethod
    def _socket(host: str) -> socket.socket:
        opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        opened.bind((host, 0))
        opened.setblocking(False)
        return opened

    def _run(self) -> None:
        while not self._over.wait(AT_ONCE / A_SECOND):
            for method, opened in self._sockets.items():
                for _ in range(AT_ONCE // 3):
                    self._send(opened, method)
                self._listen(opened, method)

    def _send(self, opened: socket.socket, method: str) -> None:
        host, port = opened.getsockname()
        number = self.sent
        text = (
            f"{method} sip:{100 + number % 900}@127.0.0.1 SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP {host}:{port};branch=z9hG4bKf{number};rport\r\n"
            f"From: <sip:eve@{host}>;tag=f{number}\r\nTo: <sip:{100 + number % 900}@127.0.0.1>\r\n"
            f"Call-ID: f{number}\r\nCSeq: 1 {method}\r\nContact: <sip:eve@{host}:{port}>\r\n"
            "Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
        )
        with suppress(BlockingIOError):
            opened.sendto(text.encode(), self._to)
            self.sent += 1

    def _listen(self, opened: socket.socket, method: str) -> None:
        with suppress(BlockingIOError):
            while opened.recv(65536):
                self.answered[method] += 1

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        self._thread.join()
        for opened in self._sockets.values():
            opened.close()


@contextmanager
def flood(system: System) -> Iterator[Flood]:
    """Flood for a while."""
    flooding = Flood(system)
    flooding.start()
    try:
        yield flooding
    finally:
        flooding.stop()


def test_a_flood_of_a_strangers_requests_costs_a_call_nothing(tmp_path: Path) -> None:
    port = Softphone.free_port()
    with running(tmp_path) as system:
        tune = system.prompt("tune", tone(MUSIC_HERTZ, 3.0))
        system.seed(structs.replace(acme(), music=(tune,)), Trunk("out", "Out", "127.0.0.1", port))
        system.start("media", "switch")
        caller = Softphone(system, "caller", 440.0, outside=True, port=port)
        ann = Softphone(system, "ann", 620.0)
        with room(caller=caller, ann=ann) as here, flood(system) as flooding:
            here.music = MUSIC_HERTZ
            began = time.monotonic()
            caller.dial(MAIN)
            ann.talks()
            here.hear(caller={"ann"}, ann={"caller"})
            ann.hold()
            here.hear(caller={"music"})
            ann.resume()
            here.hear(caller={"ann"}, ann={"caller"})
            wait_for(lambda: flooding.sent > A_SECOND, 20, "some thousands of requests")
            ann.hang_up()
            caller.is_over()
            seconds = time.monotonic() - began
        system.record()
        ended = [each for each in system.events() if isinstance(each, LegEnded)]
        assert [(leg.packets_received > 50, leg.packets_lost) for leg in ended] == [(True, 0)] * 2
        # Read were as many as a stranger may send; an INVITE is answered 100 and 401 (repeated without ACK).
        for method in ("REGISTER", "OPTIONS"):
            rate, burst = MOST_A_SECOND["request"]
            assert burst <= flooding.answered[method] <= burst + rate * (seconds + 1)
        assert MOST_UNPROVED <= flooding.answered["INVITE"] < 20 * MOST_UNPROVED
        assert system.switch.status().turned_away == 0
        assert "a fault of ours" not in system.log("switch")

"""Which password digest real phones choose when they are offered two."""

from __future__ import annotations

import copy
import dataclasses
import select
import socket
import threading
from pathlib import Path

import pytest

from tests.softphone import Softphone
from tests.system import acme, running, wait_for

pytestmark = pytest.mark.system


class Tap:
    """Stands between a phone and the switch, and keeps what is said; to the switch it looks like NAT."""

    def __init__(self, port: int) -> None:
        self._front, self._back = (
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)
        )
        self._front.bind(("127.0.0.1", 0))
        self._back.connect(("127.0.0.1", port))
        self.port: int = self._front.getsockname()[1]
        self.heard: list[str] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._carry, daemon=True)
        self._thread.start()

    def _carry(self) -> None:
        phone = ("127.0.0.1", 9)
        while not self._over.is_set():
            ready, _, _ = select.select([self._front, self._back], [], [], 0.1)
            for side in ready:
                if side is self._front:
                    data, phone = self._front.recvfrom(65536)
                    self._back.send(data)
                else:
                    data = self._back.recv(65536)
                    self._front.sendto(data, phone)
                self.heard.append(data.decode(errors="replace"))

    def lines(self, begin: str) -> list[str]:
        """Return the header lines heard that begin so."""
        every = (line for text in self.heard for line in text.splitlines())
        return [line for line in every if line.startswith(begin)]

    def close(self) -> None:
        """Stop."""
        self._over.set()
        self._thread.join()
        self._front.close()
        self._back.close()


def test_a_phone_known_to_understand_sha256_takes_it(tmp_path: Path) -> None:
    with running(tmp_path / "data", "media", "switch", plan=acme()) as system:
        tap = Tap(system.config.sip_port)
        seen = copy.copy(system)
        seen.config = dataclasses.replace(system.config, sip_port=tap.port)
        phone = Softphone(seen, "ann", 440.0)
        try:
            wait_for(lambda: system.switch.status().registrations, 10, "the registration")
            assert len(tap.lines("WWW-Authenticate: ")) == 2
            (answer, *_) = tap.lines("Authorization: ")
            assert "algorithm=SHA-256" in answer.replace('"', "")
        finally:
            phone.stop()
            tap.close()

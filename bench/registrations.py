"""Phones that register: REGISTER, 401, REGISTER with the digest, 200, the binding on disk.

One switch process on one core; the phones are one socket on the other. Then a registrar that looks at no
password and keeps nothing (`bench.bare_sip`) takes the same messages.
"""

from __future__ import annotations

import hashlib
import select
import socket
import time

from bench.media import RELAY_CORE, cpu_seconds
from bench.result import Result, at_least, beside
from bench.switch import PASSWORD, BareSip, BenchSwitch, bare_sip

PHONES = 500
SECONDS = 6.0
IN_FLIGHT = 20
TARGET = 1000.0


def _hash(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()


class _Phones:
    """One socket that is many phones: each registers again as soon as it is answered."""

    def __init__(self, port: int) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.connect(("127.0.0.1", port))
        self._own = self._socket.getsockname()[1]
        self._cseq = [0] * PHONES
        self.done = 0
        self.failed = 0

    def register(self, phone: int, authorization: str = "") -> None:
        self._cseq[phone] += 1
        name, number = f"phone-{phone}", self._cseq[phone]
        self._socket.send(
            (
                "REGISTER sip:bench SIP/2.0\r\n"
                f"Via: SIP/2.0/UDP 127.0.0.1:{self._own};branch=z9hG4bK{phone}.{number}\r\n"
                f"From: <sip:{name}@bench>;tag=t{phone}\r\nTo: <sip:{name}@bench>\r\n"
                f"Call-ID: reg-{phone}\r\nCSeq: {number} REGISTER\r\nMax-Forwards: 70\r\n"
                f"Contact: <sip:{name}@127.0.0.1:{self._own}>\r\nExpires: 600\r\n"
                f"{authorization}Content-Length: 0\r\n\r\n"
            ).encode()
        )

    def follow(self, until: float) -> None:
        """Answer challenges and register anew until a time."""
        while time.monotonic() < until:
            ready, _, _ = select.select([self._socket], [], [], 0.5)
            if not ready:
                return
            self._take(self._socket.recv(4096).decode())

    def _take(self, response: str) -> None:
        phone = int(response.partition("reg-")[2].partition("\r\n")[0])
        status = response[8:11]
        if status == "401":
            nonce = response.partition('nonce="')[2].partition('"')[0]
            self.register(phone, self._authorization(phone, nonce))
        else:
            self.done += status == "200"
            self.failed += status != "200"
            self.register((phone + IN_FLIGHT) % PHONES)

    def _authorization(self, phone: int, nonce: str) -> str:
        ha1 = _hash(f"phone-{phone}:carillon:{PASSWORD}")
        ha2 = _hash("REGISTER:sip:bench")
        answer = _hash(f"{ha1}:{nonce}:00000001:abc:auth:{ha2}")
        return (
            f'Authorization: Digest username="phone-{phone}", realm="carillon", nonce="{nonce}", '
            f'uri="sip:bench", response="{answer}", algorithm=MD5, qop=auth, nc=00000001, '
            'cnonce="abc"\r\n'
        )


def _measure(registrar: BenchSwitch | BareSip) -> tuple[float, float]:
    """Return registrations a second, and milliseconds of CPU for one."""
    phones = _Phones(registrar.sip_port)
    before, began = cpu_seconds(registrar.pid), time.monotonic()
    for phone in range(IN_FLIGHT):
        phones.register(phone)
    phones.follow(began + SECONDS)
    seconds, spent = time.monotonic() - began, cpu_seconds(registrar.pid) - before
    if phones.failed or not phones.done:
        raise RuntimeError(f"{phones.failed} registrations failed, {phones.done} did not")
    return phones.done / seconds, 1000 * spent / phones.done


def run() -> list[Result]:
    """Return how many registrations a second, and what one costs."""
    with BenchSwitch(RELAY_CORE, phones=PHONES) as switch:
        rate, cost = _measure(switch)
    with bare_sip(RELAY_CORE) as bare:
        most, least = _measure(bare)
    return [
        at_least("registrations on one core", rate, "a second", TARGET, most),
        beside("registration: CPU", cost, "ms", least),
    ]

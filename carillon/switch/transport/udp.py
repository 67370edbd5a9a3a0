"""SIP over UDP: one socket, read until it is empty, which also tells when we fall behind."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable

from carillon.media import stun
from carillon.sip.endpoint import Flow

BUFFER_BYTES = 4 << 20
MOST_AT_ONCE = 64
"""Datagrams taken in one turn of the loop: timers and connections must not wait for more."""
BEHIND_SECONDS = 0.1
"""Who has not seen the end of the queue for so long is offered more than it can take."""
FAR_BEHIND_SECONDS = 2.0
"""And after so long not even refusing keeps up with it."""
MOST_BYTES = 65535
BUSY, WINDOW_SECONDS = 20, 0.01
"""So many datagrams in so long are too many to be woken for each."""
REST_SECONDS = 0.001
"""Then they are looked for so often: what came together is one write of the journal, one message to the
media process. Each costs a tenth of what a call does, as being woken does."""

Receive = Callable[[bytes, Flow], None]

log = logging.getLogger(__name__)


class Udp:
    """A bound UDP socket; errors of single datagrams are the transactions' business (they time out)."""

    def __init__(self, sock: socket.socket, receive: Receive) -> None:
        self._loop = asyncio.get_running_loop()
        self._socket = sock
        self._receive = receive
        self._empty_at = self._loop.time()
        self._fresh = True
        """Whether the queue was empty after the last turn: what came since has waited for nothing."""
        self._came, self._window_at = 0, self._empty_at
        self._resting: asyncio.Handle | None = None
        """The next look, while we look by the clock."""
        self._loop.add_reader(sock, self._readable)

    @property
    def is_behind(self) -> bool:
        """Whether datagrams have been waiting for longer than they should; where none come, none wait."""
        return not self._fresh and self._loop.time() - self._empty_at > BEHIND_SECONDS

    @property
    def is_far_behind(self) -> bool:
        """Whether there is no time left for saying no."""
        return not self._fresh and self._loop.time() - self._empty_at > FAR_BEHIND_SECONDS

    def _readable(self) -> None:
        self._take_all()
        if self._is_open and self._is_busy():
            self._loop.remove_reader(self._socket)
            self._look_again()

    def _look(self) -> None:
        self._take_all()
        if not self._is_open:
            return
        if self._fresh and not self._is_busy():
            self._resting = None
            self._loop.add_reader(self._socket, self._readable)
        else:
            self._look_again()

    def _look_again(self) -> None:
        if self._fresh:
            self._resting = self._loop.call_later(REST_SECONDS, self._look)
        else:
            self._resting = self._loop.call_soon(self._look)

    @property
    def _is_open(self) -> bool:
        """What was received may have closed us."""
        return self._socket.fileno() >= 0

    def _is_busy(self) -> bool:
        """Tell, at the end of each window, whether much came in it; between, whether it does already."""
        now = self._loop.time()
        if now - self._window_at < WINDOW_SECONDS:
            return self._resting is not None or self._came > BUSY
        busy = self._came * WINDOW_SECONDS > BUSY * (now - self._window_at)
        self._came, self._window_at = 0, now
        return busy

    def _take_all(self) -> None:
        receive, take = self._receive, self._socket.recvfrom
        if self._fresh:
            self._empty_at = self._loop.time()
        self._fresh = False
        for _ in range(MOST_AT_ONCE):
            try:
                data, address = take(MOST_BYTES)
            except BlockingIOError:
                self._fresh = True
                return
            except OSError:
                # An ICMP error says nothing a retransmission timer does not.
                continue
            self._came += 1
            if data and stun.is_stun(data[0]):
                self._answer_stun(data, address)
            else:
                receive(data, Flow("udp", address[0], address[1]))

    def _answer_stun(self, data: bytes, address: tuple[str, int]) -> None:
        # RFC 5626 §4.4.2: how a phone keeps its NAT open, and notices when its address has changed.
        asked = stun.parse(data)
        if asked is not None and asked.kind == stun.REQUEST:
            with contextlib.suppress(OSError):
                self._socket.sendto(stun.write_success(asked, address, ""), address)

    def send(self, data: bytes, flow: Flow) -> None:
        """Send one datagram; OSError or ValueError for an address nobody can send to."""
        try:
            self._socket.sendto(data, (flow.host, flow.port))
        except BlockingIOError:
            return  # a full buffer loses it, as the net might

    def close(self) -> None:
        """Close the socket."""
        if self._resting is not None:
            self._resting.cancel()
        self._loop.remove_reader(self._socket)
        self._socket.close()


def open_udp(host: str, port: int, receive: Receive) -> Udp:
    """Bind; OSError when the port is taken."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            sock.setsockopt(socket.SOL_SOCKET, option, BUFFER_BYTES)
        sock.setblocking(False)
        sock.bind((host, port))
    except OSError:
        sock.close()
        raise
    return Udp(sock, receive)

"""SIP over UDP: one socket."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import cast

from carillon.media import stun
from carillon.sip.endpoint import Flow

BUFFER_BYTES = 4 << 20

Receive = Callable[[bytes, Flow], None]


class Udp(asyncio.DatagramProtocol):
    """A bound UDP socket; errors of single datagrams are the transactions' business (they time out)."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if data and stun.is_stun(data[0]):
            self._answer_stun(data, addr)
            return
        self._receive(data, Flow("udp", addr[0], addr[1]))

    def _answer_stun(self, data: bytes, addr: tuple[str, int]) -> None:
        # RFC 5626 §4.4.2: how a phone keeps its NAT open, and notices when its address has changed.
        asked = stun.parse(data)
        if asked is not None and asked.kind == stun.REQUEST and self._transport is not None:
            self._transport.sendto(stun.write_success(asked, addr, ""), addr)

    def error_received(self, exc: Exception) -> None:
        """An ICMP error says nothing a retransmission timer does not."""

    def send(self, data: bytes, flow: Flow) -> None:
        """Send one datagram."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(data, (flow.host, flow.port))

    def close(self) -> None:
        """Close the socket."""
        if self._transport is not None:
            self._transport.close()


async def open_udp(host: str, port: int, receive: Receive) -> Udp:
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
    loop = asyncio.get_running_loop()
    _, protocol = await loop.create_datagram_endpoint(lambda: Udp(receive), sock=sock)
    return protocol

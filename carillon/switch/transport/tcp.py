"""SIP over TCP: connections both ways, framed by Content-Length (RFC 3261 §18.3)."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections import Counter
from collections.abc import Callable
from typing import cast

from carillon.sip.endpoint import Flow
from carillon.sip.errors import RemoteError
from carillon.sip.stream import Framer

log = logging.getLogger(__name__)

MOST_CONNECTIONS = 4000
MOST_FROM_ONE_HOST = 1000
SILENT_SECONDS = 30.0
"""Whoever connects and says nothing whole for so long only takes a place."""
MOST_WAITING_BYTES = 1 << 20
CONNECT_SECONDS = 5.0

Receive = Callable[[bytes, Flow], None]
Failed = Callable[[Flow], None]


class _Connection(asyncio.Protocol):
    def __init__(self, tcp: Tcp, connection: int) -> None:
        self._tcp = tcp
        self._id = connection
        self._framer = Framer()
        self._transport: asyncio.Transport | None = None
        self._patience: asyncio.TimerHandle | None = None
        self.flow: Flow | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        host, port = self._transport.get_extra_info("peername")[:2]
        self.flow = Flow("tcp", host, port, self._id)
        if not self._tcp.opened(self._id, self):
            self._transport.abort()
            return
        loop = asyncio.get_running_loop()
        self._patience = loop.call_later(SILENT_SECONDS, self._transport.abort)

    def data_received(self, data: bytes) -> None:
        assert self.flow is not None and self._transport is not None
        try:
            for message in self._framer.receive(data):
                self._stop_waiting()
                if message.strip(b"\r\n"):
                    self._tcp.receive(message, self.flow)
                else:
                    self.send(b"\r\n")  # RFC 5626 §3.5.1: a ping is answered by a pong
        except RemoteError as error:
            log.info("tcp: %s:%s sent no SIP (%s)", self.flow.host, self.flow.port, error)
            self._transport.abort()

    def send(self, data: bytes) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        if self._transport.get_write_buffer_size() > MOST_WAITING_BYTES:
            self._transport.abort()  # a peer that does not read must not eat our memory
            return
        self._transport.write(data)

    def _stop_waiting(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        if self.flow is not None:
            self._tcp.lost(self._id, self.flow)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


class Tcp:
    """A listening socket and every connection."""

    def __init__(self, receive: Receive, failed: Failed) -> None:
        self.receive = receive
        self._failed = failed
        self._server: asyncio.Server | None = None
        self._connections: dict[int, _Connection] = {}
        self._by_address: dict[tuple[str, int], int] = {}
        self._hosts: Counter[str] = Counter()
        self._opening: dict[tuple[str, int], list[bytes]] = {}
        self._ids = itertools.count(1)
        self._tasks: set[asyncio.Task[None]] = set()

    async def listen(self, host: str, port: int) -> None:
        """Bind; OSError when the port is taken."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: _Connection(self, next(self._ids)), host, port
        )

    def send(self, data: bytes, flow: Flow) -> None:
        """Send on the flow's connection, on another one to the same address, or on a new one."""
        address = (flow.host, flow.port)
        connection = self._connections.get(flow.connection) or self._connections.get(
            self._by_address.get(address, 0)
        )
        if connection is not None:
            connection.send(data)
        elif address in self._opening:
            self._opening[address].append(data)
        else:
            self._opening[address] = [data]
            task = asyncio.get_running_loop().create_task(self._open(address))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _open(self, address: tuple[str, int]) -> None:
        loop = asyncio.get_running_loop()
        try:
            _, connection = await asyncio.wait_for(
                loop.create_connection(lambda: _Connection(self, next(self._ids)), *address),
                CONNECT_SECONDS,
            )
        except (OSError, TimeoutError, ValueError):
            self._opening.pop(address, None)
            self._failed(Flow("tcp", *address))
            return
        for data in self._opening.pop(address, ()):
            connection.send(data)

    @property
    def connections(self) -> int:
        """How many there are."""
        return len(self._connections)

    def opened(self, connection_id: int, connection: _Connection) -> bool:
        """Take a new connection; False when there are too many."""
        if len(self._connections) >= MOST_CONNECTIONS or connection.flow is None:
            return False
        host = connection.flow.host
        if self._hosts[host] >= MOST_FROM_ONE_HOST:
            return False
        self._hosts[host] += 1
        self._connections[connection_id] = connection
        self._by_address[connection.flow.host, connection.flow.port] = connection_id
        return True

    def lost(self, connection_id: int, flow: Flow) -> None:
        """A connection closed."""
        if self._connections.pop(connection_id, None) is None:
            return
        self._hosts[flow.host] -= 1
        if not self._hosts[flow.host]:
            del self._hosts[flow.host]
        if self._by_address.get((flow.host, flow.port)) == connection_id:
            del self._by_address[flow.host, flow.port]
        self._failed(flow)

    def close(self) -> None:
        """Close every connection and stop listening."""
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        for connection in list(self._connections.values()):
            connection.close()

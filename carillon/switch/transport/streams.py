"""SIP over connections: TCP, TLS, WebSocket; both ways where one can call back (RFC 3261 §18)."""

from __future__ import annotations

import asyncio
import itertools
import logging
import socket
import ssl
from collections import Counter
from collections.abc import Callable
from typing import cast

from carillon.sip.endpoint import Flow
from carillon.sip.errors import RemoteError
from carillon.switch.transport.framing import Framing

log = logging.getLogger(__name__)

MOST_CONNECTIONS = 4000
MOST_FROM_ONE_HOST = 1000
SILENT_SECONDS = 30.0
"""Whoever connects and says nothing whole for so long only takes a place."""
MOST_WAITING_BYTES = 1 << 20
CONNECT_SECONDS = 5.0
HANDSHAKE_SECONDS = 10.0
PING_SECONDS = 25.0
MOST_QUIET = 2
"""Pings without any answer after which a connection is given up."""

Receive = Callable[[bytes, Flow], None]
Failed = Callable[[Flow], None]


class _Connection(asyncio.Protocol):
    def __init__(self, streams: Streams, connection: int, framing: Framing) -> None:
        self._streams = streams
        self._id = connection
        self._framing = framing
        self._transport: asyncio.Transport | None = None
        self._patience: asyncio.TimerHandle | None = None
        self._quiet = 0
        self.flow: Flow | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        host, port = self._transport.get_extra_info("peername")[:2]
        self.flow = Flow(self._streams.transport, host, port, self._id)
        if not self._streams.opened(self._id, self):
            self._transport.abort()
            return
        raw = self._transport.get_extra_info("socket")
        if raw is not None:
            # Half-open connections are found out by the kernel, which costs us nothing and keeps NATs open;
            # RFC 5626 §3.5.1 leaves empty lines to the phone, and some are confused by ours.
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, int(PING_SECONDS))
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, int(PING_SECONDS))
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, MOST_QUIET)
        loop = asyncio.get_running_loop()
        self._patience = loop.call_later(SILENT_SECONDS, self._transport.abort)

    def data_received(self, data: bytes) -> None:
        assert self.flow is not None and self._transport is not None
        self._quiet = 0
        try:
            messages = self._framing.receive(data)
        except RemoteError as error:
            log.info("%s: %s:%s sent no SIP (%s)", *self._name(), error)
            self._transport.abort()
            return
        self._write(self._framing.reply())
        for message in messages:
            self._stop_waiting()
            self._streams.receive(message, self.flow)
        if self._framing.over:
            self._transport.close()

    def _name(self) -> tuple[str, str, int]:
        assert self.flow is not None
        return self.flow.transport, self.flow.host, self.flow.port

    def send(self, message: bytes) -> None:
        """Send one message."""
        self._write(self._framing.frame(message))

    def ping(self) -> None:
        """Keep the way open where the transport has words for it, and notice when nobody answers."""
        ping = self._framing.ping()
        if not ping or self._transport is None:
            return
        self._quiet += 1
        if self._quiet > MOST_QUIET:
            self._transport.abort()
        else:
            self._write(ping)

    def _write(self, data: bytes) -> None:
        if not data or self._transport is None or self._transport.is_closing():
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
            self._streams.lost(self._id, self.flow)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


class Streams:
    """Every connection of one transport, and its listening socket.

    `serving` and `calling` are the TLS of connections to us and of ours. Nobody can call a browser back:
    `can_call` is False for WebSocket.
    """

    def __init__(
        self,
        transport: str,
        receive: Receive,
        failed: Failed,
        framing: Callable[[], Framing],
        *,
        serving: ssl.SSLContext | None = None,
        calling: ssl.SSLContext | None = None,
        name_of: Callable[[str], str] = str,
        can_call: bool = True,
    ) -> None:
        self.transport = transport
        self.receive = receive
        self._failed = failed
        self._framing = framing
        self._serving = serving
        self._calling = calling
        self._name_of = name_of
        self._can_call = can_call
        self._server: asyncio.Server | None = None
        self._connections: dict[int, _Connection] = {}
        self._by_address: dict[tuple[str, int], int] = {}
        self._hosts: Counter[str] = Counter()
        self._opening: dict[tuple[str, int], list[bytes]] = {}
        self._ids = itertools.count(1)
        self._tasks: set[asyncio.Task[None]] = set()
        self._pinging: asyncio.TimerHandle | None = None
        self._tick = 0

    async def listen(self, host: str, port: int) -> None:
        """Bind; OSError when the port is taken."""
        loop = asyncio.get_running_loop()
        patience = HANDSHAKE_SECONDS if self._serving else None
        self._server = await loop.create_server(
            self._connection, host, port, ssl=self._serving, ssl_handshake_timeout=patience
        )
        self._ping()

    def _connection(self) -> _Connection:
        return _Connection(self, next(self._ids), self._framing())

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
        elif not self._can_call:
            # Told later: whoever sends is in the middle of something.
            asyncio.get_running_loop().call_soon(self._failed, flow)
        else:
            self._opening[address] = [data]
            task = asyncio.get_running_loop().create_task(self._open(address))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _open(self, address: tuple[str, int]) -> None:
        loop = asyncio.get_running_loop()
        name = self._name_of(address[0]) if self._calling else None
        opening = loop.create_connection(
            self._connection, *address, ssl=self._calling, server_hostname=name
        )
        try:
            _, connection = await asyncio.wait_for(opening, CONNECT_SECONDS)
        except (OSError, TimeoutError, ValueError) as error:
            log.info("%s: cannot reach %s:%s (%s)", self.transport, *address, error)
            self._opening.pop(address, None)
            self._failed(Flow(self.transport, *address))
            return
        for data in self._opening.pop(address, ()):
            connection.send(data)

    def _ping(self) -> None:
        # A part of them each second, so that thousands never speak at once.
        self._tick = (self._tick + 1) % int(PING_SECONDS)
        self._pinging = asyncio.get_running_loop().call_later(1.0, self._ping)
        for number, connection in list(self._connections.items()):
            if number % int(PING_SECONDS) == self._tick:
                connection.ping()

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
        if self._pinging is not None:
            self._pinging.cancel()
        for task in self._tasks:
            task.cancel()
        for connection in list(self._connections.values()):
            connection.close()

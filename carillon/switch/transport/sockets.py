"""All the sockets of one SIP endpoint: UDP and TCP on one port, TLS and WebSocket on the next ones."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from carillon.sip.endpoint import Flow
from carillon.switch.transport.framing import ByFrame, ByLength
from carillon.switch.transport.streams import Streams
from carillon.switch.transport.udp import Udp, open_udp

KEEP_ALIVE = b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Secured:
    """What it takes to serve TLS and WebSocket. `origins`: whose scripts may connect, () for anybody's.

    `name_of` says whose certificate to expect at an address.
    """

    serving: ssl.SSLContext
    calling: ssl.SSLContext
    origins: tuple[str, ...] = ()
    name_of: Callable[[str], str] = str


def ports_from(port: int, *, secured: bool) -> dict[str, int]:
    """Return the port of each transport that is served."""
    ports = {"udp": port, "tcp": port}
    if secured:
        ports |= {"tls": port + 1, "ws": port + 2, "wss": port + 3}
    return ports


class Sockets:
    """Opens, sends, closes. `receive` gets each message, `failed` each flow that broke."""

    def __init__(
        self,
        host: str,
        ports: dict[str, int],
        receive: Callable[[bytes, Flow], None],
        failed: Callable[[Flow], None],
        secured: Secured | None,
    ) -> None:
        self._host = host
        self._ports = ports
        self._receive = receive
        self._udp: Udp | None = None
        self._streams = {"tcp": Streams("tcp", receive, failed, ByLength)}
        if secured is not None:
            frames = partial(ByFrame, secured.origins)
            serving = secured.serving
            self._streams |= {
                "tls": Streams(
                    *("tls", receive, failed, ByLength),
                    serving=serving,
                    calling=secured.calling,
                    name_of=secured.name_of,
                ),
                "ws": Streams("ws", receive, failed, frames, can_call=False),
                "wss": Streams("wss", receive, failed, frames, serving=serving, can_call=False),
            }

    async def listen(self) -> None:
        """Bind them all; OSError when a port is taken."""
        for transport, streams in self._streams.items():
            await streams.listen(self._host, self._ports[transport])
        self._udp = open_udp(self._host, self._ports["udp"], self._receive)

    def send(self, data: bytes, flow: Flow) -> None:
        """Send one message; OSError or ValueError for an address nobody can send to."""
        if flow.transport != "udp":
            self._streams[flow.transport].send(data, flow)
        elif self._udp is not None:
            self._udp.send(data, flow)

    @property
    def is_behind(self) -> bool:
        """Whether more comes than can be taken."""
        return self._udp is not None and self._udp.is_behind

    @property
    def is_far_behind(self) -> bool:
        """Whether not even refusing keeps up with it."""
        return self._udp is not None and self._udp.is_far_behind

    def keep_alive(self, flow: Flow) -> None:
        """Keep a phone's NAT from forgetting it: four bytes nobody answers."""
        if self._udp is not None and flow.transport == "udp":
            self._udp.send(KEEP_ALIVE, flow)

    def close(self) -> None:
        """Close them all."""
        for streams in self._streams.values():
            streams.close()
        if self._udp is not None:
            self._udp.close()

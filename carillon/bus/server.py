"""The small HTTP server inside the switch and the sandbox carrier: ASGI on loopback, bearer secret."""

from __future__ import annotations

import contextlib
import hmac
import logging
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from typing import Any, TypeAlias

import uvicorn

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]


class Server(uvicorn.Server):
    """uvicorn inside a loop that has its own business: the signals are not its own."""

    def __init__(self, app: App, port: int) -> None:
        config = uvicorn.Config(
            app,
            host="127.0.0.1",
            port=port,
            log_config=None,
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=1,
        )
        super().__init__(config)
        logging.getLogger("uvicorn").setLevel(logging.WARNING)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave them to the process."""
        yield


def is_ours(scope: Scope, secret: str) -> bool:
    """Say whether a request carries the system's secret."""
    given: bytes = dict(scope["headers"]).get(b"authorization", b"")
    return hmac.compare_digest(given, f"Bearer {secret}".encode())


async def read_body(receive: Receive, most_bytes: int) -> bytes | None:
    """Return the body, None when it is longer than `most_bytes` or the client left."""
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > most_bytes or message["type"] == "http.disconnect":
            return None
        if not message.get("more_body", False):
            return bytes(body)


async def answer(send: Send, status: int, body: bytes) -> None:
    """Send a whole answer."""
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})

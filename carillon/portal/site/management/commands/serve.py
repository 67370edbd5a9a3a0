"""Serve the portal's pages and its internal API."""

from __future__ import annotations

import signal
import socket
from collections.abc import Iterator
from types import FrameType
from typing import Any

import uvicorn
from django.conf import settings
from django.core.management.base import BaseCommand

from carillon.portal.site.memory import settle


class Server(uvicorn.Server):
    """Uvicorn that ends the live pages' streams at once when it is told to stop."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Let every stream end, then stop as usual."""
        from carillon.portal.site.live import hub

        hub.close()
        super().handle_exit(sig, frame)


def _sockets(host: str, port: int) -> Iterator[socket.socket]:
    """Listen where the operator said, and on loopback, where the switch asks for plans."""
    yield _listen(host, port)
    if host not in ("0.0.0.0", "127.0.0.1", "localhost"):
        yield _listen("127.0.0.1", port)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind((host, port))
    return made


class Command(BaseCommand):
    help = "Serve the pages and the internal API until told to stop."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        """Run one process of uvicorn."""
        from carillon.portal.site.files import collect

        # First: the application looks once, when it is made, which static files there are.
        collect()
        from carillon.portal.site.asgi import application

        settle()
        config = uvicorn.Config(
            application,
            access_log=False,
            log_config=None,
            lifespan="off",
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=3,
            loop="uvloop",
        )
        server = Server(config)
        for sig in (signal.SIGINT, signal.SIGTERM):
            signal.signal(sig, server.handle_exit)
        server.run(sockets=list(_sockets(settings.CONFIG.host, settings.CONFIG.http_port)))

"""Serve the portal's pages and its internal API."""

from __future__ import annotations

import signal
from types import FrameType
from typing import Any

import uvicorn
from django.conf import settings
from django.core.management.base import BaseCommand


class Server(uvicorn.Server):
    """Uvicorn that ends the live pages' streams at once when it is told to stop."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Let every stream end, then stop as usual."""
        from carillon.portal.site.live import hub

        hub.close()
        super().handle_exit(sig, frame)


class Command(BaseCommand):
    help = "Serve the pages and the internal API until told to stop."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        """Run one process of uvicorn."""
        from carillon.portal.site.asgi import application
        from carillon.portal.site.files import collect

        collect()
        config = uvicorn.Config(
            application,
            host=settings.CONFIG.host,
            port=settings.CONFIG.http_port,
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
        server.run()

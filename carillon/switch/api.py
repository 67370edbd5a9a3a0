"""The switch's internal HTTP API (ASGI, loopback, bearer secret): events out, commands in."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import parse_qs

import msgspec

from carillon.bus.server import Receive, Scope, Send, answer, is_ours, read_body
from carillon.schema.commands import (
    Command,
    CommandAnswer,
    RunningPlan,
    SwitchStatus,
    read_command,
)
from carillon.schema.events import write_page
from carillon.switch.journal import Journal

MOST_BODY_BYTES = 65536
MOST_ENTRIES = 1000
MOST_WAIT_SECONDS = 30.0


class Api:
    """Routes `/events`, `/commands`, `/status` and `/plans`."""

    def __init__(
        self,
        secret: str,
        journal: Journal,
        *,
        do: Callable[[Command], CommandAnswer],
        status: Callable[[], SwitchStatus],
        plans: Callable[[], tuple[RunningPlan, ...]],
        taken: Callable[[int], None],
    ) -> None:
        self._secret = secret
        self._journal = journal
        self._do = do
        self._status = status
        self._plans = plans
        self._taken = taken

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        if not is_ours(scope, self._secret):
            await answer(send, 404, b"not found")
            return
        match scope["method"], scope["path"]:
            case "GET", "/events":
                await self._events(scope, send)
            case "POST", "/commands":
                await self._command(receive, send)
            case "GET", "/status":
                await answer(send, 200, msgspec.json.encode(self._status()))
            case "GET", "/plans":
                await answer(send, 200, msgspec.json.encode(self._plans()))
            case _:
                await answer(send, 404, b"not found")

    async def _events(self, scope: Scope, send: Send) -> None:
        query = parse_qs(scope["query_string"].decode("ascii", "replace"))
        try:
            after = int(query.get("after", ["0"])[0])
            limit = min(MOST_ENTRIES, max(1, int(query.get("limit", ["500"])[0])))
            wait = min(MOST_WAIT_SECONDS, max(0.0, float(query.get("wait", ["0"])[0])))
        except ValueError:
            await answer(send, 400, b"after, limit and wait are numbers")
            return
        if query.get("journal", [""])[0] == self._journal.id:
            # Whoever asks for what follows a cursor has stored everything up to it.
            self._taken(after)
        page = await self._journal.page(after, limit, wait)
        await answer(send, 200, write_page(page))

    async def _command(self, receive: Receive, send: Send) -> None:
        body = await read_body(receive, MOST_BODY_BYTES)
        if body is None:
            await answer(send, 413, b"too long")
            return
        try:
            command = read_command(body)
        except (ValueError, RecursionError) as error:
            await answer(send, 422, str(error).encode())
            return
        await answer(send, 200, msgspec.json.encode(self._do(command)))

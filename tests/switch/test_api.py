"""The switch's internal API over real HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from carillon.bus.client import SwitchClient
from carillon.bus.server import Server
from carillon.schema.commands import HangUpCall, ReloadPlans
from carillon.switch.api import MOST_BODY_BYTES, Api
from tests.switch.office import Office, office, scene

pytestmark = pytest.mark.system

SECRET = "of this system"
T = TypeVar("T")


class Door:
    """The API of an office's switch, and a client in a thread."""

    def __init__(self, here: Office) -> None:
        board = here.board
        self.here = here
        self.taken: list[int] = []
        api = Api(
            SECRET,
            board.journal,
            do=board.do,
            status=board.status,
            plans=board.plans.running,
            taken=self.taken.append,
        )
        self.server = Server(api, here.config.switch_port)
        self.client = SwitchClient(here.config.switch_url, SECRET)

    async def ask(self, question: Callable[..., T], *words: Any, **more: Any) -> T:
        return await asyncio.to_thread(question, *words, **more)

    async def raw(
        self, method: str, path: str, body: bytes = b"", secret: str | None = SECRET
    ) -> int:
        """Return the status of an answer."""

        def send() -> int:
            wire = http.client.HTTPConnection("127.0.0.1", self.here.config.switch_port, timeout=10)
            headers = {} if secret is None else {"Authorization": f"Bearer {secret}"}
            with contextlib.closing(wire):
                wire.request(method, path, body=body, headers=headers)
                return wire.getresponse().status

        return await asyncio.to_thread(send)


@contextlib.asynccontextmanager
async def door(folder: Path, *users: str) -> AsyncIterator[Door]:
    async with office(folder, *users) as here:
        made = Door(here)
        task = asyncio.create_task(made.server.serve())
        while not made.server.started:
            await asyncio.sleep(0.005)
        yield made
        made.server.should_exit = True
        await task


@pytest.mark.parametrize("secret", [None, "", "of another system", "é"])
@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/events"), ("POST", "/commands"), ("GET", "/status")]
)
@scene
async def test_without_the_secret_there_is_nothing_there(
    tmp_path: Path, secret: str | None, method: str, path: str
) -> None:
    async with door(tmp_path) as it:
        assert await it.raw(method, path, b"{}", secret) == 404


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/events?after=x", b"", 400),
        ("GET", "/events?limit=1.5", b"", 400),
        ("GET", "/events?wait=soon", b"", 400),
        ("GET", "/events?wait=nan&after=-7&limit=-1", b"", 200),
        ("GET", "/events?after=" + "9" * 5000, b"", 400),
        ("GET", "/nothing", b"", 404),
        ("DELETE", "/status", b"", 404),
        ("POST", "/commands", b"", 422),
        ("POST", "/commands", b"{", 422),
        ("POST", "/commands", b'{"type":"explode"}', 422),
        ("POST", "/commands", b'{"type":"hang-up-call"}', 422),
        ("POST", "/commands", b"[" * 60_000, 422),
        ("POST", "/commands", b'{"type":"hang-up-call","call":"\xff"}', 422),
        ("POST", "/commands", b" " * (MOST_BODY_BYTES + 1), 413),
    ],
)
@scene
async def test_bad_questions_are_told_so(
    tmp_path: Path, method: str, path: str, body: bytes, status: int
) -> None:
    async with door(tmp_path) as it:
        assert await it.raw(method, path, body) == status
        assert await it.raw("GET", "/status") == 200


@scene
async def test_pages_have_a_bounded_size_and_follow_each_other(tmp_path: Path) -> None:
    async with door(tmp_path) as it:
        for _ in range(4):
            it.here.carrier.hang_up(await it.here.leave_message())
            await it.here.is_quiet()
        page = await it.ask(it.client.events, 0, limit=3)
        assert [entry.cursor for entry in page.entries] == [1, 2, 3]
        page = await it.ask(it.client.events, 3, limit=10**9)
        cursors = [entry.cursor for entry in page.entries]
        assert cursors == list(range(4, it.here.board.journal.cursor + 1))


@scene
async def test_who_asks_for_more_of_this_journal_has_stored_what_came_before(
    tmp_path: Path,
) -> None:
    async with door(tmp_path, "ann") as it:
        await it.ask(it.client.events, 1, "another journal")
        assert it.taken == []
        await it.ask(it.client.events, 1, it.here.board.journal.id)
        assert it.taken == [1]


@scene
async def test_a_waiting_page_comes_back_with_the_next_event(tmp_path: Path) -> None:
    async with door(tmp_path, "ann") as it:
        cursor = it.here.board.journal.cursor
        waiting = asyncio.create_task(it.ask(it.client.events, cursor, wait=20.0))
        await it.here.add_phone("ben")
        page = await asyncio.wait_for(waiting, 10)
        assert [entry.cursor for entry in page.entries] == [cursor + 1]


@scene
async def test_commands_are_done_and_say_so(tmp_path: Path) -> None:
    async with door(tmp_path, "ann") as it:
        leg, _ = await it.here.talk()
        status = await it.ask(it.client.status)
        (live,) = status.calls
        assert (live.state, status.ready, status.plans) == ("talking", True, 1)
        assert (await it.ask(it.client.do, ReloadPlans())).done
        assert (await it.ask(it.client.do, HangUpCall(live.call))).done
        await it.here.carrier.is_over(leg)
        await it.here.record()
        again = await it.ask(it.client.do, HangUpCall(live.call))
        assert (again.done, again.reason) == (False, "no-such-call")


@scene
async def test_segments_with_a_live_call_are_kept_until_it_has_ended(tmp_path: Path) -> None:
    async with door(tmp_path, "ann") as it:
        leg, _ = await it.here.talk()
        it.here.board.taken(10**9)
        assert it.here.events(), "a crash now must still find how the call began"
        it.here.carrier.hang_up(leg)
        await it.here.record()

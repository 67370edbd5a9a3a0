"""Live pages: the history's version of each company, polled once per process, told to every open page."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from asgiref.sync import sync_to_async
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase, StreamingHttpResponse

from carillon.portal.companies.access import may
from carillon.portal.companies.models import Company

POLL_SECONDS = 1.0
PING_SECONDS = 15.0
MOST_LISTENERS = 500


class Hub:
    """Everybody who waits for news of a company's calls. One loop, one poll, however many pages."""

    def __init__(self) -> None:
        self._waiting: dict[int, set[asyncio.Queue[int | None]]] = {}
        self._poll: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def listen(self, company: int) -> asyncio.Queue[int | None]:
        """Return a queue of versions; None means that the portal stops."""
        queue: asyncio.Queue[int | None] = asyncio.Queue(maxsize=8)
        self._waiting.setdefault(company, set()).add(queue)
        self._loop = asyncio.get_running_loop()
        if self._poll is None or self._poll.done():
            self._poll = self._loop.create_task(self._run())
        return queue

    def leave(self, company: int, queue: asyncio.Queue[int | None]) -> None:
        """Forget a page that was closed."""
        self._waiting.get(company, set()).discard(queue)
        if not self._waiting.get(company):
            self._waiting.pop(company, None)

    def full(self) -> bool:
        """Say whether one more page would be too many."""
        return sum(len(queues) for queues in self._waiting.values()) >= MOST_LISTENERS

    def close(self) -> None:
        """End every stream; may be called from a signal handler."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._end)

    def _end(self) -> None:
        for queues in self._waiting.values():
            for queue in queues:
                _put(queue, None)

    async def _run(self) -> None:
        known = await _versions()
        while self._waiting:
            await asyncio.sleep(POLL_SECONDS)
            versions = await _versions()
            for company, queues in self._waiting.items():
                if versions.get(company) != known.get(company):
                    for queue in queues:
                        _put(queue, versions.get(company, 0))
            known = versions


def _put(queue: asyncio.Queue[int | None], version: int | None) -> None:
    if queue.full():
        queue.get_nowait()
    queue.put_nowait(version)


@sync_to_async
def _versions() -> dict[int, int]:
    return dict(Company.objects.values_list("pk", "calls_version"))


hub = Hub()


async def live(request: HttpRequest) -> HttpResponseBase:
    """Stream `calls` events of the reader's company until the page is closed."""
    company: Company | None = getattr(request, "company", None)
    if company is None or hub.full():
        raise Http404("no company")
    if not may(request, "see-own"):
        raise PermissionDenied("live")
    response = StreamingHttpResponse(_stream(company.pk), content_type="text/event-stream")
    response.headers["Cache-Control"] = "no-cache"
    response.headers["X-Accel-Buffering"] = "no"
    return response


def _event(version: int) -> str:
    return f"id: {version}\nevent: calls\ndata: {version}\n\n"


async def _stream(company: int) -> AsyncIterator[str]:
    queue = hub.listen(company)
    try:
        yield "retry: 3000\n\n"
        # What happened between the page and its stream, or while the stream was broken, is told now.
        yield _event((await _versions()).get(company, 0))
        while True:
            try:
                version = await asyncio.wait_for(queue.get(), PING_SECONDS)
            except TimeoutError:
                yield ": ping\n\n"
                continue
            if version is None:
                return
            yield _event(version)
    finally:
        hub.leave(company, queue)

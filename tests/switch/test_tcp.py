"""SIP over TCP: strangers who connect must say something, and nobody takes all the places."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from carillon.sip.endpoint import Flow
from carillon.switch.transport import streams as module
from carillon.switch.transport.framing import ByLength
from carillon.switch.transport.streams import Streams
from tests.switch.office import HOST, scene, until
from tests.system import free_ports

OPTIONS = b"OPTIONS sip:x SIP/2.0\r\nContent-Length: 0\r\n\r\n"
Opened = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Place:
    """A listening transport and what it heard."""

    def __init__(self) -> None:
        self.heard: list[tuple[bytes, Flow]] = []
        self.lost: list[Flow] = []
        self.port = free_ports()[1]
        self.tcp = Streams(
            "tcp", lambda data, flow: self.heard.append((data, flow)), self.lost.append, ByLength
        )

    async def connect(self) -> Opened:
        return await asyncio.open_connection(HOST, self.port)


def place(test: Callable[[Place], Awaitable[None]]) -> Callable[[], None]:
    """Let an asynchronous function of a place be a test."""

    async def play() -> None:
        made = Place()
        await made.tcp.listen(HOST, made.port)
        try:
            await test(made)
        finally:
            made.tcp.close()

    played = scene(play)
    played.__name__ = test.__name__  # type: ignore[attr-defined]
    del played.__wrapped__  # type: ignore[attr-defined]
    return played


@place
async def test_a_message_in_pieces_is_one_message_and_an_answer_takes_the_same_way(
    it: Place,
) -> None:
    reader, writer = await it.connect()
    for piece in (OPTIONS[:10], OPTIONS[10:30], OPTIONS[30:] + OPTIONS):
        writer.write(piece)
        await writer.drain()
    await until(lambda: len(it.heard) == 2, "both messages")
    it.tcp.send(b"hello", it.heard[0][1])
    assert await reader.readexactly(5) == b"hello"
    writer.close()
    await until(lambda: it.lost, "the news that the flow is gone")


@place
async def test_a_ping_is_answered_by_a_pong(it: Place) -> None:
    reader, writer = await it.connect()
    writer.write(b"\r\n\r\n")
    assert await reader.readexactly(2) == b"\r\n"
    writer.close()


@place
async def test_who_sends_no_sip_is_hung_up_on(it: Place) -> None:
    reader, writer = await it.connect()
    writer.write(b"GET / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n")
    assert await asyncio.wait_for(closed(reader), 10)
    writer.close()


async def closed(reader: asyncio.StreamReader) -> bool:
    try:
        return await reader.read(1) == b""
    except ConnectionError:
        return True


def test_who_connects_and_says_nothing_gives_up_the_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SILENT_SECONDS", 0.05)

    @place
    async def play(it: Place) -> None:
        silent, _ = await it.connect()
        _, talking = await it.connect()
        talking.write(OPTIONS)
        await until(lambda: it.heard, "the message")
        assert await asyncio.wait_for(closed(silent), 10)
        talking.write(OPTIONS)
        await until(lambda: len(it.heard) == 2, "who speaks to stay")
        talking.close()

    play()


def test_one_host_cannot_take_every_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_FROM_ONE_HOST", 3)

    @place
    async def play(it: Place) -> None:
        kept = [await it.connect() for _ in range(3)]
        await until(lambda: it.tcp.connections == 3, "three")
        reader, _ = await it.connect()
        assert await asyncio.wait_for(closed(reader), 10)
        kept[0][1].close()
        await until(lambda: it.tcp.connections == 2, "one to leave")
        reader, writer = await it.connect()
        writer.write(OPTIONS)
        await until(lambda: it.heard, "its place for another")
        for _, each in (*kept, (reader, writer)):
            each.close()

    play()


@place
async def test_a_peer_that_cannot_be_reached_is_told_as_a_broken_flow(it: Place) -> None:
    it.tcp.send(OPTIONS, Flow("tcp", HOST, 1))
    await until(lambda: it.lost, "the failure")
    assert (it.lost[0].host, it.lost[0].port) == (HOST, 1)

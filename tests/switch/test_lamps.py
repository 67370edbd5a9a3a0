"""Busy lamps and message lamps, over a socket that subscribes like a desk phone."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import cast
from xml.etree import ElementTree

import pytest

from carillon.schema.commands import ParkCall, TellMessages
from carillon.sip.digest import Credentials, answer_challenge
from carillon.sip.message import Message, parse
from tests.switch.office import HOST, Office, office, scene, until
from tests.switch.test_control import the_call, trio
from tests.system import PASSWORD, System

pytestmark = pytest.mark.system

NS = "{urn:ietf:params:xml:ns:dialog-info}"


class Subscriber(asyncio.DatagramProtocol):
    """A desk phone's side of RFC 6665: one subscription, every NOTIFY answered."""

    def __init__(self, here: Office | System, user: str, package: str, watched: str) -> None:
        self._here = here
        self._user = user
        self._package = package
        self._watched = watched
        self._cseq = 0
        self._authorization = ""
        self._to_tag = ""
        self.status = 0
        self.notifies: list[Message] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)
        self._port = transport.get_extra_info("sockname")[1]

    def _send(self, text: str) -> None:
        self._transport.sendto(text.encode(), (HOST, self._here.config.sip_port))

    def subscribe(self, seconds: int = 600) -> None:
        self._cseq += 1
        uri = f"sip:{self._watched}@{HOST}"
        tag = f";tag={self._to_tag}" if self._to_tag else ""
        self._send(
            f"SUBSCRIBE {uri} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP {HOST}:{self._port};branch=z9hG4bK{self._package}{self._cseq}\r\n"
            f"From: <sip:acme-{self._user}@{HOST}>;tag=lamp\r\nTo: <{uri}>{tag}\r\n"
            f"Call-ID: {self._port}@lamp\r\nCSeq: {self._cseq} SUBSCRIBE\r\n"
            f"Contact: <sip:acme-{self._user}@{HOST}:{self._port}>\r\nMax-Forwards: 70\r\n"
            f"Event: {self._package}\r\nExpires: {seconds}\r\n{self._authorization}"
            "Content-Length: 0\r\n\r\n"
        )

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        message = parse(data)
        if message.method == "NOTIFY":
            self.notifies.append(message)
            response = message.response(200)
            response.headers["Content-Length"] = ["0"]
            self._send(response.write().decode())
        elif message.status == 401 and not self._authorization:
            value = answer_challenge(
                message.all("WWW-Authenticate"),
                Credentials(f"acme-{self._user}", PASSWORD),
                "SUBSCRIBE",
                f"sip:{self._watched}@{HOST}",
                cnonce="abcdef",
            )
            self._authorization = f"Authorization: {value}\r\n"
            self.subscribe()
        else:
            self.status = message.status
            self._to_tag = str(message.get("To")).partition("tag=")[2]

    @property
    def states(self) -> list[str]:
        """Return the states of the dialogs in the newest NOTIFY."""
        document = ElementTree.fromstring(self.notifies[-1].body)
        return [str(each.text) for each in document.iter(f"{NS}state")]


async def subscribed(here: Office | System, user: str, package: str, watched: str) -> Subscriber:
    loop = asyncio.get_running_loop()
    _, phone = await loop.create_datagram_endpoint(
        lambda: Subscriber(here, user, package, watched), local_addr=(HOST, 0)
    )
    phone.subscribe()
    await until(lambda: phone.status, "an answer to SUBSCRIBE")
    return phone


@scene
async def test_a_lamp_shows_a_colleague_ringing_talking_and_free(tmp_path: Path) -> None:
    async with office(tmp_path, "ann", plan=trio()) as here:
        lamp = await subscribed(here, "ben", "dialog", "101")
        assert lamp.status == 200
        await until(lambda: lamp.notifies and lamp.states == [], "the first news")
        leg = here.call()
        await until(lambda: lamp.states == ["early"], "ringing")
        await here.phones["ann"].picks_up()
        await until(lambda: lamp.states == ["confirmed"], "talking")
        here.carrier.hang_up(leg)
        await until(lambda: lamp.states == [], "free again")
        versions = [ElementTree.fromstring(each.body).get("version") for each in lamp.notifies]
        assert versions == sorted(versions, key=lambda text: int(text or 0))


@scene
async def test_a_lamp_shows_a_parked_call(tmp_path: Path) -> None:
    async with office(tmp_path, "ann", plan=trio()) as here:
        lamp = await subscribed(here, "ben", "dialog", "*507")
        await here.talk()
        here.do(ParkCall("acme", the_call(here), "b1", "07"))
        await until(lambda: lamp.states == ["confirmed"], "the parked call")


@scene
async def test_a_lamp_shows_how_many_messages_wait(tmp_path: Path) -> None:
    async with office(tmp_path, plan=trio()) as here:
        lamp = await subscribed(here, "ben", "message-summary", "acme-ben")
        await until(lambda: lamp.notifies, "the first news")
        assert b"Messages-Waiting: no" in lamp.notifies[-1].body
        here.do(TellMessages("acme", {"ben": (2, 1), "ann": (5, 0)}))
        await until(lambda: b"Voice-Message: 2/1" in lamp.notifies[-1].body, "two messages")


@scene
async def test_what_is_not_known_or_not_ours_is_not_shown(tmp_path: Path) -> None:
    async with office(tmp_path, plan=trio()) as here:
        assert (await subscribed(here, "ben", "dialog", "999")).status == 404
        assert (await subscribed(here, "ben", "presence", "101")).status == 489
        assert (await subscribed(here, "nobody", "dialog", "101")).status == 403
        assert len(here.board.lamps) == 0


@scene
async def test_a_lamp_that_is_switched_off_is_forgotten(tmp_path: Path) -> None:
    async with office(tmp_path, plan=trio()) as here:
        lamp = await subscribed(here, "ben", "dialog", "101")
        lamp.subscribe(0)
        await until(lambda: not len(here.board.lamps), "it to be forgotten")

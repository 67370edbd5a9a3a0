"""Phones are asked whether they are there: who falls silent is not rung until it is heard again."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import cast

import pytest

from carillon.schema.events import DeviceLost, DeviceRegistered
from carillon.sip.endpoint import RequestReceived
from carillon.switch import watch
from tests.phones import Baresip
from tests.switch.office import Office, Peer, office, scene, until
from tests.switch.test_devices import devices, told
from tests.system import System, tone

pytestmark = pytest.mark.system

HIDDEN = (("Contact", "<sip:ann@192.168.1.5:5060>"),)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "ROUND_SECONDS", 0.1)


def asked(phone: Peer) -> list[str]:
    """Return the URIs of the OPTIONS that a phone got."""
    every = [event.request for event in phone.of(RequestReceived)]
    return [request.uri for request in every if request.method == "OPTIONS"]


def can_be_rung(here: Office, user: str = "ann") -> bool:
    return here.board.people.availability("acme", user) == "free"


@scene
async def test_a_phone_that_falls_silent_is_not_rung_until_it_answers_again(tmp_path: Path) -> None:
    async with office(tmp_path, "ann") as here:
        here.follow(here.board.watch.follow())
        phone = here.phones["ann"]
        await until(lambda: len(asked(phone)) > watch.MOST_UNANSWERED + 1, "some rounds")
        assert can_be_rung(here)
        assert told(here) == [DeviceRegistered]
        phone.close()
        await until(lambda: not can_be_rung(here), "the silence to be noticed")
        assert here.board.status().registrations == ()
        await until(lambda: told(here) == [DeviceRegistered, DeviceLost], "it to be told")
        again = here.phones["ann"] = Peer(phone.port)
        await again.listen()
        await until(lambda: can_be_rung(here), "the phone to be heard again")
        await until(lambda: told(here)[2:] == [DeviceRegistered], "that to be told, once")
        leg, _ = await here.talk()
        await here.hangs_up(leg)


@scene
async def test_a_silent_phone_that_registers_again_is_rung_at_once(tmp_path: Path) -> None:
    async with office(tmp_path, "ann") as here:
        following = here.follow(here.board.watch.follow())
        phone = here.phones["ann"]
        await until(lambda: asked(phone), "the first round")
        phone.answers_requests = False
        await until(lambda: not can_be_rung(here), "the silence to be noticed")
        following.cancel()
        assert await phone.register(here.config.sip_port, "acme-ann") == 200
        assert can_be_rung(here)
        await until(
            lambda: told(here) == [DeviceRegistered, DeviceLost, DeviceRegistered], "the news"
        )


@scene
async def test_a_phone_that_never_answers_is_rung_and_its_nat_kept_awake(tmp_path: Path) -> None:
    async with office(tmp_path, "ann") as here:
        phone = here.phones["ann"]
        phone.answers_requests = False
        port = here.config.sip_port
        away = (("Expires", "0"),)
        assert await phone.register(port, "acme-ann", headers=away) == 200
        assert await phone.register(port, "acme-ann", headers=HIDDEN) == 200
        here.follow(here.board.watch.follow())
        await until(lambda: phone.empty_lines, "an empty line")
        assert set(asked(phone)) == {"sip:ann@192.168.1.5:5060"}
        assert can_be_rung(here)


@scene
async def test_silence_is_remembered_over_a_restart(tmp_path: Path) -> None:
    async with office(tmp_path, "ann") as here:
        here.follow(here.board.watch.follow())
        phone = here.phones["ann"]
        await until(lambda: asked(phone), "the first round")
        phone.answers_requests = False
        await until(lambda: not can_be_rung(here), "the silence to be noticed")
        here.board.devices.close()
        again = devices(here, [])
        assert [held.flow.port for held in again.on_udp()] == [phone.port]
        assert again.bindings("acme-ann") == []
        again.close()


@scene
async def test_a_desk_phone_without_power_is_noticed_and_so_is_its_return(tmp_path: Path) -> None:
    async with office(tmp_path / "data") as here:
        # All that a phone asks of a system is its settings.
        phone = Baresip(cast(System, here), "ann", tmp_path / "baresip", tone(440, 1))
        await asyncio.to_thread(phone.start)
        try:
            here.follow(here.board.watch.follow())
            await asyncio.sleep(0)
            assert can_be_rung(here)
            await until(lambda: here.board.watch.answering, "its first answer")
            phone.freeze()
            await until(lambda: not can_be_rung(here), "the silence to be noticed")
            phone.thaw()
            await until(lambda: can_be_rung(here), "the phone to be heard again")
            await until(
                lambda: told(here) == [DeviceRegistered, DeviceLost, DeviceRegistered], "the news"
            )
        finally:
            await asyncio.to_thread(phone.stop)

"""Phones: who may register, what is told of it, and what survives a restart."""

from __future__ import annotations

import re
import select
import socket
from pathlib import Path

import msgspec
import pytest

from carillon.schema.events import AnyEvent, DeviceLost, DeviceRegistered
from carillon.sip.message import Message, parse
from carillon.switch.abuse import MOST_ADDRESSES, Throttle
from carillon.switch.devices import MOST_UNPROVED, MOST_WRONG, Devices
from carillon.switch.plans import PlanStore
from carillon.switch.switchboard import Switchboard
from tests.switch.office import HOST, Office, office, scene, until
from tests.system import acme

pytestmark = pytest.mark.system

CHALLENGED = re.compile(r'nonce="[^"]*"')


def told(here: Office) -> list[type]:
    every = [entry.event for entry in here.entries()]
    return [type(event) for event in every if isinstance(event, DeviceRegistered | DeviceLost)]


@scene
async def test_a_wrong_password_and_an_unknown_name_get_the_same_answer(tmp_path: Path) -> None:
    async with office(tmp_path) as here:
        phone = here.carrier
        assert await phone.register(here.config.sip_port, "acme-ann", "wrong") == 403
        assert await phone.register(here.config.sip_port, "acme-nobody", "wrong") == 403
        known, unknown = (shape(event.message) for event in phone.registered)
        assert known == unknown
        assert told(here) == []


def shape(message: Message | None) -> tuple[int, str, list[str]]:
    assert message is not None
    return message.status, message.reason, list(message.headers)


@scene
async def test_a_challenge_says_nothing_about_the_name(tmp_path: Path) -> None:
    async with office(tmp_path) as here:
        port = here.config.sip_port
        for name in ("acme-ann", "acme-nobody"):
            assert await here.carrier.register(port, name, "") == 401
        first, second = (event.message for event in here.carrier.registered)
        asked = [CHALLENGED.sub("", m.get("WWW-Authenticate") or "") for m in (first, second)]
        assert asked[0] == asked[1]


@scene
async def test_a_phone_is_told_once_when_it_comes_and_once_when_it_goes(tmp_path: Path) -> None:
    async with office(tmp_path, "ann") as here:
        port, phone = here.config.sip_port, here.phones["ann"]
        assert await phone.register(port, "acme-ann") == 200
        assert told(here) == [DeviceRegistered]
        away = (("Expires", "0"),)
        assert await phone.register(port, "acme-ann", headers=away) == 200
        await until(lambda: told(here) == [DeviceRegistered, DeviceLost], "the goodbye")
        assert here.board.status().registrations == ()


@scene
async def test_a_registration_survives_a_restart_and_is_not_told_again(tmp_path: Path) -> None:
    async with office(tmp_path, "ann") as here:
        before = here.board.status().registrations[0]
        here.board.devices.close()
        again = devices(here, [])
        assert again.registrations()[0].address == before.address
        again.close()


def devices(here: Office, emitted: list[AnyEvent], **more: int) -> Devices:
    """Open the registrations on disk, as a new switch does."""
    board: Switchboard = here.board
    plans: PlanStore = board.plans
    return Devices(
        here.config.switch_state,
        plans,
        clock=board.clock,
        now=lambda: board.now,
        emit=emitted.append,
        **more,
    )


@scene
async def test_a_torn_line_costs_neither_the_lines_before_nor_the_next(tmp_path: Path) -> None:
    async with office(tmp_path, "ann") as here:
        here.board.devices.close()
        path = here.config.switch_state / "registrations.jsonl"
        with open(path, "ab") as file:
            file.write(b'{"name":"acme-ben","bind')
        again = devices(here, [])
        assert [r.device for r in again.registrations()] == ["ann-phone"]
        here.board.devices = again
        here.board.people.devices = again
        await here.add_phone("ben")
        again.close()
        third = devices(here, [])
        assert {r.device for r in third.registrations()} == {"ann-phone", "ben-phone"}
        third.close()


@scene
async def test_the_file_does_not_grow_with_every_refresh(tmp_path: Path) -> None:
    async with office(tmp_path, "ann", "ben") as here:
        here.board.devices.close()
        again = devices(here, [], compact_lines=5)
        here.board.devices = again
        path = here.config.switch_state / "registrations.jsonl"
        for _ in range(12):
            assert await here.phones["ann"].register(here.config.sip_port, "acme-ann") == 200
        assert len(path.read_bytes().splitlines()) <= 6
        again.close()
        third = devices(here, [])
        assert {r.device for r in third.registrations()} == {"ann-phone", "ben-phone"}
        third.close()


@scene
async def test_a_registration_that_runs_out_is_told(tmp_path: Path) -> None:
    async with office(tmp_path, "ann") as here:
        here.board.devices.close()
        path = here.config.switch_state / "registrations.jsonl"
        rows = [msgspec.json.decode(line) for line in path.read_bytes().splitlines()]
        rows[-1]["bindings"][0]["expires_at"] = here.board.clock() - 1
        path.write_bytes(msgspec.json.encode(rows[-1]) + b"\n")
        emitted: list[AnyEvent] = []
        again = devices(here, emitted)
        assert again.registrations() == ()
        again.expire()
        again.expire()
        assert [type(event) for event in emitted] == [DeviceLost]
        again.close()


@scene
async def test_two_challenges_are_only_for_who_is_known_to_understand_them(tmp_path: Path) -> None:
    async with office(tmp_path) as here:
        for agent, count in (("Yealink SIP-T46U 108", 1), ("Linphone/5 belle-sip/5.3", 2)):
            stranger = Stranger(here)
            assert await stranger.ask("REGISTER", f"User-Agent: {agent}") == 401
            assert stranger.last is not None
            asked = stranger.last.all("WWW-Authenticate")
            assert [("SHA-256" in text, "MD5" in text) for text in asked][-count:] == (
                [(True, False), (False, True)][-count:]
            )
            assert len(asked) == count
            stranger.close()


# -- abuse ---------------------------------------------------------------------------------------


class Stranger:
    """Somebody at another loopback address with a bare socket."""

    def __init__(self, here: Office, host: str = "127.0.0.66") -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((host, 0))
        self._socket.setblocking(False)
        self._to = (HOST, here.config.sip_port)
        self._host, self._port = self._socket.getsockname()
        self._sent = 0
        self.last: Message | None = None

    async def ask(
        self, method: str, *headers: str, answered: bool = True, user: str = "+33199001001"
    ) -> int:
        """Send a request and return the final status, 0 where none should come."""
        self._sent += 1
        lines = [
            f"{method} sip:{user}@{HOST} SIP/2.0",
            f"Via: SIP/2.0/UDP {self._host}:{self._port};branch=z9hG4bKs{self._sent};rport",
            f"From: <sip:m@{self._host}>;tag=t{self._sent}",
            f"To: <sip:{user}@{HOST}>",
            f"Call-ID: stranger{self._sent}",
            f"CSeq: 1 {method}",
            f"Contact: <sip:m@{self._host}:{self._port}>",
            "Max-Forwards: 70",
            *headers,
            "Content-Length: 0",
        ]
        self._socket.sendto("\r\n".join([*lines, "", ""]).encode(), self._to)
        if not answered:
            return 0
        return await until(self._final, f"an answer to {method} {self._sent}")  # type: ignore[no-any-return]

    def _final(self) -> int:
        try:
            message = parse(self._socket.recv(65536))
        except BlockingIOError:
            return 0
        self.last = message
        ours = message.get("Call-ID") == f"stranger{self._sent}"
        return message.status if ours and message.status >= 200 else 0

    def hears(self) -> bool:
        """Say whether anything has come that was not read yet."""
        return bool(select.select([self._socket], [], [], 0)[0])

    def close(self) -> None:
        self._socket.close()


WRONG = (
    'Authorization: Digest username="acme-ann", realm="carillon", nonce="x", uri="sip:x", '
    'response="00000000000000000000000000000000"'
)


@scene
async def test_who_tries_passwords_is_not_listened_to_for_a_while(tmp_path: Path) -> None:
    async with office(tmp_path, "ann") as here:
        stranger = Stranger(here)
        for _ in range(MOST_WRONG):
            assert await stranger.ask("REGISTER", WRONG) == 403
        await stranger.ask("REGISTER", WRONG, answered=False)
        await stranger.ask("OPTIONS", answered=False)
        neighbour = Stranger(here, "127.0.0.67")
        assert await neighbour.ask("OPTIONS") == 200, "others are"
        assert stranger._final() == 0
        stranger.close()
        neighbour.close()
        leg, _ = await here.talk()
        await here.hangs_up(leg)


@scene
async def test_phones_behind_the_same_address_as_a_guesser_stay_heard(tmp_path: Path) -> None:
    async with office(tmp_path, "ann") as here:
        stranger = Stranger(here, HOST)
        for _ in range(MOST_WRONG + 3):
            assert await stranger.ask("REGISTER", WRONG) == 403
        assert await here.phones["ann"].register(here.config.sip_port, "acme-ann") == 200
        status = await here.carrier.register(here.config.sip_port, "acme-ben")
        assert status == 403, "a phone that is new there has to wait"
        leg, _ = await here.talk()
        await here.hangs_up(leg)
        stranger.close()


@scene
async def test_calls_that_never_prove_who_they_are_are_dropped_after_some(tmp_path: Path) -> None:
    async with office(tmp_path, "ann") as here:
        stranger = Stranger(here)
        for _ in range(MOST_UNPROVED):
            assert await stranger.ask("INVITE") == 401
        await stranger.ask("OPTIONS", answered=False)
        assert here.entries() == [e for e in here.entries() if not hasattr(e.event, "call")]
        assert here.board.endpoint.legs == 0
        stranger.close()


@scene
async def test_calls_that_prove_who_they_are_are_never_counted(tmp_path: Path) -> None:
    async with office(tmp_path, "ann", "ben") as here:
        for nth in range(MOST_UNPROVED + 5):
            leg = here.dial("ann", "102")
            await here.phones["ben"].invited(nth)
            here.phones["ann"].hang_up(leg)
            await until(lambda: not here.board.calls, "Ben to be free again")
        assert not here.board.devices.is_unwelcome(HOST)
        await here.is_quiet()


def test_a_throttle_blocks_for_its_time_and_forgets() -> None:
    throttle = Throttle(3, 60.0)
    assert [throttle.blame("a", now) for now in (0.0, 1.0, 2.0)] == [False, False, True]
    assert throttle.is_blocked("a", 61.9)
    assert not throttle.is_blocked("a", 62.1)
    assert not throttle.is_blocked("b", 2.0)


def test_faults_far_apart_block_nobody() -> None:
    throttle = Throttle(3, 60.0)
    assert not any(throttle.blame("a", now * 31.0) for now in range(100))


def test_a_throttle_remembers_a_bounded_number_of_addresses() -> None:
    throttle = Throttle(3, 60.0)
    for n in range(MOST_ADDRESSES + 500):
        throttle.blame(str(n), 1.0)
    assert len(throttle) == MOST_ADDRESSES


def test_what_turned_out_well_is_taken_back() -> None:
    throttle = Throttle(3, 60.0)
    for now in range(100):
        assert not throttle.blame("a", now / 10)
        throttle.forgive("a")
    assert len(throttle) == 0


@pytest.mark.parametrize("name", ["acme-ann", "acme-nobody"])
@scene
async def test_a_proof_made_of_zeroes_opens_nothing_and_tells_nothing(
    tmp_path: Path, name: str
) -> None:
    async with office(tmp_path, plan=acme()) as here:
        stranger = Stranger(here)
        wrong = WRONG.replace("acme-ann", name)
        assert await stranger.ask("REGISTER", wrong) == 403
        stranger.close()

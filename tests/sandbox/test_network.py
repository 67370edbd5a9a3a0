"""The pretend network, with a scripted switch at the other end of its socket."""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator, MutableMapping
from functools import partial
from pathlib import Path
from typing import TypeVar

import msgspec
import numpy as np

from carillon.sandbox.api import Api
from carillon.sandbox.canary import Canary
from carillon.sandbox.hands import MOST_PHONES, Hands
from carillon.sandbox.network import MOST_RESULTS, Armed, Network
from carillon.sandbox.phones import Phone, Result, Script
from carillon.schema.sandbox import DialWish, HandsWish, Listened, OutsidePhone, PhoneWish
from carillon.sip.endpoint import Answered, Failed, InviteReceived, Progressed
from carillon.sip.message import parse
from tests.switch.office import Peer, scene, scratch, until

E = TypeVar("E")
NUMBER = "+33688000005"
CALL = b"INVITE sip:+33688000005@h SIP/2.0\r\nFrom: <sip:+33199001001@h>;tag=1\r\n\r\n"


class Place:
    """The network and a switch that calls it."""

    def __init__(self, network: Network, switch: Peer, port: int) -> None:
        self.network = network
        self.switch = switch
        self.port = port

    def call(self, number: str = NUMBER, **more: object) -> int:
        return self.switch.call(number, self.port, **more)


@contextlib.asynccontextmanager
async def place(folder: Path) -> AsyncIterator[Place]:
    config = scratch(folder)
    network = Network(config, Script(stay_seconds=0.0))
    switch = Peer(config.sip_port, 31000)
    await network.listen()
    await switch.listen()
    try:
        yield Place(network, switch, config.sandbox_sip_port)
    finally:
        network.close()
        switch.close()


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


@scene
async def test_a_call_without_a_codec_it_knows_is_refused_and_keeps_no_socket(
    tmp_path: Path,
) -> None:
    async with place(tmp_path) as it:
        it.network.arm(NUMBER, Armed(Script(), ring_seconds=0.0))
        before = open_files()
        for _ in range(5):
            leg = it.call(sdp=it.switch.offer().replace(b"PCM", b"G729"))
            await it.switch.is_over(leg)
            assert it.switch.status(leg) == 488
        await until(lambda: open_files() <= before, "the sockets to close")
        assert it.network.endpoint.legs == 0


@scene
async def test_numbers_behave_by_their_last_digits(tmp_path: Path) -> None:
    async with place(tmp_path) as it:
        for number, status in (("+33688000000", 486), ("+33688000098", 404)):
            it.network.arm(number, Armed(Script(), status, ring_seconds=0.0))
            leg = it.call(number)
            await it.switch.is_over(leg)
            assert it.switch.of(Failed, leg)[0].status == status
        ringing = it.call("+33688000099")
        await until(lambda: it.switch.of(Progressed, ringing), "ringing")
        it.switch.hang_up(ringing)
        await until(lambda: it.network.endpoint.legs == 0, "the end")


@scene
async def test_only_the_switch_may_call_out(tmp_path: Path) -> None:
    async with place(tmp_path) as it:
        stranger = Peer(it.switch.port + 7, 31010)
        await stranger.listen()
        leg = stranger.call(NUMBER, it.port)
        await stranger.is_over(leg)
        assert stranger.status(leg) == 403
        stranger.close()


@scene
async def test_a_person_answers_a_number_hears_the_caller_and_hangs_up(tmp_path: Path) -> None:
    async with place(tmp_path) as it:
        it.network.hands.take(NUMBER, 60)
        leg = it.call()
        await until(lambda: it.network.hands.phones(NUMBER), "the call to ring")
        (phone,) = it.network.hands.phones(NUMBER)
        await until(lambda: it.switch.of(Progressed, leg), "ringing")
        assert phone.state == "ringing"
        phone.picked_up.set()
        await until(lambda: it.switch.of(Answered, leg), "the answer")
        assert phone.state == "talking"
        phone.hang_up()
        await it.switch.is_over(leg)
        assert it.network.hands.phone(phone.leg) is phone, "what was said can still be heard"
        assert phone.state == "over"


@scene
async def test_a_number_answered_by_hand_can_be_declined_or_left_ringing(tmp_path: Path) -> None:
    async with place(tmp_path) as it:
        it.network.hands.take(NUMBER, 60)
        declined = it.call()
        await until(lambda: it.network.hands.phones(NUMBER), "the call to ring")
        it.network.hands.phones(NUMBER)[0].hang_up()
        await it.switch.is_over(declined)
        assert it.switch.status(declined) == 480
        given_up = it.call()
        await until(lambda: len(it.network.hands.phones(NUMBER)) == 2, "the second call")
        await until(lambda: it.switch.of(Progressed, given_up), "ringing")
        it.switch.hang_up(given_up)
        await until(lambda: it.network.hands.phones(NUMBER)[1].state == "over", "its end")
        it.network.hands.take(NUMBER, 0)
        assert not it.network.hands.has(NUMBER), "after its time the number is like any other"


def of(kind: type[E], peer: Peer) -> list[E]:
    """Return what a peer was told, of one kind."""
    return [event for event in peer.events if isinstance(event, kind)]


async def asked(api: Api, path: str, wish: object) -> tuple[int, bytes]:
    """Ask the sandbox's API as the portal does."""
    said: list[dict[str, object]] = []

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": msgspec.json.encode(wish)}

    async def send(message: MutableMapping[str, object]) -> None:
        said.append(dict(message))

    headers = [(b"authorization", b"Bearer secret")]
    scope = {"type": "http", "method": "POST", "path": path, "headers": headers}
    await api(scope, receive, send)
    status, body = said[0]["status"], said[1]["body"]
    assert isinstance(status, int)
    assert isinstance(body, bytes)
    return status, body


@scene
async def test_what_a_person_may_do_with_a_phone_depends_on_how_its_call_is(tmp_path: Path) -> None:
    async with place(tmp_path) as it:
        api = Api("secret", it.network, Canary(it.network))
        assert (await asked(api, "/hands", HandsWish(number="not a number")))[0] == 422
        assert (await asked(api, "/hands", HandsWish(number=NUMBER)))[0] == 200
        leg = it.call()
        await until(lambda: it.network.hands.phones(NUMBER), "the call to ring")
        _, body = await asked(api, "/phones", NUMBER)
        (seen,) = msgspec.json.decode(body, type=list[OutsidePhone])
        assert (seen.number, seen.state) == (NUMBER, "ringing")
        use = partial(PhoneWish, phone=seen.phone)
        assert (await asked(api, "/phone", use(do="press", keys="1")))[0] == 422, "it only rings"
        assert (await asked(api, "/phone", PhoneWish(phone=99, do="answer")))[0] == 422
        assert (await asked(api, "/phone", use(do="answer")))[0] == 200
        await until(lambda: it.switch.of(Answered, leg), "the answer")
        assert (await asked(api, "/phone", use(do="press", keys="1#")))[0] == 200
        assert (await asked(api, "/phone", use(do="press", keys="1x")))[0] == 422
        assert (await asked(api, "/phone", use(do="say", sound=b"no wav")))[0] == 422
        assert (await asked(api, "/phone", use(do="dance")))[0] == 422
        assert (await asked(api, "/phone", use(do="hang-up")))[0] == 200
        await it.switch.is_over(leg)
        _, body = await asked(api, "/phone", use(do="listen", after=10**9))
        assert msgspec.json.decode(body, type=Listened) == Listened(state="over", status=200)


@scene
async def test_a_person_calls_hears_presses_keys_and_is_hung_up_on_in_the_end(
    tmp_path: Path,
) -> None:
    async with place(tmp_path) as it:
        api = Api("secret", it.network, Canary(it.network))
        assert (await asked(api, "/dial", DialWish(to="sales")))[0] == 422
        assert (await asked(api, "/dial", DialWish(to=NUMBER, caller="<sip:x>")))[0] == 422
        _, body = await asked(api, "/dial", DialWish(to=NUMBER, longest_seconds=1.0))
        made = msgspec.json.decode(body, type=OutsidePhone)
        use = partial(PhoneWish, phone=made.phone)
        assert (await asked(api, "/phone", use(do="press", keys="1")))[0] == 422, "it only rings"
        assert it.network.hands.phones(NUMBER) == [], "whoever has that number does not see it"
        await until(lambda: of(InviteReceived, it.switch), "the call")
        it.switch.answer(of(InviteReceived, it.switch)[0])

        async def look() -> Listened:
            _, body = await asked(api, "/phone", use(do="look"))
            return msgspec.json.decode(body, type=Listened)

        phone = it.network.hands.phone(made.phone)
        assert phone is not None
        await until(lambda: phone.state == "talking", "the answer")
        assert await look() == Listened(state="talking", status=200)
        assert (await asked(api, "/phone", use(do="press", keys="1#")))[0] == 200
        await until(lambda: phone.state == "over", "its longest time")
        assert await look() == Listened(state="over", status=200)


def test_calls_answered_by_hand_do_not_pile_up() -> None:
    hands, request = Hands(), parse(CALL)
    for leg in range(MOST_PHONES + 30):
        phone = Phone(None, Script())  # type: ignore[arg-type]  # it never calls
        phone.leg = leg
        phone.ended.set()
        hands.keep(phone, NUMBER, request)
    assert len(hands.phones(NUMBER)) == MOST_PHONES
    assert hands.phones(NUMBER)[0].leg == 30


def test_results_that_nobody_asks_for_do_not_pile_up() -> None:
    armed = Armed(Script())
    for n in range(MOST_RESULTS + 30):
        armed.keep(Result(status=n, heard=np.zeros(0, np.int16)))
    assert armed.results.qsize() == MOST_RESULTS
    assert armed.results.get_nowait().status == 30

"""The pretend network, with a scripted switch at the other end of its socket."""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np

from carillon.sandbox.network import MOST_RESULTS, Armed, Network
from carillon.sandbox.phones import Result, Script
from carillon.sip.endpoint import Failed, Progressed
from tests.switch.office import Peer, scene, scratch, until

NUMBER = "+33688000005"


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


def test_results_that_nobody_asks_for_do_not_pile_up() -> None:
    armed = Armed(Script())
    for n in range(MOST_RESULTS + 30):
        armed.keep(Result(status=n, heard=np.zeros(0, np.int16)))
    assert armed.results.qsize() == MOST_RESULTS
    assert armed.results.get_nowait().status == 30

"""The switch process: `python -m carillon.switch`."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import resource
import signal
import sys

import uvloop

from carillon.bus.client import PortalClient
from carillon.bus.config import BadSetting, Config, read_config
from carillon.bus.server import Server
from carillon.switch.api import Api
from carillon.switch.house import keep_house
from carillon.switch.recovery import end_lost_calls
from carillon.switch.switchboard import Switchboard

log = logging.getLogger("carillon.switch")

CLOSE_SECONDS = 2.4
"""A little more than a call waits for its last figures."""
STOP_SECONDS = 1.0


def _http(config: Config, board: Switchboard, secret: str) -> Server:
    api = Api(
        secret,
        board.journal,
        do=board.do,
        status=board.status,
        plans=board.plans.running,
        taken=board.taken,
    )
    return Server(api, config.switch_port)


async def run(config: Config) -> int:
    """Serve until a signal; return the exit status. `BadSetting` for a certificate that cannot be used."""
    # Calls free themselves, so there is next to nothing to collect: only what is new is looked at. The rest
    # of a busy day would delay packets by ten milliseconds four times a second, all of it by a third of a
    # second; both are left for a quiet moment (`switch.house`).
    gc.set_threshold(2_000, 1_000_000, 1_000_000)
    config.make_folders()
    secret = config.secret()
    board = Switchboard(config, PortalClient(config.portal_url, secret))
    lost = end_lost_calls(board.journal, config.recordings, board.clock)
    if lost:
        log.warning("journal: %s calls had been cut off; their records are complete now", lost)
    try:
        await board.driver.listen()
    except OSError as error:
        first, last = config.sip_port, config.sip_wss_port
        log.error("cannot serve SIP on %s:%s-%s: %s", config.host, first, last, error.strerror)
        return 1
    log.info("ready: SIP on %s:%s, %s plans", config.host, config.sip_port, len(board.plans))
    return await _serve(board, _http(config, board, secret))


async def _serve(board: Switchboard, server: Server) -> int:
    """Do what a switch does until a signal, or until a part of it fails: 1."""
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        board.loop.add_signal_handler(name, stop.set)
    parts = (
        board.plans.follow(),
        *(sounds.plane.follow() for sounds in board.halls.every),
        board.trunks.follow(),
        board.watch.follow(),
        keep_house(board),
        server.serve(),
    )
    tasks = [asyncio.create_task(part) for part in parts]
    gc.freeze()
    # Each of these runs for ever; one that does not is better begun anew with all the others.
    stopped = asyncio.create_task(stop.wait())
    await asyncio.wait((stopped, *tasks), return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    await _stop(board, tasks, server)
    for task in tasks:
        fault = None if task.cancelled() else task.exception()
        if fault is not None:
            log.error("a part of the switch ended: %r", fault)
    return 0 if stop.is_set() else 1


async def _stop(board: Switchboard, tasks: list[asyncio.Task[None]], server: Server) -> None:
    """Say goodbye to everybody, write the last records, close."""
    board.stopping = True
    for call in list(board.calls.values()):
        with board.guard(call):
            call.end(by="system", detail="shutdown")
    until = board.loop.time() + CLOSE_SECONDS
    while board.calls and board.loop.time() < until:
        await asyncio.sleep(0.02)
    server.should_exit = True
    board.journal.wake()
    await asyncio.wait(tasks[-1:], timeout=STOP_SECONDS)  # the last one serves HTTP
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    board.driver.close()
    board.devices.close()
    board.journal.close()


def _allow_many_sockets() -> None:
    """Every phone on a stream, browsers above all, takes a descriptor."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def main() -> int:
    """Run the switch."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(levelname)s %(message)s")
    _allow_many_sockets()
    try:
        return uvloop.run(run(read_config()))
    except BadSetting as error:
        log.error("%s", error)
        return 2

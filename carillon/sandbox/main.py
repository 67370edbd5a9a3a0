"""The sandbox carrier process: `python -m carillon.sandbox`."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import sys

import numpy as np
import uvloop

from carillon.bus.config import BadSetting, Config, read_config
from carillon.bus.server import Server
from carillon.media.wav import NotWav, read_wav
from carillon.sandbox.api import Api
from carillon.sandbox.canary import Canary
from carillon.sandbox.network import DEFAULT_STAY_SECONDS, Network
from carillon.sandbox.phones import Script
from carillon.sandbox.rtp import tone

log = logging.getLogger("carillon.sandbox")

GREETING_KEY = "sandbox-greeting"
"""The prompt that an outside phone nobody armed says; without it, a friendly tone."""


def _default_script(config: Config) -> Script:
    say = tone(440, 0.5)
    with contextlib.suppress(OSError, NotWav):
        say = read_wav((config.prompts / f"{GREETING_KEY}.wav").read_bytes())
    return Script(say=np.ascontiguousarray(say), stay_seconds=DEFAULT_STAY_SECONDS)


async def run(config: Config) -> int:
    """Serve until a signal; return the exit status."""
    network = Network(config, _default_script(config))
    try:
        await network.listen()
    except OSError as error:
        log.error("cannot serve SIP on port %s: %s", config.sandbox_sip_port, error.strerror)
        return 1
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    canary = Canary(network)
    server = Server(Api(config.secret(), network, canary), config.sandbox_port)
    tasks = [asyncio.create_task(canary.sing_for_ever()), asyncio.create_task(server.serve())]
    log.info("ready: the pretend telephone network is at port %s", config.sandbox_sip_port)
    await stop.wait()
    server.should_exit = True
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    network.close()
    return 0


def main() -> int:
    """Run the sandbox carrier."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(levelname)s %(message)s")
    try:
        config = read_config()
    except BadSetting as error:
        log.error("%s", error)
        return 2
    return uvloop.run(run(config))

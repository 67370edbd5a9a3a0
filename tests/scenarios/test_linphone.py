"""Linphone as a desk phone: it registers, is called, holds, transfers, calls, and hears and is heard."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec import structs

from carillon.schema.plan import Trunk
from tests.linphone import Linphone
from tests.softphone import Softphone, room
from tests.system import MAIN, acme, running, tone, wait_for

pytestmark = pytest.mark.system

MUSIC_HERTZ = 1570.0


def test_linphone_is_called_holds_transfers_and_calls_with_sound_both_ways(tmp_path: Path) -> None:
    port = Softphone.free_port()
    with running(tmp_path) as system:
        tune = system.prompt("tune", tone(MUSIC_HERTZ, 3.0))
        system.seed(structs.replace(acme(), music=(tune,)), Trunk("out", "Out", "127.0.0.1", port))
        system.start("media", "switch")
        caller = Softphone(system, "caller", 440.0, outside=True, port=port)
        ann, ben = Linphone(system, "ann", 620.0), Softphone(system, "ben", 830.0)
        with room(caller=caller, ann=ann, ben=ben) as here:
            here.music = MUSIC_HERTZ
            caller.dial(MAIN)
            ann.talks()
            here.hear(caller={"ann"}, ann={"caller"})
            ann.hold()
            here.hear(caller={"music"})
            ann.resume()
            here.hear(caller={"ann"}, ann={"caller"})
            ann.transfer("102")
            ben.talks()
            ann.is_over()
            here.hear(caller={"ben"}, ben={"caller"})
            ben.hang_up()
            caller.is_over()
            line = ann.dial("102")
            ben.talks(2)
            here.hear({"ann": line, "ben": 2}, ann={"ben"}, ben={"ann"})
            ann.hang_up(line)
            ben.is_over(2)
            wait_for(lambda: not system.switch.status().calls, why="no call")

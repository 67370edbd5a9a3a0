"""Two media processes: two companies, each with its own; one is lost and comes back."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec import structs

from carillon.schema.plan import Plan, Trunk
from tests.softphone import Softphone, room
from tests.system import MAIN, acme, running, wait_for

pytestmark = pytest.mark.system

GLOBEX_MAIN = "+33199002001"


def globex() -> Plan:
    """Return another company, with the same people at phones of their own."""
    plan = acme()
    numbers = (structs.replace(plan.numbers[0], e164=GLOBEX_MAIN),)
    devices = tuple(
        structs.replace(each, id=f"g-{each.id}", username=each.username)
        for each in plan.devices[1:]
    )
    ring = structs.replace(plan.nodes["ring"], steps=plan.nodes["ring"].steps)  # type: ignore[union-attr]
    step = structs.replace(ring.steps[0], target=structs.replace(ring.steps[0].target, user="ben"))  # type: ignore[union-attr]
    nodes = {**plan.nodes, "ring": structs.replace(ring, steps=(step,))}
    return structs.replace(plan, company="globex", numbers=numbers, nodes=nodes, devices=devices)


def test_each_company_has_one_and_a_lost_one_takes_no_call_of_the_other(tmp_path: Path) -> None:
    port = Softphone.free_port()
    trunk = Trunk("out", "Outside", "127.0.0.1", port)
    with running(tmp_path, media=2) as system:
        plan = acme()
        system.seed(structs.replace(plan, devices=plan.devices[:1]), trunk)
        system.seed(globex(), trunk)
        system.start("media", "media-2", "switch")
        caller = Softphone(system, "caller", 440.0, outside=True, port=port)
        ann, ben = Softphone(system, "ann", 620.0), Softphone(system, "ben", 830.0)
        with room(caller=caller, ann=ann, ben=ben) as here:
            first, second = caller.dial(MAIN), caller.dial(GLOBEX_MAIN)
            for name, line in (("ann", first), ("ben", second)):
                here.phones[name].talks()
                here.hear({"caller": line}, **{name: {"caller"}, "caller": {name}})
            system.kill("media-2")
            wait_for(lambda: not system.switch.status().media_connected, why="the loss")
            for phone, line in ((ann, 1), (ben, 1), (caller, first), (caller, second)):
                phone.forget(line)
            here.hear({"caller": first}, ann={"caller"}, caller={"ann"})
            here.hear({"caller": second}, ben=set(), caller=set())
            system.start("media-2")
            wait_for(lambda: system.switch.status().media_connected, why="the return")
            ben.forget()
            here.hear({"caller": second}, ben={"caller"}, caller={"ben"})

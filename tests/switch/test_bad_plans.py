"""Plans that are not as they should be, and change while callers wait: nobody is left standing."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from msgspec import structs

from carillon.schema.events import CallArrived, MessageLeft, TroubleBegan
from carillon.schema.plan import (
    PLAN_FORMAT,
    MenuNode,
    NumberNode,
    Plan,
    Prompt,
    RingNode,
    RingStep,
    Target,
    Team,
    TeamTarget,
    UserNode,
    UserTarget,
)
from carillon.sip.endpoint import HungUp
from carillon.switch.shelf import Shelf
from tests.switch.office import Office, office, scene, scratch, until
from tests.switch.test_plans import Portal
from tests.system import acme

pytestmark = pytest.mark.system


def ringing(*targets: Target, queue: bool = True) -> Plan:
    """Return Acme's plan with its number ringing the team "desk" or whom else."""
    plan = acme()
    steps = tuple(RingStep(target, 30) for target in targets)
    nodes = {**plan.nodes, "ring": RingNode("ring", steps, "away", queue=queue)}
    return structs.replace(plan, nodes=nodes, teams=(Team("desk", "Desk", ("ann",)),))


@scene
@pytest.mark.parametrize("queue", [True, False])
async def test_callers_of_whoever_is_gone_reach_the_next_or_the_voicemail(
    tmp_path: Path, queue: bool
) -> None:
    plan = ringing(UserTarget("gone"), TeamTarget("gone"), UserTarget("ann"), queue=queue)
    async with office(tmp_path, "ann", plan=plan) as here:
        leg = here.call()
        await here.phones["ann"].invited()
        await here.hangs_up(leg)
        assert here.reasons().count("ring.skip-gone") == 2


@scene
@pytest.mark.parametrize(
    "node", [UserNode("menu.1", "gone", "away"), NumberNode("menu.1", "gone", "away")]
)
async def test_a_key_that_leads_to_what_is_gone_leads_to_the_voicemail(
    tmp_path: Path, node: UserNode | NumberNode
) -> None:
    plan = acme()
    menu = MenuNode("menu", None, Prompt("choose"), {"1": node.id}, "closed")
    main = structs.replace(plan.numbers[0], entry="menu")
    nodes = {**plan.nodes, "menu": menu, node.id: node}
    plan = structs.replace(plan, nodes=nodes, numbers=(main, plan.numbers[1]))
    async with office(tmp_path, plan=plan) as here:
        leg = here.call()
        await here.carrier.is_answered(leg)
        here.media.press(here.leg("a"), "1")
        await until(lambda: "voicemail.record" in here.reasons_so_far())


@scene
async def test_whoever_waits_for_a_team_that_is_emptied_goes_on_and_the_next_does_too(
    tmp_path: Path,
) -> None:
    portal, plan = Portal(), ringing(TeamTarget("desk"))
    with contextlib.closing(portal):
        async with office(tmp_path, "ann", plan=plan, portal=portal.url) as here:
            leg, _ann = await here.talk()
            here.call()
            await until(lambda: "ring.queue" in here.reasons_so_far(), "a caller who waits")
            # Ann is gone and the team with nobody in it.
            left = tuple(user for user in plan.users if user.id != "ann")
            devices = tuple(device for device in plan.devices if device.user != "ann")
            teams = (Team("desk", "Desk", ()),)
            empty = structs.replace(plan, version=2, users=left, devices=devices, teams=teams)
            portal.publish(empty)
            await here.board.plans.fetch()
            await until(lambda: "ring.nobody-left" in here.reasons_so_far(), "the caller goes on")
            await until(lambda: here.media.recordings, "the voicemail")
            assert not here.carrier.of(HungUp, leg), "who talks goes on talking"
            assert len(here.board.calls) == 2
            here.call()
            await until(lambda: "ring.skip-nobody" in here.reasons_so_far())


@scene
async def test_a_switch_that_can_read_no_plan_takes_messages_until_the_portal_is_back(
    tmp_path: Path,
) -> None:
    portal = Portal()
    with contextlib.closing(portal):
        config = scratch(tmp_path)
        folder = config.switch_state / "plans"
        newer = structs.replace(acme(), format=PLAN_FORMAT + 1, version=7)
        Shelf(folder, PLAN_FORMAT + 1).save(newer)
        async with contextlib.AsyncExitStack() as stack:
            here = Office(config, portal.url)
            stack.push_async_callback(here.close)
            await here.open()
            leg = here.call()
            await here.carrier.is_answered(leg)
            await until(lambda: here.media.recordings, "the voicemail")
            record = await here.hangs_up(leg)
            assert record.outcome == "voicemail"
            left = [e.event for e in here.entries() if isinstance(e.event, MessageLeft)]
            assert [event.box for event in left] == ["box"]
            told = [e.event for e in here.entries() if isinstance(e.event, TroubleBegan)]
            assert [event.kind for event in told] == ["plan-refused"]
            portal.publish(structs.replace(acme(), version=8))
            await here.board.plans.fetch()
            await here.add_phone("ann")
            here.call()
            await here.phones["ann"].invited()


@scene
async def test_a_call_keeps_the_plan_it_began_with(tmp_path: Path) -> None:
    portal, plan = Portal(), ringing(UserTarget("ann"))
    with contextlib.closing(portal):
        async with office(tmp_path, "ann", "ben", plan=plan, portal=portal.url) as here:
            first = here.call()
            ann = await here.phones["ann"].invited()
            ring = RingNode("ring", (RingStep(UserTarget("ben"), 30),), "closed", queue=True)
            portal.publish(structs.replace(plan, version=2, nodes={**plan.nodes, "ring": ring}))
            await here.board.plans.fetch()
            here.phones["ann"].refuse(ann.leg, 603)
            await until(lambda: here.media.recordings, "the voicemail of the old plan")
            await here.hangs_up(first)
            here.call()
            await here.phones["ben"].invited()
            arrived = [e.event for e in here.entries() if isinstance(e.event, CallArrived)]
            assert [event.plan_version for event in arrived] == [1, 2]
            assert len(here.phones["ann"].of(type(ann))) == 1

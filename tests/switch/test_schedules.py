"""Whatever order people, networks and processes choose: every call is told once and leaves nothing behind."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest
from msgspec import structs

from carillon.schema.commands import HangUpCall
from carillon.schema.plan import OutsideTarget, Plan, RingStep, Team, TeamTarget, UserTarget
from carillon.sip.endpoint import InviteReceived
from tests.switch.office import Office, Peer, office, scene, until
from tests.system import MAIN, acme

pytestmark = pytest.mark.system

OUTSIDE = "+33688000001"
ACTIONS = 150


def busy_plan() -> Plan:
    """Everything rings everybody, briefly; calls are recorded; nobody is there for long."""
    steps = (
        RingStep(UserTarget("ann"), 1),
        RingStep(TeamTarget("all"), 1),
        RingStep(OutsideTarget(OUTSIDE), 1),
    )
    teams = (Team("all", "All", ("ann", "ben")),)
    plan = acme(steps, record_inbound=True, record_outbound=True)
    return structs.replace(plan, teams=teams)


class Fate:
    """Rolls dice and does what they say."""

    def __init__(self, here: Office, seed: int) -> None:
        self.here = here
        self.dice = random.Random(seed)
        self.placed: list[tuple[Peer, int]] = []
        self.media_here = True

    def peers(self) -> list[Peer]:
        return [self.here.carrier, *self.here.phones.values()]

    def rung(self) -> tuple[Peer, InviteReceived] | None:
        rung = [(peer, invite) for peer in self.peers() for invite in peer.of(InviteReceived)]
        return self.dice.choice(rung[-6:]) if rung else None

    async def act(self) -> None:
        actions = (
            [self.call] * 5
            + [self.dial] * 2
            + [self.answer] * 8
            + [self.progress] * 2
            + [self.decline] * 3
            + [self.leave] * 5
            + [self.hang_up] * 4
            + [self.press] * 4
            + [self.offer] * 2
            + [self.administrate]
        )
        self.dice.choice(actions)()
        if self.dice.random() < 0.04:
            await self.toggle_media()
        self.here.media.tells_ends = self.dice.random() > 0.02
        self.here.media.ends_plays = self.dice.random() > 0.3
        await asyncio.sleep(self.dice.choice((0, 0, 0.001, 0.005, 0.02)))

    def call(self) -> None:
        carrier = self.here.carrier
        carrier.rtp_port = 30000 + 2 * self.dice.randrange(5)
        self.placed.append((carrier, self.here.call(MAIN)))

    def dial(self) -> None:
        user = self.dice.choice(("ann", "ben"))
        to = self.dice.choice(("101", "102", OUTSIDE, MAIN, "9"))
        self.placed.append((self.here.phones[user], self.here.dial(user, to)))

    def answer(self) -> None:
        if found := self.rung():
            found[0].answer(found[1])

    def progress(self) -> None:
        if found := self.rung():
            peer, invite = found
            early = self.dice.random() < 0.5
            more = {"status": 183, "sdp": peer.offer()} if early else {}
            peer.ring(invite.leg, **more)

    def decline(self) -> None:
        if found := self.rung():
            found[0].refuse(found[1].leg, self.dice.choice((486, 404, 480, 503, 603)))

    def leave(self) -> None:
        if self.placed:
            peer, leg = self.placed.pop(self.dice.randrange(len(self.placed)))
            peer.hang_up(leg)

    def hang_up(self) -> None:
        if found := self.rung():
            found[0].hang_up(found[1].leg)

    def press(self) -> None:
        if self.here.media.legs:
            leg = self.dice.choice(list(self.here.media.legs))
            self.here.media.press(leg, self.dice.choice("##1234"))

    def offer(self) -> None:
        if self.placed:
            peer, leg = self.dice.choice(self.placed)
            direction = self.dice.choice(("sendonly", "sendrecv", "inactive"))
            peer.reoffer(leg, peer.offer(direction=direction))

    def administrate(self) -> None:
        if self.here.board.calls:
            self.here.board.do(HangUpCall(self.dice.choice(list(self.here.board.calls))))

    async def toggle_media(self) -> None:
        if self.media_here:
            await self.here.media.stop()
        else:
            await self.here.media.start()
        self.media_here = not self.media_here

    async def everybody_leaves(self) -> None:
        for peer, leg in self.placed:
            peer.hang_up(leg)
        for peer in self.peers():
            for invite in peer.of(InviteReceived):
                peer.hang_up(invite.leg)
        self.here.media.tells_ends = True
        if self.dice.random() < 0.5 and not self.media_here:
            await self.toggle_media()
        await until(lambda: not self.here.board.calls, "every call to end", 20)
        if self.media_here:
            # What a media process kept to itself is given back when it is gone at the latest.
            await self.here.media.stop()


@pytest.mark.parametrize("seed", range(8))
@scene
async def test_no_order_of_things_loses_a_record_or_keeps_anything(
    tmp_path: Path, seed: int
) -> None:
    async with office(tmp_path, "ann", "ben", plan=busy_plan()) as here:
        fate = Fate(here, seed)
        for _ in range(ACTIONS):
            await fate.act()
        await fate.everybody_leaves()
        assert here.board.endpoint.transactions
        await here.is_quiet()

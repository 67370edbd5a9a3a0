"""Callers who wait, agents who become free: with real SIP on both sides."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from carillon.schema.commands import HoldAgent, PlaceCallback, ReleaseAgent
from carillon.schema.events import CallArrived, CallbackRequested
from carillon.schema.mediacontrol import BridgeLegs, PlayFiles
from carillon.schema.plan import (
    Callback,
    OutsideTarget,
    Plan,
    Prompt,
    RingNode,
    RingStep,
    Target,
    Team,
    TeamTarget,
    UserTarget,
    Waiting,
)
from carillon.sip.endpoint import Answered, Cancelled, Confirmed
from tests.switch.office import Office, office, scene, until
from tests.system import acme

pytestmark = pytest.mark.system

MOBILE = "+33688000001"


def queue(
    *,
    strategy: str = "all",
    target: Target = TeamTarget("desk"),
    member_seconds: int = 15,
    seconds: int = 20,
    node: dict[str, object] | None = None,
    number: dict[str, object] | None = None,
    user: dict[str, object] | None = None,
) -> Plan:
    """Return Acme's plan with its number ringing the team "desk" as a queue."""
    plan = acme()
    ring = RingNode("ring", (RingStep(target, seconds),), "away", queue=True, **(node or {}))  # type: ignore[arg-type]
    main, night = plan.numbers
    change = msgspec.structs.replace
    return change(
        plan,
        nodes={**plan.nodes, "ring": ring},
        teams=(Team("desk", "Desk", ("ann", "ben"), strategy, member_seconds),),
        numbers=(change(main, **(number or {})), night),
        users=tuple(change(each, **(user or {})) for each in plan.users),
        system_prompts={
            **plan.system_prompts,
            **{f"fr.{name}": Prompt(name) for name in ("callback-noted", "place-1", "place-2")},
        },
    )


async def talks(here: Office, user: str, leg: int, nth: int = 0) -> int:
    """Have a user pick up; return the user's leg."""
    phone = here.phones[user]
    invite = await phone.picks_up(nth)
    await here.carrier.is_answered(leg)
    await until(lambda: len(phone.of(Confirmed)) > nth, "the ACK")
    return invite.leg


@scene
async def test_a_second_caller_waits_until_the_agent_is_free(tmp_path: Path) -> None:
    async with office(tmp_path, "ann", plan=queue(target=UserTarget("ann"))) as here:
        first = here.call()
        await talks(here, "ann", first)
        second = here.call()
        await until(lambda: len(here.board.calls) == 2)
        await until(lambda: "ring.queue" in here.reasons_so_far())
        assert len(here.phones["ann"].of(Cancelled)) == 0
        here.carrier.hang_up(first)
        await talks(here, "ann", second, nth=1)
        await here.hangs_up(second, 1)
        assert here.reasons(1)[-2:] == ["ring.offer", "ring.answered"]
        await here.is_quiet()


@scene
async def test_members_ring_in_turn_for_their_seconds(tmp_path: Path) -> None:
    plan = queue(strategy="in-turn", member_seconds=1)
    async with office(tmp_path, "ann", "ben", plan=plan) as here:
        leg = here.call()
        await here.phones["ann"].invited()
        await talks(here, "ben", leg)
        assert here.phones["ann"].of(Cancelled), "one at a time"
        await here.hangs_up(leg)
        asked = [reason for reason in here.reasons() if reason.startswith("ring.")]
        assert asked == [
            "ring.start",
            "ring.offer",
            "ring.turn-over",
            "ring.offer",
            "ring.answered",
        ]


@scene
async def test_an_agent_at_work_after_a_call_is_not_rung_before_it_is_done(tmp_path: Path) -> None:
    plan = queue(target=UserTarget("ann"), user={"after_call_seconds": 30})
    async with office(tmp_path, "ann", plan=plan) as here:
        first = here.call()
        await talks(here, "ann", first)
        await here.hangs_up(first)
        second = here.call()
        await until(lambda: "ring.skip-acw" in here.reasons_so_far())
        here.do(ReleaseAgent("acme", "ann"))
        await talks(here, "ann", second, nth=1)


@scene
async def test_a_call_that_must_be_tagged_keeps_the_agent_from_the_next(tmp_path: Path) -> None:
    plan = queue(target=UserTarget("ann"), number={"mandatory_tag": True})
    async with office(tmp_path, "ann", plan=plan) as here:
        first = here.call()
        await talks(here, "ann", first)
        record = await here.hangs_up(first)
        assert here.board.people.owing == {("acme", "ann"): record.call}
        second = here.call()
        await until(lambda: "ring.skip-tag" in here.reasons_so_far())
        here.do(ReleaseAgent("acme", "ann"))
        await talks(here, "ann", second, nth=1)


@scene
async def test_who_owed_a_tag_before_the_switch_began_is_not_rung(tmp_path: Path) -> None:
    async with office(tmp_path, "ann", plan=queue(target=UserTarget("ann"))) as here:
        assert here.do(HoldAgent("acme", "ann", "earlier")).done
        leg = here.call()
        await until(lambda: "ring.skip-tag" in here.reasons_so_far())
        here.do(ReleaseAgent("acme", "ann"))
        await talks(here, "ann", leg)


@scene
async def test_when_the_last_agent_goes_away_the_caller_goes_on(tmp_path: Path) -> None:
    async with office(tmp_path, "ann", plan=queue(target=UserTarget("ann"))) as here:
        first = here.call()
        await talks(here, "ann", first)
        here.call()
        await until(lambda: "ring.queue" in here.reasons_so_far())
        gone = (("Expires", "0"), ("Contact", "*"))
        await here.phones["ann"].register(here.config.sip_port, "acme-ann", headers=gone)
        await until(lambda: "ring.nobody-left" in here.reasons_so_far())
        await until(lambda: "voicemail.message" in here.reasons_so_far())


@scene
async def test_star_asks_to_be_called_back_and_ends_the_call(tmp_path: Path) -> None:
    plan = queue(node={"callback": Callback(), "music": Prompt("music")})
    async with office(tmp_path, "ann", plan=plan) as here:
        leg = here.call(from_=f"<sip:{MOBILE}@127.0.0.1>")
        await here.carrier.is_answered(leg)
        await here.phones["ann"].invited()
        here.media.press(here.leg("a"), "*")
        await until(lambda: here.phones["ann"].of(Cancelled), "the agent's phone stops")
        record = await here.record()
        asked = [e.event for e in here.entries() if isinstance(e.event, CallbackRequested)]
        assert [(each.number, each.e164) for each in asked] == [("1", MOBILE)]
        assert record.outcome == "callback"


@scene
async def test_a_callback_rings_the_agent_then_the_customer(tmp_path: Path) -> None:
    async with office(tmp_path, "ann", "ben", plan=queue()) as here:
        command = PlaceCallback("acme", "cb1", "1", MOBILE, 1000.0, (TeamTarget("desk"),))
        assert here.do(command).done
        assert here.do(command).done, "asking twice changes nothing"
        await here.phones["ann"].picks_up()
        outside = await here.carrier.picks_up()
        await until(lambda: here.carrier.of(Confirmed), "the customer is called")
        assert not here.phones["ben"].of(Confirmed)
        here.carrier.hang_up(outside.leg)
        await here.record()
        (arrived,) = [e.event for e in here.entries() if isinstance(e.event, CallArrived)]
        assert (arrived.callback, arrived.purpose, arrived.called) == ("cb1", "callback", MOBILE)
        assert (await here.record()).outcome == "answered"
        await here.is_quiet()


@scene
async def test_an_agent_who_does_not_take_a_callback_passes_it_on(tmp_path: Path) -> None:
    async with office(tmp_path, "ann", "ben", plan=queue()) as here:
        here.do(PlaceCallback("acme", "cb1", "1", MOBILE, 1000.0, (TeamTarget("desk"),)))
        invite = await here.phones["ann"].invited()
        here.phones["ann"].refuse(invite.leg, 603)
        await here.phones["ben"].invited()


@scene
async def test_an_outside_phone_takes_the_call_only_by_pressing_1(tmp_path: Path) -> None:
    target = OutsideTarget(MOBILE, confirm=True)
    async with office(tmp_path, plan=queue(target=target)) as here:
        leg = here.call()
        await here.carrier.picks_up()
        await until(lambda: "ring.confirm-asked" in here.reasons_so_far())
        assert not here.carrier.of(Answered, leg), "a voicemail would have taken it by now"
        here.media.press(here.leg("b1"), "2")
        here.media.press(here.leg("b1"), "1")
        await here.carrier.is_answered(leg)
        await until(lambda: "ring.answered" in here.reasons_so_far())


@scene
async def test_waiting_callers_hear_their_place(tmp_path: Path) -> None:
    plan = queue(
        target=UserTarget("ann"), node={"waiting": Waiting(position=True, every_seconds=1)}
    )
    async with office(tmp_path, "ann", plan=plan) as here:
        first = here.call()
        await talks(here, "ann", first)
        here.call()

        def told() -> list[PlayFiles]:
            return [each for each in here.media.of(PlayFiles) if "place-1" in str(each.paths)]

        await until(told, "the place in the line")


@scene
async def test_a_caller_is_told_of_the_recording_before_anybody_rings(tmp_path: Path) -> None:
    number = {"record_inbound": True, "record_announcement": Prompt("recorded")}
    async with office(tmp_path, "ann", plan=queue(number=number)) as here:
        leg = here.call()
        await talks(here, "ann", leg)
        await here.hangs_up(leg)
        said = ["record.told", "ring.start"]
        assert [reason for reason in here.reasons() if reason in said] == said


@scene
async def test_whoever_we_call_is_told_of_the_recording_before_they_talk(tmp_path: Path) -> None:
    number = {"record_outbound": True, "record_announcement": Prompt("recorded")}
    async with office(tmp_path, "ann", plan=queue(number=number)) as here:
        here.media.ends_plays = False
        here.dial("ann", MOBILE)
        await here.carrier.picks_up()
        await until(lambda: "record.announced" in here.reasons_so_far())
        said = here.leg("b1")
        await until(lambda: said in here.media.plays, "the announcement")
        assert not here.media.recordings, "nothing is recorded before it is said"
        here.media.end_play(said)
        await until(lambda: here.media.recordings, "the recording")
        assert here.who_hears()["ann"] == {MOBILE}


@scene
async def test_whoever_hangs_up_during_the_announcement_ends_the_call(tmp_path: Path) -> None:
    number = {"record_outbound": True, "record_announcement": Prompt("recorded")}
    async with office(tmp_path, "ann", plan=queue(number=number)) as here:
        here.media.ends_plays = False
        here.dial("ann", MOBILE)
        outside = await here.carrier.picks_up()
        await until(lambda: "record.announced" in here.reasons_so_far())
        here.carrier.hang_up(outside.leg)
        await here.record()
        await here.is_quiet()


@scene
async def test_music_that_waits_for_the_ack_does_not_begin_over_the_talk(tmp_path: Path) -> None:
    async with office(tmp_path, "ann", plan=queue(node={"music": Prompt("music")})) as here:
        leg = here.call()
        phone = here.phones["ann"]
        await phone.picks_up()
        await until(lambda: here.media.of(BridgeLegs), "the bridge, before the ACK")
        await here.carrier.is_answered(leg)
        await here.hear(ann={"+33612345678"})
        assert not here.media.plays, "and no music after it"

"""Calls the system itself places: a code read out, a prompt recorded by phone."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec import structs

from carillon.schema.commands import CallOut
from carillon.schema.events import CallArrived, MessageLeft
from carillon.schema.mediacontrol import PlayFiles
from carillon.schema.plan import Limits, Prompt
from tests.switch.office import Office, office, scene, until
from tests.system import MAIN, acme

pytestmark = pytest.mark.system

OUTSIDE = "+33612345678"
SAY = (Prompt("code"), Prompt("digit-4"))


def heard(here: Office) -> list[list[str]]:
    return [[Path(path).stem for path in play.paths] for play in here.media.of(PlayFiles)]


@scene
async def test_a_code_is_read_out_twice_to_whoever_answers_outside(tmp_path: Path) -> None:
    async with office(tmp_path) as here:
        answer = here.do(CallOut("acme", OUTSIDE, SAY, "code", times=2))
        assert answer.done
        invite = await here.carrier.invited()
        assert MAIN in (invite.request.get("From") or "")
        assert not here.board.status().calls, "nobody is shown calls that carry codes"
        here.carrier.answer(invite)
        record = await here.record()
        assert heard(here) == [["code", "digit-4"]] * 2
        assert (record.direction, record.called, record.outcome) == (
            "outbound",
            OUTSIDE,
            "answered",
        )
        arrived = here.events()[0]
        assert isinstance(arrived, CallArrived)
        assert (arrived.purpose, arrived.number, answer.call) == ("code", "1", arrived.call)
        assert here.reasons() == ["call.spoken", "announce.play", "flow.end"]
        await here.is_quiet()


@scene
async def test_a_dictation_on_a_user_s_phone_is_kept_under_its_ticket(tmp_path: Path) -> None:
    async with office(tmp_path, "ann") as here:
        assert here.do(CallOut("acme", "101", SAY, "dictation", ticket="t1")).done
        ann = here.phones["ann"]
        await ann.picks_up()
        await until(lambda: here.media.recordings, "the recording")
        here.media.press(here.leg("b1"), "#")
        await until(lambda: here.media.plays == {}, "the menu")
        here.media.press(here.leg("b1"), "3")
        await here.record()
        (left,) = [event for event in here.events() if isinstance(event, MessageLeft)]
        assert left.box == "prompt:t1"
        await here.is_quiet()


@scene
async def test_whoever_is_called_and_hangs_up_ended_the_call(tmp_path: Path) -> None:
    async with office(tmp_path) as here:
        here.media.ends_plays = False
        assert here.do(CallOut("acme", OUTSIDE, SAY, "code")).done
        invite = await here.carrier.picks_up()
        await until(lambda: here.media.plays, "the code")
        here.carrier.hang_up(invite.leg)
        record = await here.record()
        assert record.ended_by == "callee"
        await here.is_quiet()


@scene
async def test_a_call_nobody_answers_ends_and_leaves_nothing(tmp_path: Path) -> None:
    async with office(tmp_path) as here:
        assert here.do(CallOut("acme", OUTSIDE, SAY, "code")).done
        invite = await here.carrier.invited()
        here.carrier.refuse(invite.leg, 486)
        record = await here.record()
        assert (record.outcome, record.detail) == ("abandoned", "not-picked-up")
        await here.is_quiet()


@scene
@pytest.mark.parametrize(
    ("to", "reason"),
    [
        ("+33899000000", "not-allowed"),
        ("0612345678", "bad-number"),
        ("112", "bad-number"),
        ("+", "bad-number"),
        ("", "bad-number"),
        ("101", "no-phone"),
    ],
)
async def test_what_may_not_be_called_is_refused_before_anything_rings(
    tmp_path: Path, to: str, reason: str
) -> None:
    plan = structs.replace(acme(), limits=Limits(denied=("3389",)))
    async with office(tmp_path, plan=plan) as here:
        answer = here.do(CallOut("acme", to, SAY, "code"))
        assert (answer.done, answer.reason) == (False, reason)
        assert here.entries() == []


@scene
async def test_a_company_s_limit_of_outside_calls_holds_for_the_system_too(tmp_path: Path) -> None:
    plan = structs.replace(acme(), limits=Limits(outside_calls=1))
    async with office(tmp_path, plan=plan) as here:
        assert here.do(CallOut("acme", OUTSIDE, SAY, "code")).done
        assert here.do(CallOut("acme", OUTSIDE, SAY, "code")).reason == "not-allowed"

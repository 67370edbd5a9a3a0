"""Callers who are not let in: blocked numbers, hidden numbers, whoever calls without end."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec import structs

from carillon.flows.blocking import is_blocked
from carillon.schema.events import CallArrived, CallEnded, Decided
from carillon.schema.plan import Limits
from carillon.sip.endpoint import InviteReceived
from carillon.switch.callers import MOST_CALLERS, Callers
from tests.switch.office import HOST, office, scene, until
from tests.system import MAIN, acme

pytestmark = pytest.mark.system
NUISANCE = "+33612345678"


def test_a_number_its_beginning_and_hiding_it_can_be_blocked() -> None:
    plan = structs.replace(acme(), blocked=(NUISANCE, "+33899*", "*", ""))
    assert is_blocked(plan, NUISANCE)
    assert is_blocked(plan, "+33899123456")
    assert not is_blocked(plan, "+33612345679")
    assert not is_blocked(plan, "anonymous"), "a star alone is no beginning"
    assert is_blocked(structs.replace(plan, block_anonymous=True), "anonymous")


def test_a_flood_of_one_caller_is_told_once_and_forgotten_after_a_while() -> None:
    callers, plan = Callers(), acme()
    told = [callers.refuses(plan, NUISANCE, now / 100) for now in range(100)]
    assert [reason for reason, _ in told] == [""] * 20 + ["call.flood"] * 80
    assert sum(tell for _, tell in told) == 1
    assert callers.refuses(plan, "+33600000000", 1.0) == ("", False)
    assert callers.refuses(plan, NUISANCE, 120.0) == ("", False)
    assert callers.floods_over(300.0) == []
    assert callers.floods_over(700.0) == [plan.company]
    assert callers.floods_over(800.0) == []


def test_callers_are_remembered_up_to_a_bound() -> None:
    callers, plan = Callers(), acme()
    for n in range(MOST_CALLERS + 500):
        callers.refuses(plan, f"+33{n:09}", 0.0)
    assert len(callers) == MOST_CALLERS


@scene
async def test_a_blocked_caller_is_refused_before_anything_rings_and_recorded(
    tmp_path: Path,
) -> None:
    plan = structs.replace(acme(), blocked=(NUISANCE,))
    async with office(tmp_path, "ann", plan=plan) as here:
        leg = here.call()
        await here.carrier.is_over(leg)
        assert here.carrier.status(leg) == 603
        arrived, why, end = here.events()
        assert isinstance(arrived, CallArrived)
        assert isinstance(why, Decided)
        assert isinstance(end, CallEnded)
        assert (arrived.caller, arrived.called, arrived.number) == (NUISANCE, MAIN, "1")
        assert (why.reason, end.outcome) == ("call.blocked", "blocked")
        assert not here.phones["ann"].of(InviteReceived)
        await here.is_quiet()


@scene
async def test_whoever_hides_the_number_is_refused_where_the_company_wants_it(
    tmp_path: Path,
) -> None:
    plan = structs.replace(acme(), block_anonymous=True)
    async with office(tmp_path, "ann", plan=plan) as here:
        leg = here.call(from_=f"<sip:anonymous@{HOST}>")
        await here.carrier.is_over(leg)
        assert here.carrier.status(leg) == 603
        assert here.reasons() == ["call.blocked"]
        open_one = here.call()
        await here.phones["ann"].invited()
        here.carrier.hang_up(open_one)


@scene
async def test_a_caller_who_calls_without_end_is_refused_after_the_limit(tmp_path: Path) -> None:
    plan = structs.replace(acme(), limits=Limits(same_caller_a_minute=2))
    async with office(tmp_path, "ann", plan=plan) as here:
        for _ in range(2):
            here.carrier.hang_up(here.call())
        legs = [here.call() for _ in range(4)]
        for leg in legs:
            await here.carrier.is_over(leg)
            assert here.carrier.status(leg) == 603
        await until(lambda: here.reasons_so_far().count("call.flood") == 1, "to be told once")
        assert list(here.board.troubles) == ["callers-flood:acme"]
        await here.is_quiet()

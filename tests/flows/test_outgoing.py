import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from carillon.flows.outgoing import (
    NoWay,
    ToNumber,
    ToOutside,
    ToUser,
    extension_flow,
    normalise,
    outside_flow,
    way_out,
)
from carillon.flows.steps import Ring
from carillon.schema.plan import DialRules, UserTarget
from tests.flows.live import Live
from tests.flows.plans import acme

PLAN = acme()
ANN = PLAN.users[0]


@pytest.mark.parametrize(
    ("dialled", "e164"),
    [
        ("06 12 34 56 78", "+33612345678"),
        ("+33 (6) 12.34.56.78", "+33612345678"),
        ("0044 20 7946 0000", "+442079460000"),
        ("+14155550100", "+14155550100"),
        ("612345678", None),
        ("+0612345678", None),
        ("0", None),
        ("06x2345678", None),
        ("06+12345678", None),
    ],
)
def test_numbers_are_read_as_the_country_writes_them(dialled: str, e164: str | None) -> None:
    assert normalise(dialled, DialRules()) == e164


@given(st.text(max_size=40))
def test_whatever_is_dialled_leads_somewhere_or_is_refused(dialled: str) -> None:
    assert isinstance(way_out(PLAN, ANN, dialled), ToUser | ToNumber | ToOutside | NoWay)


BRITISH = DialRules("44", "0", "00", ("999", "101", "102"))


def test_a_user_dials_as_in_a_country_of_their_own() -> None:
    abroad = structs.replace(ANN, dial_rules=BRITISH)
    way = way_out(PLAN, abroad, "07911 123456")
    assert isinstance(way, ToOutside)
    assert way.e164 == "+447911123456"
    at_home = way_out(PLAN, ANN, "07911 123456")
    assert isinstance(at_home, ToOutside)
    assert at_home.e164 == "+337911123456"


def test_help_is_called_as_in_both_countries_but_no_colleague_is_taken_for_it() -> None:
    abroad = structs.replace(ANN, dial_rules=BRITISH)
    for number in (*PLAN.dial_rules.emergency, "999"):
        way = way_out(PLAN, abroad, number)
        assert isinstance(way, ToOutside)
        assert (way.emergency, way.e164) == (True, number)
    assert way_out(PLAN, abroad, "102") == ToUser(PLAN.users[1])
    assert way_out(PLAN, ANN, "999") == NoWay("call.unknown-extension", 404)


def test_a_short_number_is_an_extension() -> None:
    assert way_out(PLAN, ANN, "102") == ToUser(PLAN.users[1])
    assert way_out(PLAN, ANN, "109") == NoWay("call.unknown-extension", 404)


def test_our_own_number_takes_its_flow() -> None:
    assert way_out(PLAN, ANN, "01 99 00 10 01") == ToNumber(PLAN.numbers[0])


def test_the_outside_sees_the_user_s_default_number() -> None:
    second = structs.replace(PLAN.numbers[0], id="2", e164="+33199001002")
    plan = structs.replace(PLAN, numbers=(*PLAN.numbers, second))
    user = structs.replace(ANN, default_number="2")
    assert way_out(plan, user, "0612345678") == ToOutside("+33612345678", second)


def test_who_may_not_show_a_number_shows_another_or_cannot_call_out() -> None:
    first = structs.replace(PLAN.numbers[0], shown_by=("ben",))
    second = structs.replace(PLAN.numbers[0], id="2", e164="+33199001002", shown_by=("ann",))
    both = structs.replace(PLAN, numbers=(first, second))
    wants_the_first = structs.replace(ANN, default_number=first.id)
    assert way_out(both, wants_the_first, "0612345678") == ToOutside("+33612345678", second)
    one = structs.replace(PLAN, numbers=(first,))
    assert way_out(one, ANN, "0612345678") == NoWay("call.no-caller-id", 403)
    assert way_out(one, ANN, "112") == ToOutside("112", first, emergency=True)


def test_without_a_number_nobody_can_call_out() -> None:
    bare = structs.replace(PLAN, numbers=())
    assert way_out(bare, ANN, "0612345678") == NoWay("call.no-caller-id", 403)


def test_an_extension_rings_then_takes_a_message() -> None:
    ann = structs.replace(ANN, box="box")
    caller = Live(*extension_flow(structs.replace(PLAN, users=(ann,)), ann))
    assert caller.ringing == Ring((UserTarget("ann"),))
    caller.wait()
    assert "voicemail.record" in caller.listen().listen().reasons


def test_a_colleague_without_voicemail_just_ends_the_call() -> None:
    caller = Live(*extension_flow(PLAN, ANN), ann="dnd")
    assert (caller.course.ended, caller.said) == (True, [])


def test_a_call_out_keeps_its_caller_id() -> None:
    way = way_out(PLAN, ANN, "0612345678")
    assert isinstance(way, ToOutside)
    plan, number = outside_flow(PLAN, way)
    assert number.e164 == "+33199001001"
    assert number.entry in plan.nodes

"""Phone menus, the attendant, dial by name; and that no plan keeps a caller for ever."""

from __future__ import annotations

import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from carillon.flows.course import Course
from carillon.flows.directory import matches, spell
from carillon.flows.reasons import REASONS
from carillon.flows.steps import Happening, Picked, Played, Pressed, Recorded, Ring, RingingEnded
from carillon.flows.steps import TimerFired as Late
from carillon.schema.plan import (
    Box,
    DirectoryNode,
    GreetingNode,
    HangUpNode,
    Hours,
    HoursNode,
    MenuNode,
    Node,
    Number,
    NumberNode,
    Plan,
    Prompt,
    RingNode,
    RingStep,
    TeamTarget,
    User,
    UserNode,
    UserTarget,
    VoicemailNode,
)
from tests.flows.live import AT, Live
from tests.flows.plans import Office

SENTENCES = (
    "wrong-choice",
    "directory",
    "directory-nobody",
    "directory-next",
    "for",
    "press",
    "extension",
    "nobody",
    *(f"digit-{digit}" for digit in string.digits),
)
PEOPLE = (
    User("ann", "Ann Archer", "101", box="ann-box", spoken=Prompt("ann")),
    User("ben", "Ben Élodie", "102"),
    User("cle", "Claire Le Goff", "1", spoken=Prompt("claire")),
    User("dan", "Dan Arnold", "1020"),
    User("sec", "Sec Ret", "900", listed=False),
)


def acme(menu: MenuNode | None = None, **nodes: Node) -> Plan:
    """An attendant: 0 rings sales, 1 tells the hours, 9 is the directory, extensions at any moment."""
    menu = menu or MenuNode(
        "menu",
        Prompt("hello"),
        Prompt("choose"),
        {"0": "sales", "1": "story", "9": "names", "*": "other", "#": "gone"},
        "message",
        extensions=True,
    )
    return Plan(
        company="acme",
        version=1,
        name="Acme",
        numbers=(
            Number("1", "+33199001001", "Main", entry="menu"),
            Number("2", "+33199001002", "English", entry="english", language="en"),
        ),
        nodes={
            "menu": menu,
            "sales": RingNode("sales", (RingStep(UserTarget("ben"), 20),), "message"),
            "story": GreetingNode("story", Prompt("story"), "bye"),
            "names": DirectoryNode("names", "menu"),
            "other": NumberNode("other", "2", "message"),
            "english": MenuNode("english", None, Prompt("english"), {"1": "bye"}, "bye"),
            "message": VoicemailNode("message", Prompt("away"), "box"),
            "bye": HangUpNode("bye"),
            **nodes,
        },
        users=PEOPLE,
        boxes=(Box("box", "Main"), Box("ann-box", "Ann", Prompt("ann-away"))),
        system_prompts={
            f"{language}.{name}": Prompt(name if language == "fr" else f"en-{name}")
            for name in SENTENCES
            for language in ("fr", "en")
        },
    )


def test_a_key_leads_to_its_node_also_while_the_greeting_plays() -> None:
    caller = Live(acme()).press("0")
    assert caller.ringing == Ring((UserTarget("ben"),))
    assert caller.said == ["hello", "choose"]
    assert caller.reasons[:2] == ["menu.play", "menu.key"]


def test_an_extension_is_dialled_at_any_moment() -> None:
    assert Live(acme()).press("101").ringing == Ring((UserTarget("ann"),))
    later = Live(acme()).listen().wait().press("101")
    assert later.ringing == Ring((UserTarget("ann"),))
    assert "menu.extension" in later.reasons


def test_a_key_that_begins_an_extension_waits_two_seconds_for_more() -> None:
    caller = Live(acme()).press("1")
    assert (caller.timer, caller.waits) == (2.0, None)
    assert caller.wait().said[-1] == "story"
    dialled = Live(acme()).press("1").press("02").wait()
    assert dialled.ringing == Ring((UserTarget("ben"),))


def test_hash_says_that_the_number_is_whole() -> None:
    assert Live(acme()).press("102#").ringing == Ring((UserTarget("ben"),))
    assert Live(acme()).press("1020").ringing == Ring((UserTarget("dan"),))


def test_a_key_wins_over_an_extension_of_the_same_digit() -> None:
    assert Live(acme()).press("1").wait().said[-1] == "story"


def test_star_and_hash_are_keys_like_others_and_one_that_leads_nowhere_is_no_choice() -> None:
    assert Live(acme()).press("*").said[-1] == "english"
    assert Live(acme()).press("#").said[-2:] == ["wrong-choice", "choose"]


def test_the_third_wrong_key_takes_the_way_of_silence() -> None:
    caller = Live(acme()).press("7").listen().press("77")
    assert caller.reasons.count("menu.wrong") == 3
    assert caller.said.count("wrong-choice") == 2
    assert caller.said[-1] == "away"


def test_silence_plays_the_message_again_and_then_goes_on() -> None:
    caller = Live(acme()).listen()
    assert caller.timer == 5.0
    caller.wait().listen().wait()
    assert caller.said == ["hello", "choose", "choose", "away"]
    assert caller.reasons[-3:-1] == ["menu.replay", "menu.silence"]


def test_a_menu_without_words_is_passed_over() -> None:
    empty = MenuNode("menu", None, None, {"1": "bye"}, "message")
    caller = Live(acme(empty))
    assert caller.said == ["away"]
    assert caller.reasons[0] == "menu.none"


def test_a_number_s_own_flow_speaks_its_own_language() -> None:
    caller = Live(acme()).press("*").press("5")
    assert caller.numbers == ["2"]
    assert caller.said[-2:] == ["en-wrong-choice", "english"]


def test_whoever_dials_an_extension_in_vain_reaches_that_user_s_voicemail() -> None:
    assert Live(acme(), ann="dnd").press("101").said[-1] == "ann-away"
    assert Live(acme(), ben="dnd").press("102#").said[-1] == "nobody"


def test_a_user_s_own_entry_comes_before_plain_ringing() -> None:
    plan = acme(**{"ben.away": VoicemailNode("ben.away", Prompt("on-holiday"), "box")})
    ben = structs.replace(PEOPLE[1], entry="ben.away")
    plan = structs.replace(plan, users=(PEOPLE[0], ben))
    assert Live(plan).press("102").said[-1] == "on-holiday"
    plan = structs.replace(plan, users=(PEOPLE[0], structs.replace(ben, entry="lost")))
    assert Live(plan).press("102").ringing == Ring((UserTarget("ben"),))


@pytest.mark.parametrize(
    ("node", "reason"),
    [
        (UserNode("menu", "nobody", "message"), "user.gone"),
        (NumberNode("menu", "99", "message"), "number.gone"),
    ],
)
def test_whoever_is_sent_to_what_is_gone_goes_on(node: Node, reason: str) -> None:
    caller = Live(structs.replace(acme(), nodes={**acme().nodes, "menu": node}))
    assert (caller.reasons[0], caller.said) == (reason, ["away"])


# -- dial by name --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("Élodie", "356343"),
        ("Le Goff", "534633"),
        ("D'Œuvre", "3638873"),
        ("Straße", "7872773"),
        ("Łukasz", "585279"),
        ("Ødegård", "6334273"),
        ("李", ""),
    ],
)
def test_a_name_is_spelled_on_the_keys(name: str, keys: str) -> None:
    assert spell(name) == keys


@given(st.text(max_size=40))
def test_any_name_at_all_is_spelled_in_keys_of_letters(name: str) -> None:
    assert set(spell(name)) <= set("23456789")


def test_first_and_last_names_are_found_and_those_not_listed_are_not() -> None:
    plan = acme()
    assert [user.id for user in matches(plan, spell("ar"))] == ["ann", "dan"]
    assert [user.id for user in matches(plan, spell("ben"))] == ["ben"]
    assert [user.id for user in matches(plan, spell("gof"))] == ["cle"]
    assert [user.id for user in matches(plan, spell("leg"))] == ["cle"]
    assert matches(plan, spell("sec")) == []


def test_three_letters_offer_those_who_have_them_and_a_key_calls() -> None:
    caller = Live(acme()).press("9").wait().press("27")
    assert caller.reasons[-1] == "directory.play"
    caller.press("#")
    offered = caller.said[caller.said.index("for") :]
    assert offered[:4] == ["for", "ann", "press", "digit-1"]
    assert offered[4:] == [
        "for",
        "extension",
        "digit-1",
        "digit-0",
        "digit-2",
        "digit-0",
        "press",
        "digit-2",
    ]
    assert caller.press("2").ringing == Ring((UserTarget("dan"),))


def test_nobody_found_asks_again_and_star_goes_back() -> None:
    caller = Live(acme()).press("9").wait().press("999")
    assert caller.said[-2:] == ["directory-nobody", "directory"]
    assert caller.press("*").said[-1] == "choose"


def test_more_people_than_keys_are_offered_page_by_page() -> None:
    crowd = tuple(
        User(f"u{n}", f"Zoe {n:02}", f"2{n:02}", spoken=Prompt(f"z{n}")) for n in range(20)
    )
    caller = Live(structs.replace(acme(), users=crowd)).press("9").press("963")
    assert caller.said[-1] == "directory-next"
    assert "z7" in caller.said
    assert "z8" not in caller.said
    assert caller.press("9").said[-1] == "directory-next"
    caller.press("9")
    assert caller.press("4").ringing == Ring((UserTarget("u19"),))


# -- any plan, any caller ------------------------------------------------------------------------

NAMES = [f"n{n}" for n in range(8)] + ["nowhere"]
names = st.sampled_from(NAMES)
ids = st.sampled_from(["ann", "ben", "cle", "lost"])
prompts = st.none() | st.just(Prompt("p"))
keys = st.dictionaries(st.sampled_from("0123456789*#"), names, max_size=5)
steps = st.lists(
    st.builds(
        RingStep, st.builds(UserTarget, ids) | st.just(TeamTarget("none")), st.integers(1, 30)
    ),
    max_size=3,
).map(tuple)


def node(name: str) -> st.SearchStrategy[Node]:
    me = st.just(name)
    return st.one_of(
        st.builds(MenuNode, me, prompts, prompts, keys, names, st.booleans()),
        st.builds(DirectoryNode, me, names),
        st.builds(UserNode, me, ids, names),
        st.builds(NumberNode, me, st.sampled_from(["1", "2", "9"]), names),
        st.builds(GreetingNode, me, prompts, names),
        st.builds(HoursNode, me, st.just(Hours("Europe/Paris")), names, names),
        st.builds(RingNode, me, steps, names, st.booleans()),
        st.builds(VoicemailNode, me, prompts, st.sampled_from(["box", None])),
    )


graphs = st.fixed_dictionaries({name: node(name) for name in NAMES[:-1]})
happenings: st.SearchStrategy[Happening] = st.one_of(
    st.sampled_from("0123456789*#").map(Pressed),
    st.just(Played()),
    st.just(Late()),
    st.just(Picked("Ann")),
    st.just(RingingEnded("declined")),
    st.builds(Recorded, st.sampled_from(["digit", "silence", "limit"]), st.just(9.0)),
)


def any_plan(nodes: dict[str, Node], entries: tuple[str, str], own: str) -> Plan:
    plan = acme()
    users = tuple(structs.replace(user, entry=own) for user in PEOPLE)
    numbers = tuple(
        structs.replace(n, entry=entry) for n, entry in zip(plan.numbers, entries, strict=True)
    )
    return structs.replace(plan, nodes=nodes, numbers=numbers, users=users)


@settings(max_examples=400, deadline=None)
@given(graphs, st.tuples(names, names), st.sampled_from(["", *NAMES]), st.lists(happenings))
def test_every_course_ends_once_its_caller_does_nothing_more(
    nodes: dict[str, Node], entries: tuple[str, str], own: str, told: list[Happening]
) -> None:
    caller = Live(any_plan(nodes, entries, own))
    for event in told:
        caller.hears(event)
    caller.idle(20_000)
    assert set(caller.reasons) <= set(REASONS)


@settings(max_examples=200, deadline=None)
@given(graphs, st.tuples(names, names), st.lists(happenings, max_size=60))
def test_the_same_happenings_always_lead_the_same_way(
    nodes: dict[str, Node], entries: tuple[str, str], told: list[Happening]
) -> None:
    plan = any_plan(nodes, entries, "")
    one, two = Course(plan, plan.numbers[0]), Course(plan, plan.numbers[0])
    assert one.begin(AT, Office()) == two.begin(AT, Office())
    for event in told:
        assert one.step(event, AT, Office()) == two.step(event, AT, Office())


def test_a_loop_of_menus_lets_a_silent_caller_go_in_the_end() -> None:
    loop = MenuNode("menu", None, Prompt("again"), {}, "menu")
    caller = Live(acme(loop)).idle(20_000)
    assert caller.course.ended
    assert caller.reasons[-1] == "call.broken-plan"

"""The three kinds of number, made and set up through the pages, compiled into what they mean."""

from __future__ import annotations

import pytest

from carillon.flows.course import Course
from carillon.portal.companies.scope import within
from carillon.portal.routing.compile import compile_plan, load_rows
from carillon.portal.routing.models import Number
from carillon.schema import plan as p
from tests.portal.conftest import Cast


def compiled(cast: Cast) -> p.Plan:
    with within(cast.acme):
        return compile_plan(load_rows(cast.acme))


def made(cast: Cast, kind: str) -> Number:
    facts = {"kind": kind, "name": "New", "country": "FR"}
    assert cast.client("owner").post("/numbers/new", facts).status_code == 302
    return Number.everywhere.select_related("published").get(name="New")


def set_key(cast: Cast, number: Number, key: str, target: str, **more: str) -> None:
    facts = {"key": key, "target": target, **more}
    assert cast.client("owner").post(f"/numbers/{number.pk}/key", facts).status_code == 302


def publish(cast: Cast, number: Number) -> None:
    cast.client("owner").post(f"/numbers/{number.pk}/publish")


@pytest.mark.parametrize("kind", ["classic", "menu", "attendant"])
def test_a_number_of_each_kind_is_made_and_works(cast: Cast, kind: str):
    number = made(cast, kind)
    plan = compiled(cast)
    found = next(each for each in plan.numbers if each.id == number.key)
    assert found.kind == kind
    assert plan.nodes[found.entry].id == f"{number.key}.hours"
    assert not Course(plan, found).ended
    shown = cast.client("owner").get(f"/numbers/{number.pk}").content.decode()
    assert "Unpublished changes" not in shown


def test_the_attendant_greets_in_the_companys_name(cast: Cast):
    number = made(cast, "attendant")
    menu = compiled(cast).nodes[f"{number.key}.menu"]
    assert isinstance(menu, p.MenuNode)
    assert menu.prompt is not None
    assert menu.prompt.text.startswith("Thank you for calling Acme.")
    assert "press 9" in menu.prompt.text
    assert menu.extensions
    assert set(menu.keys) == {"0", "9"}


def test_the_default_greeting_comes_back_on_demand(cast: Cast):
    number, client = made(cast, "attendant"), cast.client("owner")
    facts = {"source": "speech", "text": "Hello there.", "language": "en"}
    client.post(f"/numbers/{number.pk}/message/menu_message", facts)
    publish(cast, number)
    client.post(f"/numbers/{number.pk}/default")
    publish(cast, number)
    menu = compiled(cast).nodes[f"{number.key}.menu"]
    assert isinstance(menu, p.MenuNode)
    assert menu.prompt is not None
    assert menu.prompt.text.startswith("Thank you for calling Acme.")


def test_who_will_use_a_number_is_chosen_with_it_or_later(cast: Cast):
    ben, team = cast.people["user"].key, cast.team.key
    facts = {"kind": "classic", "name": "Shop", "country": "FR", "users": [team, ben]}
    assert cast.client("owner").post("/numbers/new", facts).status_code == 302
    number = Number.everywhere.get(name="Shop")
    ring = compiled(cast).nodes[f"{number.key}.ring"]
    assert isinstance(ring, p.RingNode)
    assert {str(step.target) for step in ring.steps} == {
        str(p.TeamTarget(team)),
        str(p.UserTarget(ben)),
    }
    wrong = {**facts, "users": ["u999999"]}
    assert cast.client("owner").post("/numbers/new", wrong).status_code == 422


def test_extension_101_is_the_operator_until_another_is_chosen(cast: Cast):
    number, client = made(cast, "attendant"), cast.client("owner")

    def operator() -> str:
        plan = compiled(cast)
        menu = plan.nodes[f"{number.key}.menu"]
        assert isinstance(menu, p.MenuNode)
        node = plan.nodes[menu.keys["0"]]
        assert isinstance(node, p.UserNode)
        return node.user

    assert operator() == cast.people["owner"].key
    ben = cast.people["user"].key
    client.post(f"/numbers/{number.pk}/operator", {"target": ben})
    publish(cast, number)
    assert operator() == ben
    client.post(f"/numbers/{number.pk}/operator", {"target": "operator"})
    publish(cast, number)
    assert operator() == cast.people["owner"].key


def test_every_kind_of_option_becomes_a_node(cast: Cast):
    number = made(cast, "menu")
    choices = {
        "1": cast.people["user"].key,
        "2": cast.team.key,
        "3": cast.number.key,
        "4": "menu",
        "5": "directory",
        "6": "extension",
        "7": "voicemail",
        "8": "say",
        "9": "hang-up",
        "0": "operator",
    }
    for key, target in choices.items():
        set_key(cast, number, key, target)
    set_key(cast, number, "*", "outside", outside="06 39 98 00 01")
    set_key(cast, number, "#", "mailbox")
    publish(cast, number)
    plan, name = compiled(cast), number.key
    menu = plan.nodes[f"{name}.menu"]
    assert isinstance(menu, p.MenuNode)
    found = {key: type(plan.nodes[id]).__name__ for key, id in menu.keys.items()}
    assert found == {
        "1": "UserNode",
        "2": "RingNode",
        "3": "NumberNode",
        "4": "MenuNode",
        "5": "DirectoryNode",
        "6": "MenuNode",
        "7": "VoicemailNode",
        "8": "GreetingNode",
        "9": "GreetingNode",
        "0": "UserNode",
        "*": "RingNode",
        "#": "MailboxNode",
    }
    outside = plan.nodes[menu.keys["*"]]
    assert isinstance(outside, p.RingNode)
    assert outside.steps[0].target == p.OutsideTarget("+33639980001")
    silence = plan.nodes[menu.then]
    assert isinstance(silence, p.GreetingNode)
    assert isinstance(plan.nodes[silence.then], p.HangUpNode)


@pytest.mark.parametrize("kind", ["classic", "menu"])
def test_only_those_it_rings_and_those_on_its_list_call_out_with_a_number(cast: Cast, kind: str):
    number, client, ben = made(cast, kind), cast.client("owner"), cast.people["user"]
    dee = cast.people["supervisor"]
    client.post(f"/numbers/{number.pk}/steps", {"target": dee.key, "ring_seconds": "20"})

    def shown_by() -> tuple[str, ...] | None:
        publish(cast, number)
        return next(each for each in compiled(cast).numbers if each.id == number.key).shown_by

    assert shown_by() is None
    client.post(f"/numbers/{number.pk}/users", {"who": "chosen", "chosen": [ben.key]})
    assert shown_by() == ((dee.key, ben.key) if kind == "classic" else (ben.key,))
    page = client.get(f"/numbers/{number.pk}?step=users").content.decode()
    assert "Teams and users" in page
    client.post(f"/people/{cast.people['owner'].pk}/line", {"number": str(number.pk)})
    client.post(f"/people/{ben.pk}/line", {"number": str(number.pk)})
    lines = {user.id: user.default_number for user in compiled(cast).users}
    assert lines[ben.key] == number.key
    assert lines[cast.people["owner"].key] != number.key
    client.post(f"/numbers/{number.pk}/users", {"who": "chosen", "chosen": [cast.team.key]})
    team = set(next(t for t in compiled(cast).teams if t.id == cast.team.key).members)
    assert team <= set(shown_by() or ())
    answer = client.post(f"/numbers/{number.pk}/users", {"who": "chosen", "chosen": ["u999999"]})
    assert answer.status_code == 422
    client.post(f"/numbers/{number.pk}/users", {"who": "everybody"})
    assert shown_by() is None


def test_how_often_the_system_calls_back_is_set_beside_it(cast: Cast):
    number, client = made(cast, "classic"), cast.client("owner")
    facts = {"callback": "automatic", "tries": "5", "pause_minutes": "30"}
    client.post(f"/numbers/{number.pk}/waiting", facts)
    publish(cast, number)
    ring = compiled(cast).nodes[f"{number.key}.ring"]
    assert isinstance(ring, p.RingNode)
    assert ring.callback == p.Callback(automatic=True, tries=5, pause_minutes=30)
    wrong = client.post(f"/numbers/{number.pk}/waiting", {**facts, "tries": "99"})
    assert wrong.status_code == 422


def test_a_menu_records_outgoing_calls_only(cast: Cast):
    number = made(cast, "menu")
    facts = {"record_inbound": "on", "record_outbound": "on", "priority": "2"}
    cast.client("owner").post(f"/numbers/{number.pk}/rules", facts)
    publish(cast, number)
    found = next(each for each in compiled(cast).numbers if each.id == number.key)
    assert (found.record_inbound, found.record_outbound, found.priority) == (False, True, 2)


def test_an_option_below_an_option_is_set_by_its_keys(cast: Cast):
    number = made(cast, "menu")
    set_key(cast, number, "4", "menu")
    client, url = cast.client("owner"), f"/numbers/{number.pk}"
    client.post(f"{url}/key?menu=4", {"key": "#", "target": "menu"})
    answer = client.post(f"{url}/key?menu=4%23", {"key": "1", "target": "menu"})
    assert answer.status_code == 422
    client.post(f"{url}/key?menu=4%23", {"key": "1", "target": "voicemail"})
    publish(cast, number)
    plan = compiled(cast)
    deep = plan.nodes[f"{number.key}.menu.4.hash"]
    assert isinstance(deep, p.MenuNode)
    assert deep.keys == {"1": f"{number.key}.voicemail"}
    client.post(f"{url}/key/remove?menu=4%23", {"key": "1"})
    publish(cast, number)
    deep = compiled(cast).nodes[f"{number.key}.menu.4.hash"]
    assert isinstance(deep, p.MenuNode)
    assert deep.keys == {}


def test_somebody_who_is_gone_is_shown_and_their_callers_go_to_voicemail(cast: Cast):
    number = made(cast, "menu")
    set_key(cast, number, "1", cast.people["user"].key)
    publish(cast, number)
    cast.client("owner").post(f"/people/{cast.people['user'].pk}/remove")
    menu = compiled(cast).nodes[f"{number.key}.menu"]
    assert isinstance(menu, p.MenuNode)
    assert menu.keys["1"] == f"{number.key}.voicemail"
    shown = cast.client("owner").get(f"/numbers/{number.pk}").content.decode()
    assert "somebody who is gone" in shown
    assert "It leads to somebody who is gone" in shown

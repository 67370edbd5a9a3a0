"""A plan says what was set, whatever was set; and every node it names exists."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from carillon.portal.companies.models import Company
from carillon.portal.companies.scope import within
from carillon.portal.extensions import actions as extensions
from carillon.portal.extensions.models import Person, Team
from carillon.portal.routing import actions as routing
from carillon.portal.routing import documents as d
from carillon.portal.routing import editing, flows
from carillon.portal.routing import models as rows
from carillon.portal.routing.compile import CompanyRows, compile_plan, load_rows
from carillon.portal.routing.documents import NumberFlow
from carillon.portal.routing.tryout import try_call
from carillon.schema import plan as p
from tests.portal.conftest import Cast


def compiled(cast: Cast) -> p.Plan:
    with within(cast.acme):
        return compile_plan(load_rows(cast.acme))


def test_a_plan_says_what_was_set(cast: Cast):
    ann, ben = cast.users["owner"], cast.people["user"]
    slots = [("01234", 540, 750), ("01234", 840, 1080)]
    with within(cast.acme):

        def change(flow: NumberFlow) -> NumberFlow:
            flow = editing.with_week(flow, always=False, zone="Europe/Paris", slots=slots)
            flow = editing.with_voicemail(flow, "closed", False)
            return replace(flow, respect_waiting_time=True, queue=False)

        flows.change_flow(cast.number, change, by=ann)
        routing.choose_line(ben, cast.number, by=ann)
        extensions.set_availability(ben, False, by=ann)
    plan, name = compiled(cast), cast.number.key
    assert plan.company == cast.acme.key
    assert plan.version == Company.objects.get(pk=cast.acme.pk).plan_version
    rules = plan.dial_rules
    assert (rules.country_code, rules.national_prefix, rules.international_prefix) == (
        "33",
        "0",
        "00",
    )
    assert {"112", "15", "17", "18"} <= set(rules.emergency)
    days = (0, 1, 2, 3, 4)
    hours = p.Hours("Europe/Paris", False, (p.Slot(days, 540, 750), p.Slot(days, 840, 1080)))
    assert plan.nodes == {
        f"{name}.hours": p.HoursNode(f"{name}.hours", hours, f"{name}.greeting", f"{name}.closed"),
        f"{name}.greeting": p.GreetingNode(f"{name}.greeting", None, f"{name}.ring"),
        f"{name}.ring": p.RingNode(
            f"{name}.ring",
            (
                p.RingStep(p.UserTarget(ben.key), 25),
                p.RingStep(p.TeamTarget(cast.team.key), 20),
            ),
            f"{name}.voicemail",
            True,
        ),
        f"{name}.voicemail": p.VoicemailNode(f"{name}.voicemail", None, cast.number.box),
        f"{name}.closed": p.VoicemailNode(f"{name}.closed", None, None),
    }
    user = next(user for user in plan.users if user.id == ben.key)
    assert user == p.User(ben.key, "Ben", "104", False, name, ben.box, "en")
    assert p.Box(cast.number.box, "Main line") in plan.boxes
    assert [device.username for device in plan.devices] == [cast.device.username]


def test_what_is_removed_is_in_no_plan(cast: Cast):
    ann = cast.users["owner"]
    with within(cast.acme):
        extensions.remove_person(cast.people["user"], by=ann)
        extensions.remove_team(cast.team, by=ann)
    plan = compiled(cast)
    ring = plan.nodes[f"{cast.number.key}.ring"]
    assert isinstance(ring, p.RingNode)
    assert ring.steps == ()
    assert plan.devices == ()
    assert plan.teams == ()


def test_a_plan_survives_the_way_to_the_switch(cast: Cast):
    plan = compiled(cast)
    assert p.read_plan(p.write_plan(plan)) == plan


def test_trying_a_number_tells_where_a_call_goes(cast: Cast):
    from datetime import UTC, datetime

    story = [
        key
        for key, _ in try_call(compiled(cast), cast.number.key, datetime(2026, 5, 4, tzinfo=UTC))
    ]
    assert story == [
        "hours.always-open",
        "greeting.none",
        "ring.start",
        "ring.offer",
        "ring.timeout",
        "ring.start",
        "ring.offer",
        "ring.timeout",
        "ring.no-answer",
        "voicemail.record",
        "voicemail.kept",
    ]


KEY = st.sampled_from(["", "k1", "k2", "gone"])
ID = st.integers(0, 6)
TARGETS = (
    st.builds(d.ToPerson, ID)
    | st.builds(d.ToTeam, ID)
    | st.builds(d.ToOutside, st.just("+33639980001"))
)
BOXES = st.none() | st.builds(d.ToPerson, ID) | st.builds(d.ToTeam, ID)
ACTIONS = (
    TARGETS
    | st.builds(d.ToVoicemail, BOXES)
    | st.builds(d.ToNumber, ID)
    | st.builds(d.Say, KEY)
    | st.sampled_from(
        [
            d.ToDirectory(),
            d.ToExtension(),
            d.ToMailbox(),
            d.ToOperator(),
            d.HangUp(),
        ]
    )
)


def menus(actions: st.SearchStrategy[d.Action]) -> st.SearchStrategy[d.Menu]:
    return st.builds(
        d.Menu,
        message=KEY,
        keys=st.dictionaries(st.sampled_from(d.KEYS), actions, max_size=5),
        extensions=st.booleans(),
        silence=ACTIONS,
    )


MENUS = menus(ACTIONS | st.builds(d.ToMenu, menus(ACTIONS | st.builds(d.ToMenu, menus(ACTIONS)))))
SLOTS = st.builds(
    d.WeekSlot, st.sampled_from(["0", "01234", "56"]), st.integers(0, 1439), st.integers(0, 1439)
)
FLOWS = st.builds(
    d.NumberFlow,
    kind=st.sampled_from(["classic", "menu", "attendant"]),
    hours=st.builds(
        d.OpeningHours, always=st.booleans(), slots=st.lists(SLOTS, max_size=3).map(tuple)
    ),
    greeting=KEY,
    steps=st.lists(st.builds(d.Step, TARGETS, st.integers(5, 300)), max_size=4).map(tuple),
    respect_waiting_time=st.booleans(),
    queue=st.booleans(),
    waiting=st.builds(d.Waiting, music=KEY, position=st.booleans(), estimate=st.booleans()),
    callback=st.none() | st.builds(d.CallbackRules, confirm=st.booleans()),
    menu=MENUS,
    operator=st.none() | TARGETS,
    unanswered=st.builds(d.Ending, KEY, st.booleans(), BOXES),
    closed=st.builds(d.Ending, KEY, st.booleans(), BOXES),
    recording=st.builds(d.RecordingRules, inbound=st.booleans(), announcement=KEY),
    music=st.lists(KEY, max_size=2).map(tuple),
)


@st.composite
def companies(draw: Any) -> CompanyRows:
    """Any combination of settings, targets that are gone included."""
    company = Company(
        id=1, name=draw(st.text(max_size=20)), country=draw(st.sampled_from("FR US XX"))
    )
    people = tuple(
        Person(id=n, company=company, name="P", extension=str(100 + n))
        for n in range(draw(st.integers(0, 4)))
    )
    teams = tuple(
        (Team(id=n, company=company, name="T"), (0, 1)) for n in range(draw(st.integers(0, 2)))
    )
    numbers = tuple(
        rows.Number(
            id=n,
            company=company,
            e164=f"+33199000{n:03d}",
            name="N",
            published=rows.FlowVersion(document=d.write_flow(draw(FLOWS))),
        )
        for n in range(draw(st.integers(0, 3)))
    )
    return CompanyRows(
        company=company,
        people=people,
        teams=teams,
        numbers=numbers,
        prompts=(("k1", "One", 1.0), ("k2", "Two", 2.0)),
        lines=draw(st.dictionaries(st.integers(0, 4), st.integers(0, 4), max_size=4)),
    )


@settings(max_examples=200, deadline=None)
@given(companies())
def test_any_combination_compiles_and_names_only_what_exists(company: CompanyRows):
    plan = compile_plan(company)
    users, teams = {u.id for u in plan.users}, {t.id for t in plan.teams}
    boxes = {box.id for box in plan.boxes}
    for number in plan.numbers:
        assert number.entry in plan.nodes
    numbers = {number.id for number in plan.numbers}
    for id, node in plan.nodes.items():
        assert node.id == id
        for field in ("open", "closed", "then"):
            assert getattr(node, field, id) in plan.nodes
        assert set(getattr(node, "keys", {}).values()) <= plan.nodes.keys()
        assert getattr(node, "number", None) in {None, *numbers}
        assert getattr(node, "user", None) in {None, *users}
        assert getattr(node, "box", None) in {None, *boxes}
        for step in getattr(node, "steps", ()):
            assert getattr(step.target, "user", None) in {None, *users}
            assert getattr(step.target, "team", None) in {None, *teams}
    assert {u.default_number for u in plan.users} <= {None, *(n.id for n in plan.numbers)}
    assert p.read_plan(p.write_plan(plan)) == plan


def test_the_plan_says_how_a_phone_s_sound_is_encrypted(cast: Cast):
    client, device = cast.client("owner"), cast.device
    assert [each.encryption for each in compiled(cast).devices] == ["automatic"]
    client.post(f"/phones/{device.pk}/encryption", {"encryption": "required"})
    assert [each.encryption for each in compiled(cast).devices] == ["required"]
    client.post(f"/phones/{device.pk}/encryption", {"encryption": "none at all"})
    assert [each.encryption for each in compiled(cast).devices] == ["required"]
    page = client.get(f"/people/{device.person_id}").content.decode()
    assert '<option value="required" selected>' in page

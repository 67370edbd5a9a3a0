"""How somebody is reached: set on their page, compiled into the nodes their extension's callers walk."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carillon.flows.simulate import Scenario, simulate
from carillon.portal.companies.models import AuditRow, Company
from carillon.portal.companies.scope import within
from carillon.portal.routing.compile import compile_plan, load_rows
from carillon.portal.routing.documents import ToOutside, ToPerson, ToTeam
from carillon.portal.routing.models import PersonalRow
from carillon.portal.routing.nodes import Known
from carillon.portal.routing.personal import (
    Desk,
    Elsewhere,
    PersonalFlow,
    personal_nodes,
    read_personal,
    with_entry_moved,
    write_personal,
)
from carillon.schema import plan as p
from tests.portal.conftest import Cast
from tests.portal.wav import write_wav

RINGING = {"mode": "sequence", "main_seconds": "25", "target": "operator"}
WORK = {"mode": "always", "timezone": "Europe/Paris", "after_call_seconds": "0"}


def plan_of(cast: Cast) -> p.Plan:
    with within(cast.acme):
        return compile_plan(load_rows(cast.acme))


def ben_in(plan: p.Plan, cast: Cast) -> p.User:
    return next(user for user in plan.users if user.id == cast.people["user"].key)


def post(cast: Cast, tail: str, facts: dict[str, object], role: str = "user") -> int:
    url = f"/people/{cast.people['user'].pk}/reach/{tail}"
    return cast.client(role).post(url, facts).status_code


def add(cast: Cast, number: str, **facts: str) -> int:
    entry = {"where": "outside", "outside": number, "seconds": "15", **facts}
    return post(cast, "phones", entry)


def test_whoever_set_nothing_is_reached_plainly(cast: Cast):
    plan = plan_of(cast)
    assert ben_in(plan, cast).entry == ""
    assert not any(name.startswith("u") for name in plan.nodes)


def test_phones_elsewhere_ring_in_order_and_then_the_voicemail(cast: Cast):
    assert add(cast, "06 39 98 00 01", confirm="on") == 302
    assert post(cast, "phones", {"where": cast.device.key, "seconds": "30"}) == 302
    plan, ben = plan_of(cast), cast.people["user"].key
    assert ben_in(plan, cast).entry == f"{ben}.ring"
    assert plan.nodes[f"{ben}.ring"] == p.RingNode(
        f"{ben}.ring",
        (
            p.RingStep(p.UserTarget(ben), 25),
            p.RingStep(p.OutsideTarget("+33639980001", confirm=True), 15),
            p.RingStep(p.DeviceTarget(cast.device.key), 30),
        ),
        f"{ben}.voicemail",
    )
    end = plan.nodes[f"{ben}.voicemail"]
    assert isinstance(end, p.VoicemailNode)
    assert end.box == cast.people["user"].box


def test_they_ring_together_with_the_callers_number_and_somebody_else_takes_the_rest(cast: Cast):
    add(cast, "06 39 98 00 01")
    facts = {**RINGING, "mode": "together", "show_caller": "on", "target": cast.team.key}
    assert post(cast, "ringing", facts) == 302
    plan, ben = plan_of(cast), cast.people["user"].key
    ring, instead = plan.nodes[f"{ben}.ring"], plan.nodes[f"{ben}.instead"]
    assert isinstance(ring, p.RingNode)
    assert isinstance(instead, p.RingNode)
    assert (ring.together, ring.then) == (True, f"{ben}.instead")
    assert ring.steps[1].target == p.OutsideTarget("+33639980001", show_caller=True)
    assert instead.steps[0].target == p.TeamTarget(cast.team.key)
    assert instead.then == f"{ben}.voicemail"


def test_working_hours_are_automatic_or_not(cast: Cast):
    slots = {"slot-0-day": ["0", "1"], "slot-0-start": "09:00", "slot-0-end": "17:00"}
    facts = {**WORK, **slots, "mode": "slots", "after_call_seconds": "45"}
    assert post(cast, "work", facts) == 302
    ben = ben_in(plan_of(cast), cast)
    assert ben.hours == p.Hours("Europe/Paris", False, (p.Slot((0, 1), 540, 1020),))
    assert (ben.after_call_seconds, ben.available, ben.entry) == (45, True, "")
    assert post(cast, "work", {**WORK, "mode": "dnd"}) == 302
    ben = ben_in(plan_of(cast), cast)
    assert (ben.hours, ben.available) == (None, False)
    assert post(cast, "work", WORK) == 302
    assert ben_in(plan_of(cast), cast).available
    shown = cast.client("user").get(f"/people/{cast.people['user'].pk}/reach").content.decode()
    assert 'value="17:00"' in shown, "the hours are kept for the next time"


def test_ten_phones_ring_at_most(cast: Cast):
    for n in range(10):
        assert add(cast, f"06 39 98 00 {n:02d}") == 302
    assert add(cast, "06 39 98 00 99") == 422
    ring = plan_of(cast).nodes[f"{cast.people['user'].key}.ring"]
    assert isinstance(ring, p.RingNode)
    assert len(ring.steps) == 11


def test_the_order_is_changed_and_phones_are_removed(cast: Cast):
    for n in range(3):
        add(cast, f"06 39 98 00 0{n}")
    assert post(cast, "phones/2/move", {"to": "0"}) == 302
    assert post(cast, "phones/1/remove", {}) == 302
    flow = PersonalRow.everywhere.get().flow
    kept = [entry.e164 for entry in flow.entries if isinstance(entry, Elsewhere)]
    assert kept == ["+33639980002", "+33639980001"]


def test_an_own_greeting_is_heard_before_the_beep(cast: Cast, own_data: Path):
    add(cast, "06 39 98 00 01")
    with (own_data / "mine.wav").open("wb") as file:
        file.write(write_wav(own_data / "x.wav", 1.0))
    with (own_data / "mine.wav").open("rb") as file:
        assert post(cast, "greeting", {"source": "upload", "sound": file}) == 302
    plan, ben = plan_of(cast), cast.people["user"]
    end = plan.nodes[f"{ben.key}.voicemail"]
    assert isinstance(end, p.VoicemailNode)
    assert end.prompt is not None
    assert end.prompt.seconds == pytest.approx(1.0, abs=0.1)
    box = next(box for box in plan.boxes if box.id == ben.box)
    assert box.greeting is not None
    assert post(cast, "greeting", {"source": "none"}) == 302
    box = next(box for box in plan_of(cast).boxes if box.id == ben.box)
    assert box.greeting is None


def test_a_change_leaves_an_audit_row_and_a_new_plan(cast: Cast):
    before = Company.objects.get(pk=cast.acme.pk).plan_version
    add(cast, "06 39 98 00 01")
    assert Company.objects.get(pk=cast.acme.pk).plan_version == before + 1
    with within(cast.acme):
        row = AuditRow.objects.latest("id")
    assert (row.action, row.by) == ("forwarding-changed", cast.users["user"])


def test_callers_of_a_number_go_through_the_persons_phones(cast: Cast):
    add(cast, "06 39 98 00 01")
    client = cast.client("owner")
    client.post("/numbers/new", {"kind": "menu", "name": "Menu", "country": "FR"})
    plan = plan_of(cast)
    number = next(each for each in plan.numbers if each.name == "Menu")
    ben = cast.people["user"].key
    nodes = {
        **plan.nodes,
        f"{number.id}.hours": p.UserNode(f"{number.id}.hours", ben, f"{number.id}.voicemail"),
    }
    from datetime import UTC, datetime

    from msgspec.structs import replace

    told = simulate(
        replace(plan, nodes=nodes),
        Scenario(number=number.id, at=datetime(2026, 5, 4, 10, tzinfo=UTC)),
    )
    assert "voicemail.record" in [line.reason for line in told.lines]
    assert any("639980001" in str(line.facts) for line in told.lines)


@pytest.mark.parametrize(
    ("tail", "facts"),
    [
        ("phones", {"where": "outside", "outside": "12", "seconds": "20"}),
        ("phones", {"where": "d999999", "seconds": "20"}),
        ("phones", {"where": "outside", "outside": "0612489011" * 9, "seconds": "20"}),
        ("phones", {"where": "outside", "outside": "06 12 48 90 11", "seconds": "-5"}),
        ("ringing", {**RINGING, "mode": "never"}),
        ("ringing", {**RINGING, "target": "n1"}),
        ("work", {**WORK, "timezone": "Mars/Olympus"}),
        ("work", {**WORK, "after_call_seconds": "999999"}),
        ("work", {**WORK, "mode": "slots"}),
    ],
)
def test_a_hostile_form_changes_nothing(cast: Cast, tail: str, facts: dict[str, object]):
    assert post(cast, tail, facts) == 422
    assert not PersonalRow.everywhere.exists()


@pytest.mark.parametrize("to", ["-1", "99", "x", "", "9" * 50])
def test_moving_to_nowhere_breaks_nothing(cast: Cast, to: str):
    add(cast, "06 39 98 00 01")
    assert post(cast, "phones/0/move", {"to": to}) == 302
    assert post(cast, "phones/7/move", {"to": to}) == 302
    assert len(PersonalRow.everywhere.get().flow.entries) == 1


ENTRIES = st.lists(
    st.builds(Desk, st.integers(0, 3), st.integers(5, 300))
    | st.builds(Elsewhere, st.just("+33639980001"), st.integers(5, 300), st.booleans()),
    max_size=10,
)
FLOWS = st.builds(
    PersonalFlow,
    auto=st.booleans(),
    mode=st.sampled_from(["sequence", "together"]),
    main_seconds=st.integers(0, 300),
    entries=ENTRIES.map(tuple),
    unanswered=st.none()
    | st.builds(ToPerson, st.integers(0, 3))
    | st.builds(ToTeam, st.integers(0, 3))
    | st.builds(ToOutside, st.just("+33639980002")),
)


@settings(max_examples=200, deadline=None)
@given(FLOWS, st.integers(-3, 12), st.integers(-3, 12))
def test_any_document_becomes_nodes_that_all_exist(flow: PersonalFlow, place: int, to: int):
    assert read_personal(write_personal(flow)) == flow
    assert sorted(map(str, with_entry_moved(flow, place, to).entries)) == sorted(
        map(str, flow.entries)
    )
    known = Known(people={1: "u1"}, teams={2: "t2"})
    nodes = {n.id: n for n in personal_nodes("u5", "bu5", flow, None, {1: "d1"}, known)}
    assert "u5.ring" in nodes
    for node in nodes.values():
        assert getattr(node, "then", "u5.ring") in nodes
        for step in getattr(node, "steps", ()):
            assert getattr(step.target, "device", "d1") == "d1"
            assert getattr(step.target, "team", "t2") == "t2"

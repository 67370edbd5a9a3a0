"""Flows are drafted, published, compared, gone back to; loops are refused, old rows become documents."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.test import Client
from hypothesis import given, settings
from msgspec.structs import replace

from carillon.portal.companies.models import AuditRow, Company
from carillon.portal.companies.scope import within
from carillon.portal.refused import Refused
from carillon.portal.routing import documents as d
from carillon.portal.routing import editing, flows
from carillon.portal.routing.actions import add_number
from carillon.portal.routing.checks import problems
from carillon.portal.routing.difference import changed_lines
from carillon.portal.routing.models import FlowVersion, Number, Rung
from carillon.portal.routing.names import Names, load_names
from carillon.portal.routing.speaking import sound_path
from tests.portal.conftest import Cast
from tests.portal.test_compile import FLOWS
from tests.portal.wav import write_wav


def number_of(cast: Cast) -> Number:
    return Number.everywhere.select_related("published").get(pk=cast.number.pk)


def url(cast: Cast, tail: str) -> str:
    return f"/numbers/{cast.number.pk}/{tail}"


def week(client: Client, cast: Cast, end: str) -> None:
    facts = {
        "mode": "slots",
        "timezone": "Europe/Paris",
        "slot-0-day": ["0", "1"],
        "slot-0-start": "09:00",
        "slot-0-end": end,
    }
    assert client.post(url(cast, "hours"), facts).status_code == 302


def test_an_edit_waits_until_it_is_published(cast: Cast):
    client, before = cast.client("owner"), Company.objects.get(pk=cast.acme.pk).plan_version
    week(client, cast, "12:00")
    assert number_of(cast).flow.hours.always
    assert not number_of(cast).edited_flow.hours.always
    assert Company.objects.get(pk=cast.acme.pk).plan_version == before
    shown = client.get(f"/numbers/{cast.number.pk}").content.decode()
    assert "Unpublished changes" in shown
    client.post(url(cast, "publish"), {"note": "New hours"})
    number = number_of(cast)
    assert not number.flow.hours.always
    assert number.draft == ""
    assert Company.objects.get(pk=cast.acme.pk).plan_version == before + 1
    with within(cast.acme):
        row = AuditRow.objects.latest("id")
    assert (row.action, row.by) == ("flow-published", cast.users["owner"])
    assert row.after["Monday"] == "9:00–12:00"


def test_the_difference_says_what_would_change_in_words(cast: Cast):
    client = cast.client("owner")
    week(client, cast, "12:00")
    client.post(url(cast, "publish"))
    week(client, cast, "12:30")
    shown = client.get(f"/numbers/{cast.number.pk}?step=difference").content.decode()
    assert "<dt>Monday</dt>" in shown
    assert "<del>9:00–12:00</del> → <ins>9:00–12:30</ins>" in shown
    assert "Greeting" not in shown.split("flow-diff")[1].split("</dl>")[0]


def test_discarded_changes_are_gone(cast: Cast):
    client = cast.client("owner")
    week(client, cast, "12:00")
    client.post(url(cast, "discard"))
    assert number_of(cast).draft == ""
    assert number_of(cast).edited_flow.hours.always


def test_an_edit_that_is_taken_back_leaves_no_draft(cast: Cast):
    client = cast.client("owner")
    client.post(url(cast, "voicemail/closed"))
    assert number_of(cast).draft
    client.post(url(cast, "voicemail/closed"), {"on": "on"})
    assert number_of(cast).draft == ""


def test_going_back_makes_a_new_version(cast: Cast):
    client = cast.client("owner")
    week(client, cast, "12:00")
    client.post(url(cast, "publish"))
    newest = number_of(cast).published
    assert newest is not None
    client.post(url(cast, f"history/{newest.version - 1}/revert"))
    number = number_of(cast)
    assert number.published is not None
    assert number.published.version == newest.version + 1
    assert number.flow.hours.always
    shown = client.get(f"/numbers/{cast.number.pk}?step=history").content.decode()
    assert f"Back to version {newest.version - 1}" in shown
    assert client.post(url(cast, "history/99/revert")).status_code == 404


def test_publishing_nothing_makes_no_version(cast: Cast):
    count = FlowVersion.everywhere.count()
    cast.client("owner").post(url(cast, "publish"))
    assert FlowVersion.everywhere.count() == count


def test_a_loop_in_which_nobody_presses_anything_is_refused_by_name(cast: Cast):
    owner = cast.users["owner"]
    with within(cast.acme):
        first = add_number(cast.acme, "First", "FR", kind="menu", by=owner)
        second = add_number(cast.acme, "Second", "FR", kind="menu", by=owner)

        def silent(to: Number) -> flows.Change:
            return lambda flow: editing.with_menu(
                flow, "", lambda menu: replace(menu, silence=d.ToNumber(to.pk))
            )

        flows.change_flow(first, silent(second), by=owner)
        with pytest.raises(Refused, match="Second → First → Second") as refused:
            flows.change_flow(second, silent(first), by=owner)
        assert refused.value.id == "loop"
        # Keys may lead back: the caller decides.
        flows.change_flow(
            second, lambda flow: editing.with_key(flow, "", "9", d.ToNumber(first.pk)), by=owner
        )


def test_a_menu_without_message_or_options_is_flagged(cast: Cast):
    write_wav(sound_path("k"))
    with within(cast.acme):
        names = load_names()
        empty = d.NumberFlow(kind="menu")
        assert [problem.broken for problem in problems(empty, names)] == [True, True]
        full = replace(empty, menu=d.Menu(message="k", keys={"1": d.ToVoicemail()}))
        assert problems(full, names) == []
        mute = replace(
            full, menu=replace(full.menu, keys={"1": d.Say(""), "2": d.ToMenu(d.Menu())})
        )
        assert [problem.broken for problem in problems(mute, names)] == [True]
        gone = replace(full, menu=replace(full.menu, keys={"1": d.ToPerson(999)}))
        assert [problem.broken for problem in problems(gone, names)] == [False]


def test_changing_the_kind_there_and_back_loses_nothing(cast: Cast):
    before = number_of(cast).flow
    there = editing.with_kind(before, "menu")
    assert there.steps == before.steps
    assert replace(editing.with_kind(there, "classic"), menu=before.menu) == before


@pytest.mark.parametrize(
    ("tail", "facts"),
    [
        ("steps/99", {"ring_seconds": "20"}),
        ("steps/99/move", {"to": "up"}),
        ("steps/99/remove", {}),
        ("key/remove", {"key": "x"}),
        ("key/remove", {"key": "12"}),
        ("key?menu=12", {"key": "1", "target": "voicemail"}),
        ("menu?menu=1", {"seconds": "5", "replays": "1", "target": "hang-up"}),
        ("message/say?menu=1", {"source": "none"}),
    ],
)
def test_what_is_not_there_is_not_changed(cast: Cast, tail: str, facts: dict[str, str]):
    answer = cast.client("owner").post(url(cast, tail), facts)
    assert answer.status_code in (302, 404, 422)
    assert number_of(cast).draft == ""


@pytest.mark.parametrize(
    ("tail", "facts"),
    [
        ("key", {"key": "1", "target": "n999"}),
        ("key", {"key": "1", "target": "outside", "outside": "drop table"}),
        ("key", {"key": "77", "target": "voicemail"}),
        ("key?menu=../..", {"key": "1", "target": "voicemail"}),
        ("steps", {"target": "menu", "ring_seconds": "20"}),
        ("steps", {"target": "u1", "ring_seconds": "-1"}),
        ("settings", {"name": "N", "language": "fr", "kind": "cannon"}),
        ("rules", {"priority": "999999999999999999999"}),
        ("waiting", {"music": "../../etc/passwd"}),
        ("operator", {"target": "n1"}),
        ("menu", {"seconds": "1e9", "replays": "1", "target": "hang-up"}),
    ],
)
def test_a_hostile_form_changes_nothing(cast: Cast, tail: str, facts: dict[str, str]):
    answer = cast.client("owner").post(url(cast, tail), facts)
    assert answer.status_code in (404, 422)
    assert number_of(cast).draft == ""


@settings(max_examples=100, deadline=None)
@given(FLOWS)
def test_a_document_survives_being_kept(flow: d.NumberFlow):
    assert d.read_flow(d.write_flow(flow)) == flow
    assert changed_lines(flow, d.read_flow(d.write_flow(flow)), Names()) == []


@settings(max_examples=100, deadline=None)
@given(FLOWS, FLOWS)
def test_two_flows_that_differ_can_be_told_apart_or_name_only_what_is_gone(
    one: d.NumberFlow, other: d.NumberFlow
):
    # Nothing may fail to be told, whatever a document holds.
    for line in changed_lines(one, other, Names()):
        assert line.before != line.after


@pytest.mark.django_db(transaction=True)
def test_rows_of_before_become_documents():
    executor = MigrationExecutor(connection)
    newest = executor.loader.graph.leaf_nodes()
    before = [("routing", "0004_dictation")]
    executor.migrate(before)
    others = [node for node in newest if node[0] in ("companies", "extensions")]
    old = executor.loader.project_state([*before, *others]).apps
    try:
        number = old_number(old)
    finally:
        executor = MigrationExecutor(connection)
        executor.migrate(newest)
    found = Number.everywhere.select_related("published").get(pk=number)
    flow, rung = found.flow, Rung.everywhere.get(number=found)
    assert flow.hours == d.OpeningHours(
        zone="Europe/Brussels", always=False, slots=(d.WeekSlot("01", 540, 720),)
    )
    assert flow.greeting == "hello"
    assert flow.steps == (
        d.Step(d.ToPerson(rung.person_id or 0), 25),
        d.Step(d.ToOutside("+33639980001"), 30),
    )
    assert (flow.respect_waiting_time, flow.closed.voicemail) == (True, False)
    assert flow.recording.inbound
    assert msgspec.json.decode(d.write_flow(flow))["kind"] == "classic"


def old_number(old: Any) -> int:
    """Make a number as the portal kept it before documents."""
    company = old.get_model("companies", "Company").objects.create(name="Old", slug="old")
    person = old.get_model("extensions", "Person").objects.create(
        company=company, name="P", extension="101"
    )
    prompt = old.get_model("routing", "Prompt").objects.create(
        company=company, key="hello", source="speech", text="Hello"
    )
    number = old.get_model("routing", "Number").objects.create(
        company=company,
        e164="+33199000001",
        name="Main",
        country="FR",
        timezone="Europe/Brussels",
        always_open=False,
        greeting=prompt,
        voicemail_closed=False,
        respect_waiting_time=True,
        record_inbound=True,
    )
    facts = {"company": company, "number": number}
    old.get_model("routing", "Slot").objects.create(
        days="01", start_minute=540, end_minute=720, **facts
    )
    step = old.get_model("routing", "RingStep").objects
    step.create(position=1, outside="+33639980001", ring_seconds=30, **facts)
    step.create(position=0, person=person, ring_seconds=25, **facts)
    return int(number.pk)


def problems_of(cast: Cast) -> str:
    return cast.client("owner").get(f"/numbers/{cast.number.pk}").content.decode()


def test_a_team_with_nobody_in_it_is_flagged(cast: Cast):
    client, facts = cast.client("owner"), {"target": cast.team.key, "ring_seconds": "20"}
    client.post(f"/numbers/{cast.number.pk}/steps", facts)
    assert "Nobody is in the team" not in problems_of(cast)
    with within(cast.acme):
        cast.team.members.clear()
    assert "Nobody is in the team" in problems_of(cast)


@pytest.mark.parametrize("document", [None, b"", b"MZ"])
def test_a_message_whose_sound_is_broken_is_flagged(
    cast: Cast, own_data: Path, document: bytes | None
):
    facts = {"source": "speech", "text": "Hello there.", "language": "en"}
    cast.client("owner").post(f"/numbers/{cast.number.pk}/message/greeting", facts)
    assert "cannot be read" not in problems_of(cast)
    key = Number.everywhere.get(pk=cast.number.pk).edited_flow.greeting
    path = sound_path(key)
    path.unlink()
    if document is not None:
        path.write_bytes(document)
    assert "Callers do not hear “Hello there.”" in problems_of(cast)

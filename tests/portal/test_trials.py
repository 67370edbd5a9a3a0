"""The simulator, and tests of flows that are kept."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec
import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

from carillon.portal.companies.scope import within
from carillon.portal.routing import flows
from carillon.portal.routing.documents import NumberFlow, OpeningHours, WeekSlot
from carillon.portal.routing.models import FlowVersion, Number
from carillon.portal.trials import actions
from carillon.portal.trials.models import FlowTest
from carillon.portal.trials.running import verdicts
from tests.portal.conftest import Cast

PARIS = ZoneInfo("Europe/Paris")
SUNDAY = datetime(2026, 12, 27, 22, 0, tzinfo=PARIS)
WEEKDAYS = OpeningHours(always=False, slots=(WeekSlot("01234", 540, 1080),))

pytestmark = pytest.mark.django_db


def closes_on_sunday(flow: NumberFlow) -> NumberFlow:
    return msgspec.structs.replace(flow, hours=WEEKDAYS)


def keep(cast: Cast, expected: str, people: str = "silent") -> FlowTest:
    by = cast.users["owner"]
    return actions.keep_test(cast.number, "Sunday night", SUNDAY, expected, people=people, by=by)


def test_the_page_tells_what_would_happen_step_by_step(cast: Cast) -> None:
    client = cast.client("supervisor")
    address = reverse("trial", args=[cast.number.pk])
    assert client.get(address).status_code == 200
    html = client.get(address, {"at": "2026-12-27T22:00", "people": "answers", "draft": "on"})
    assert "Answered" in html.content.decode()
    closed = client.get(address, {"at": "nonsense", "people": "answers"})
    assert "What would happen</h2>" not in closed.content.decode()


def test_a_test_holds_until_a_change_breaks_it(cast: Cast) -> None:
    ben = cast.people["user"]
    with within(cast.acme):
        keep(cast, f"rings:{ben.key}")
        assert [each.passed for each in verdicts(cast.number, cast.number.flow)] == [True]
        broken = closes_on_sunday(cast.number.flow)
        (verdict,) = verdicts(cast.number, broken)
        assert (verdict.passed, verdict.found) == (False, "nobody is rung.")


def test_a_change_that_breaks_a_test_is_not_published_until_it_is_confirmed(cast: Cast) -> None:
    client = cast.client("owner")
    with within(cast.acme):
        keep(cast, f"rings:{cast.people['user'].key}")
        flows.edit_flow(cast.number, closes_on_sunday, by=cast.users["owner"])
    publish = reverse("publish-flow", args=[cast.number.pk])
    answer = client.post(publish, follow=True)
    assert "Sunday night" in answer.content.decode()
    number = Number.everywhere.select_related("published").get(pk=cast.number.pk)
    assert number.flow.hours.always, "nothing was published"
    client.post(publish, {"confirmed": "yes"})
    number = Number.everywhere.select_related("published").get(pk=cast.number.pk)
    assert number.flow.hours == WEEKDAYS


def test_going_back_to_a_version_that_breaks_a_test_only_drafts_it(cast: Cast) -> None:
    client = cast.client("owner")
    with within(cast.acme):
        flows.change_flow(cast.number, closes_on_sunday, by=cast.users["owner"])
        keep(cast, "outcome:voicemail", "answers")
        before = FlowVersion.objects.filter(number=cast.number).order_by("-version")[1]
    client.post(reverse("revert-flow", args=[cast.number.pk, before.version]))
    number = Number.everywhere.select_related("published").get(pk=cast.number.pk)
    assert number.flow.hours == WEEKDAYS
    assert number.edited_flow.hours.always


def test_a_test_that_fails_already_does_not_stand_in_the_way(cast: Cast) -> None:
    with within(cast.acme):
        keep(cast, "rings:+33600000000")
        flows.edit_flow(cast.number, closes_on_sunday, by=None)
    cast.client("owner").post(reverse("publish-flow", args=[cast.number.pk]))
    assert (
        Number.everywhere.select_related("published").get(pk=cast.number.pk).flow.hours == WEEKDAYS
    )


def test_a_trial_is_kept_and_removed_through_the_page(cast: Cast) -> None:
    client = cast.client("owner")
    facts = {"at": "2026-12-27T22:00", "people": "silent", "caller": "", "keys": ""}
    wanted = {**facts, "name": "Nights", "expected": "outcome:voicemail", "every_week": "on"}
    client.post(reverse("keep-test", args=[cast.number.pk]), wanted)
    (test,) = FlowTest.everywhere.all()
    assert (test.weekday, test.expects, test.expected) == (6, "outcome", "voicemail")
    client.post(reverse("keep-test", args=[cast.number.pk]), {**wanted, "keys": "1; rm -rf /"})
    assert FlowTest.everywhere.count() == 1
    client.post(reverse("remove-test", args=[cast.number.pk, test.pk]))
    assert not FlowTest.everywhere.exists()


def test_the_command_line_tells_the_same(cast: Cast, capsys: pytest.CaptureFixture[str]) -> None:
    with within(cast.acme):
        flows.change_flow(cast.number, closes_on_sunday, by=None)
    call_command("simulate", cast.number.e164, at="2026-12-27T22:00")
    told = capsys.readouterr().out
    assert "Closed: 22:00 is outside opening hours" in told
    assert told.rstrip().endswith("= Voicemail")
    with pytest.raises(CommandError, match="No company"):
        call_command("simulate", "+33100000000")
    with pytest.raises(CommandError, match="not a time"):
        call_command("simulate", cast.number.e164, at="tomorrow")

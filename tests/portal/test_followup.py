"""After a call: people to be called back, tags, and calls that must have one."""

from __future__ import annotations

import msgspec
import pytest
from django.test import Client
from django.urls import reverse

from carillon.portal.companies.scope import within
from carillon.portal.followup import actions
from carillon.portal.followup.apply import apply_followup
from carillon.portal.followup.dialback import due
from carillon.portal.followup.models import Callback, CallTag, OwedTag
from carillon.portal.followup.owing import owed
from carillon.portal.journal.apply import apply_page
from carillon.portal.refused import Refused
from carillon.portal.routing import flows
from carillon.portal.routing.documents import CallbackRules
from carillon.schema import events as e
from carillon.schema.commands import HoldAgent
from tests.portal.conftest import Cast
from tests.portal.story import NOON, answered_call, arrival, page

MOBILE = "+33688000001"


def asks(cast: Cast, call: str = "call-9", first: int = 1) -> Callback:
    """A caller presses star while waiting."""
    story: list[e.AnyEvent] = [
        arrival(cast.acme, cast.number, call),
        e.CallbackRequested(call=call, seq=2, at=NOON + 30, number=cast.number.key, e164=MOBILE),
        e.CallEnded(call=call, seq=3, at=NOON + 33, outcome="callback", by="system"),
    ]
    apply_page(page(story, first=first))
    return Callback.everywhere.get(call=call)


def calls_back(cast: Cast, call: str, *, answered: bool, callback: str = "") -> list[e.AnyEvent]:
    """Somebody of Acme, or the system, calls that number."""
    begun = msgspec.structs.replace(
        arrival(cast.acme, cast.number, call),
        at=NOON + 600,
        direction="outbound",
        caller=cast.number.e164,
        called=MOBILE,
        user=cast.people["user"].key,
        purpose="callback" if callback else "",
        callback=callback,
    )
    story: list[e.AnyEvent] = [
        begun,
        e.LegAnswered(call=call, seq=2, at=NOON + 601, leg="a"),
        e.LegStarted(call=call, seq=3, at=NOON + 602, leg="b1", e164=MOBILE, trunk="t1"),
    ]
    if answered:
        story.append(e.LegAnswered(call=call, seq=4, at=NOON + 605, leg="b1"))
    outcome = "answered" if answered else "missed"
    return [*story, e.CallEnded(call=call, seq=5, at=NOON + 660, outcome=outcome, by="callee")]


def tags_of(call: str) -> list[str]:
    found = CallTag.everywhere.filter(call=call).select_related("tag").order_by("id")
    return [each.tag.system or each.tag.name for each in found]


@pytest.mark.django_db
def test_a_request_is_listed_tagged_and_told_twice_makes_one(cast: Cast) -> None:
    callback = asks(cast)
    with within(cast.acme):
        request = e.CallbackRequested(
            call="call-9", seq=2, at=NOON + 30, number=cast.number.key, e164=MOBILE
        )
        apply_followup([request], {"call-9": cast.acme.pk})
    assert Callback.everywhere.count() == 1
    assert (callback.state, tags_of("call-9")) == ("open", ["callback-request"])
    html = cast.client("owner").get(reverse("callbacks")).content.decode()
    assert "+33 6 88 00 00 01" in html.replace("\xa0", " ")


@pytest.mark.django_db
def test_whoever_reaches_the_caller_settles_the_request(cast: Cast) -> None:
    asks(cast)
    apply_page(page(calls_back(cast, "call-10", answered=False), first=100))
    assert Callback.everywhere.get().state == "open"
    apply_page(page(calls_back(cast, "call-11", answered=True), first=200))
    callback = Callback.everywhere.get()
    assert (callback.state, callback.answered_by_id) == ("done", "call-11")
    assert tags_of("call-11") == ["called-back"]
    assert tags_of("call-9") == ["callback-request", "called-back"]


@pytest.mark.django_db
def test_the_system_tries_as_often_as_it_should_then_leaves_it_to_people(cast: Cast) -> None:
    callback = asks(cast)
    callback.state, callback.tries, callback.pause_minutes = Callback.State.QUEUED, 2, 15
    callback.next_at = callback.asked_at
    callback.save()
    tries = [calls_back(cast, f"try-{n}", answered=False, callback=callback.key) for n in range(2)]
    apply_page(page(tries[0], first=100))
    callback.refresh_from_db()
    assert (callback.state, callback.attempts) == ("queued", 1)
    assert callback.next_at is not None
    assert (callback.next_at - callback.asked_at).total_seconds() > 15 * 60
    apply_page(page(tries[1], first=200))
    callback.refresh_from_db()
    assert (callback.state, callback.attempts, callback.next_at) == ("open", 2, None)


@pytest.mark.django_db
def test_a_number_that_offers_no_callback_any_more_leaves_them_to_people(cast: Cast) -> None:
    callback = asks(cast)
    callback.state, callback.next_at = Callback.State.QUEUED, callback.asked_at
    callback.save()
    assert due() == []
    callback.refresh_from_db()
    assert callback.state == "open"


@pytest.mark.django_db
def test_whose_turn_it_is_goes_into_the_line_with_the_place_that_was_held(cast: Cast) -> None:
    with within(cast.acme):
        rules = CallbackRules(automatic=True)
        flows.change_flow(
            cast.number, lambda flow: msgspec.structs.replace(flow, callback=rules), by=None
        )
    callback = asks(cast)
    assert (callback.state, callback.tries) == ("queued", 3)
    (command,) = due()
    assert (command.to, command.callback, command.since) == (MOBILE, callback.key, NOON)
    assert command.targets, "whom the number rings"


@pytest.mark.django_db
def test_people_settle_a_request_and_take_that_back(cast: Cast) -> None:
    callback = asks(cast)
    client = cast.client("owner")
    address = reverse("settle-callback", args=[callback.pk])
    client.post(address, {"state": "done"})
    callback.refresh_from_db()
    assert (callback.state, callback.done_by) == ("done", cast.users["owner"])
    client.post(address, {"state": "nonsense"})
    client.post(address, {"state": "open", "from": "done"})
    callback.refresh_from_db()
    assert (callback.state, callback.done_at) == ("open", None)


@pytest.mark.django_db
def test_the_systems_tags_stay_and_names_are_unique(cast: Cast) -> None:
    with within(cast.acme):
        with pytest.raises(Refused, match="system-tag"):
            actions.remove_tag(actions.system_tag(cast.acme, "conference"), by=None)
        actions.create_tag(cast.acme, "Support", "blue", by=cast.users["owner"])
        with pytest.raises(Refused, match="tag-exists"):
            actions.create_tag(cast.acme, "Support", "red", by=cast.users["owner"])


@pytest.mark.django_db
def test_a_tag_is_put_on_a_call_and_taken_off(cast: Cast) -> None:
    apply_page(page(answered_call(cast.acme, cast.number, cast.people["user"], "call-1")))
    with within(cast.acme):
        tag = actions.create_tag(cast.acme, "Support", "blue", by=None)
        OwedTag.objects.create(call_id="call-1", person=cast.people["user"])
    client = cast.client("user")
    assert "Choose a tag" in client.get(reverse("home")).content.decode()
    address = reverse("call-tags", args=["call-1"])
    client.post(address, {"tag": str(tag.pk)})
    assert tags_of("call-1") == ["Support"]
    assert not OwedTag.everywhere.exists(), "who tags the call owes nothing any more"
    assert "Choose a tag" not in client.get(reverse("home")).content.decode()
    client.post(address, {"off": str(tag.pk)})
    assert tags_of("call-1") == []


@pytest.mark.django_db
def test_another_companys_tag_cannot_be_put_on_a_call(cast: Cast) -> None:
    apply_page(page(answered_call(cast.acme, cast.number, cast.people["user"], "call-1")))
    with within(cast.globex):
        theirs = actions.create_tag(cast.globex, "Theirs", "blue", by=None)
    client: Client = cast.client("owner")
    answer = client.post(reverse("call-tags", args=["call-1"]), {"tag": str(theirs.pk)})
    assert answer.status_code == 404


@pytest.mark.django_db
def test_a_switch_begun_anew_is_told_who_owes_a_tag(cast: Cast) -> None:
    apply_page(page(answered_call(cast.acme, cast.number, cast.people["user"], "call-1")))
    with within(cast.acme):
        OwedTag.objects.create(call_id="call-1", person=cast.people["user"])
    assert owed() == [HoldAgent(cast.acme.key, cast.people["user"].key, "call-1")]


@pytest.mark.django_db
def test_a_call_of_a_number_with_mandatory_tags_is_owed_one(cast: Cast) -> None:
    with within(cast.acme):
        flows.change_flow(
            cast.number, lambda flow: msgspec.structs.replace(flow, mandatory_tag=True), by=None
        )
    apply_page(page(answered_call(cast.acme, cast.number, cast.people["user"], "call-1")))
    assert OwedTag.everywhere.get().person == cast.people["user"]
    asks(cast, first=100)
    assert OwedTag.everywhere.count() == 1, "nobody of ours talked in the second"

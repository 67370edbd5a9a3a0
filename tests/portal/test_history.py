"""Finding calls: filters in the address, pages by place, and the story of one call."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from django.test import Client

from carillon.portal.calls.filters import CALLS_PER_PAGE
from carillon.portal.calls.models import Call
from carillon.portal.companies.scope import within
from carillon.portal.journal.apply import apply_page
from tests.portal.conftest import Cast
from tests.portal.story import answered_call, message_call, page


@pytest.fixture
def client(cast: Cast) -> Client:
    apply_page(page(answered_call(cast.acme, cast.number, cast.people["user"], "call-1")))
    apply_page(page(message_call(cast.acme, cast.number, "call-2"), first=100))
    return cast.client("owner")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", {"call-1", "call-2"}),
        ("outcome=voicemail", {"call-2"}),
        ("outcome=missed", set()),
        ("direction=outbound", set()),
        ("q=06 39 98 12 34", {"call-1", "call-2"}),
        ("q=9812", {"call-1", "call-2"}),
        ("q=Ben", {"call-1"}),
        ("q=Nobody", set()),
        ("since=2001-01-01&until=2001-01-02", set()),
        ("since=2026-13-99&number=x&person=-1&before=nonsense", {"call-1", "call-2"}),
    ],
)
def test_filters_find(client: Client, query: str, found: set[str]):
    shown = client.get(f"/calls?{query}").content.decode()
    assert {name for name in ("call-1", "call-2") if f"/calls/{name}" in shown} == found


def test_pages_show_every_call_once(cast: Cast, client: Client):
    with within(cast.acme):
        model = Call.objects.get(pk="call-1")
        for n in range(CALLS_PER_PAGE + 5):
            model.pk = f"more-{n:03d}"
            model.save(force_insert=True)
    first = client.get("/calls")
    place = first.context["next"]
    second = client.get(f"/calls?before={quote(place)}")
    shown = [call.pk for answer in (first, second) for call in answer.context["calls"]]
    assert len(shown) == len(set(shown)) == CALLS_PER_PAGE + 7
    assert second.context["next"] == ""


def test_one_call_is_told_in_plain_words(client: Client):
    shown = client.get("/calls/call-1").content.decode()
    for words in ("calls Main line", "The number is always open", "Ben picks up", "hangs up"):
        assert words in shown


def test_one_call_is_told_in_french_too(cast: Cast, client: Client):
    cast.users["owner"].language = "fr"
    cast.users["owner"].save()
    shown = client.get("/calls/call-1").content.decode()
    for words in ("appelle Main line", "Le numéro est toujours ouvert", "Ben décroche"):
        assert words in shown


def test_a_message_is_heard_deleted_and_brought_back(cast: Cast, client: Client):
    from carillon.portal.voicemail.models import Message

    message = Message.everywhere.get()
    client.post(f"/voicemail/{message.pk}/heard", {"heard": "yes"})
    assert Message.everywhere.get().heard_at is not None
    deleted = client.post(f"/voicemail/{message.pk}/delete", follow=True).content.decode()
    assert f"/voicemail/{message.pk}/restore" in deleted
    assert "call-2" not in client.get("/voicemail").content.decode()
    client.post(f"/voicemail/{message.pk}/restore")
    assert "call-2" in client.get("/voicemail").content.decode()


def test_a_program_reads_every_decision_with_its_reason_and_plan(client: Client):
    found = client.get("/calls/call-1.json").json()
    assert (found["outcome"], found["plan_version"]) == ("answered", 3)
    (decided,) = [event for event in found["events"] if event["type"] == "decided"]
    assert decided["reason"] == "hours.always-open"
    assert "The number is always open" in [line["text"] for line in found["timeline"]]

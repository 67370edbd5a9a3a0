"""Finding calls: filters in the address, pages by place, and the story of one call."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import pytest
from django.test import Client
from django.utils import timezone
from msgspec import structs

from carillon.portal.calls.filters import CALLS_PER_PAGE
from carillon.portal.calls.models import Call, Recording
from carillon.portal.companies.models import AuditRow
from carillon.portal.companies.scope import within
from carillon.portal.extensions.models import Person
from carillon.portal.journal.apply import apply_page
from carillon.portal.site.housekeeping import keep_house
from carillon.portal.voicemail.models import Message
from carillon.schema import events as e
from tests.portal.conftest import Cast
from tests.portal.story import NOON, answered_call, arrival, message_call, page
from tests.portal.wav import write_wav


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
    message = Message.everywhere.get()
    client.post(f"/voicemail/{message.pk}/heard", {"heard": "yes"})
    assert Message.everywhere.get().heard_at is not None
    deleted = client.post(f"/voicemail/{message.pk}/delete", follow=True).content.decode()
    assert f"/voicemail/{message.pk}/restore" in deleted
    assert "call-2" not in client.get("/voicemail").content.decode()
    client.post(f"/voicemail/{message.pk}/restore")
    assert "call-2" in client.get("/voicemail").content.decode()


def test_a_deleted_message_waits_to_be_brought_back_then_it_is_erased_with_its_sound(
    cast: Cast, client: Client, own_data: Path
):
    message = Message.everywhere.get()
    sound = own_data / "recordings" / Recording.everywhere.get(pk=message.recording).path
    write_wav(sound)
    assert "Nothing is deleted" in client.get("/voicemail/deleted").content.decode()
    client.post(f"/voicemail/{message.pk}/delete")
    shown = client.get("/voicemail/deleted").content.decode()
    assert "call-2" in shown and f"/voicemail/{message.pk}/restore" in shown
    assert client.get(f"/audio/messages/{message.pk}").status_code == 200
    stranger, colleague = cast.client("stranger"), cast.client("user")
    assert "call-2" not in stranger.get("/voicemail/deleted").content.decode()
    assert stranger.get(f"/audio/messages/{message.pk}").status_code == 404
    assert "call-2" in colleague.get("/voicemail/deleted").content.decode(), "it rings him"

    def deleted_days_ago(days: float) -> None:
        at = timezone.now() - timedelta(days=days)
        Message.everywhere.filter(pk=message.pk).update(deleted_at=at)
        keep_house()

    deleted_days_ago(29.9)
    assert sound.is_file() and Message.everywhere.filter(pk=message.pk).exists()
    client.post(f"/voicemail/{message.pk}/restore")
    keep_house()
    assert sound.is_file(), "what is in its box stays"
    deleted_days_ago(30.1)
    assert not Message.everywhere.exists()
    assert Recording.everywhere.get(pk=message.recording).deleted_at is not None
    assert client.get(f"/audio/recordings/{message.recording}").status_code == 404
    assert client.get("/calls/call-2").status_code == 200, "what happened stays"
    assert AuditRow.everywhere.filter(action="message-deleted").exists()
    assert client.post(f"/voicemail/{message.pk}/restore").status_code == 404


def test_the_sound_of_an_erased_message_leaves_the_disk_and_no_other_does(
    cast: Cast,
    client: Client,
    own_data: Path,
    django_capture_on_commit_callbacks: object,
):
    message = Message.everywhere.get()
    folder = own_data / "recordings"
    sound, other = folder / "call-2.wav", folder / "call-1.wav"
    write_wav(sound)
    write_wav(other)
    long_ago = timezone.now() - timedelta(days=31)
    Message.everywhere.filter(pk=message.pk).update(deleted_at=long_ago)
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        keep_house()
    assert (sound.exists(), other.exists()) == (False, True)


def test_a_program_reads_every_decision_with_its_reason_and_plan(client: Client):
    found = client.get("/calls/call-1.json").json()
    assert (found["outcome"], found["plan_version"]) == ("answered", 3)
    (decided,) = [event for event in found["events"] if event["type"] == "decided"]
    assert decided["reason"] == "hours.always-open"
    assert "The number is always open" in [line["text"] for line in found["timeline"]]


def test_a_call_inside_the_company_names_who_was_dialled_and_nobody_who_came_later(
    cast: Cast, client: Client
):
    ann, ben, late = (cast.people[role] for role in ("owner", "user", "supervisor"))
    arrived = structs.replace(
        arrival(cast.acme, cast.number, "inside"),
        direction="internal",
        caller=ann.extension,
        caller_name=ann.name,
        called=ben.extension,
        number=None,
    )
    rung = e.LegStarted(call="inside", seq=2, at=NOON, leg="b1", user=ben.key, device="d1")
    apply_page(page([arrived, rung], first=200))

    def named() -> str:
        (row,) = (row for row in client.get("/calls").context["calls"] if row.pk == "inside")
        heading = client.get("/calls/inside").content.decode().partition("<h1")[2]
        assert (row.called_name or ben.extension) in heading.partition("</h1>")[0]
        return str(row.called_name)

    assert named() == ben.name
    with within(cast.acme):
        Person.objects.filter(pk=ben.pk).update(extension="777")
        Person.objects.filter(pk=late.pk).update(extension=arrived.called)
    assert named() == "None"

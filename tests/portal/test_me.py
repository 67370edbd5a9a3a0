"""One's own extension: the page, the switch to it, and what one is told by e-mail."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.urls import reverse

from carillon.portal.companies.models import AuditRow
from carillon.portal.companies.scope import within
from carillon.portal.extensions.models import Person
from carillon.portal.journal.apply import apply_page
from carillon.portal.mail.models import MailMessage
from carillon.portal.routing.people import flow_of
from carillon.portal.voicemail.notices import choose_notices
from carillon.schema import events as e
from tests.portal.conftest import Cast
from tests.portal.story import NOON, arrival, page
from tests.portal.wav import write_wav

pytestmark = pytest.mark.django_db


def message_for(
    cast: Cast, box: str, call: str = "call-9", urgent: bool = False, first: int = 1
) -> e.JournalPage:
    recording = f"{call}-m"
    return page(
        [
            arrival(cast.acme, cast.number, call),
            e.RecordingStarted(
                call=call,
                seq=2,
                at=NOON,
                recording=recording,
                kind="voicemail",
                path=f"{call}.wav",
                box=box,
            ),
            e.RecordingEnded(call=call, seq=3, at=NOON + 9, recording=recording, seconds=9.0),
            e.MessageLeft(
                call=call,
                seq=4,
                at=NOON + 9,
                box=box,
                recording=recording,
                seconds=9.0,
                urgent=urgent,
            ),
            e.CallEnded(call=call, seq=5, at=NOON + 9, outcome="voicemail", by="caller"),
        ],
        first=first,
    )


def lost(cast: Cast, call: str, first: int) -> e.JournalPage:
    events = [
        arrival(cast.acme, cast.number, call),
        e.CallEnded(call=call, seq=2, at=NOON + 30, outcome="missed", by="caller"),
    ]
    return page(events, first=first)


def test_availability_is_one_of_three(cast: Cast):
    client, ben = cast.client("user"), cast.people["user"]
    for mode, available, auto in (
        ("dnd", False, False),
        ("auto", True, True),
        ("available", True, False),
    ):
        client.post(reverse("my-availability"), {"mode": mode})
        with within(cast.acme):
            assert Person.objects.get(pk=ben.pk).available == available
            assert flow_of(ben).auto == auto
        html = client.get(reverse("me")).content.decode()
        assert f'value="{mode}" aria-pressed="true"' in html


def test_a_phones_account_is_shown_to_its_owner_alone_with_a_code_to_scan(cast: Cast):
    client, url = cast.client("user"), reverse("my-phone", args=[cast.device.pk])
    assert "data:image/svg" not in client.get(reverse("me")).content.decode()
    answer = client.post(url)
    assert "data:image/svg" in answer.content.decode()
    assert "no-store" in answer.headers["Cache-Control"]
    with within(cast.acme):
        assert AuditRow.objects.filter(by=cast.users["user"]).exists(), "who looked is known"
    assert cast.client("owner").post(url).status_code == 404


def test_who_runs_the_company_switches_to_their_own_extension_and_back(cast: Cast):
    client = cast.client("owner")
    numbers = reverse("numbers")
    assert f'class="nv" href="{numbers}"' in client.get(reverse("home")).content.decode()
    mine = client.get(reverse("me")).content.decode()
    assert f'class="nv" href="{numbers}"' not in mine
    assert f'class="nv" href="{numbers}"' not in client.get(reverse("voicemail")).content.decode()
    assert f'class="nv" href="{numbers}"' in client.get(reverse("people")).content.decode()
    client.get(reverse("home"))
    assert f'class="nv" href="{numbers}"' in client.get(reverse("voicemail")).content.decode()


def test_a_user_has_no_switch_but_a_page_of_their_own(cast: Cast):
    html = cast.client("user").get(reverse("home")).content.decode()
    assert reverse("me") in html
    assert "Administration" not in html


def test_a_new_message_is_sent_with_its_sound(cast: Cast, own_data: Path):
    write_wav(own_data / "recordings" / "call-9.wav")
    apply_page(message_for(cast, cast.people["user"].box, urgent=True))
    letter = MailMessage.objects.get(kind="new-message")
    assert letter.to == cast.users["user"].email
    assert letter.subject.startswith("Urgent: New message from")
    attached = letter.attachments.get()
    assert (attached.name, attached.content_type) == ("message.wav", "audio/wav")
    assert bytes(attached.content)[:4] == b"RIFF"
    assert "It is attached." in letter.text


def test_a_message_without_sound_is_told_all_the_same(cast: Cast):
    apply_page(message_for(cast, cast.people["user"].box))
    letter = MailMessage.objects.get(kind="new-message")
    assert not letter.attachments.exists()
    assert "It is attached." not in letter.text


def test_who_wants_no_mail_gets_none_and_others_boxes_are_nobodys_business(cast: Cast):
    cast.client("user").post(reverse("my-notices"), {})
    apply_page(message_for(cast, cast.people["user"].box))
    apply_page(message_for(cast, cast.number.box, "call-10", first=100))
    assert not MailMessage.objects.filter(kind="new-message").exists()


def test_a_lost_call_is_told_once_to_who_asked_for_it(cast: Cast):
    apply_page(lost(cast, "call-20", 1))
    assert not MailMessage.objects.filter(kind="lost-call").exists(), "off by default"
    with within(cast.acme):
        rung = Person.objects.filter(rungs__number=cast.number) | Person.objects.filter(
            teams__rungs__number=cast.number
        )
        people = list(rung.exclude(user=None).distinct())
    assert people, "the cast's number rings somebody who signs in"
    for person in people:
        choose_notices(person, message_mail=True, missed_mail=True)
    apply_page(lost(cast, "call-21", 100))
    apply_page(lost(cast, "call-21", 100))
    assert MailMessage.objects.filter(kind="lost-call").count() == len(people)

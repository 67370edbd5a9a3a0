"""Recording a prompt by phone, from the wish to the row."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.conf import settings
from django.utils import timezone

from carillon.portal.calls.models import Call
from carillon.portal.companies.scope import within
from carillon.portal.journal.apply import apply_page
from carillon.portal.refused import Refused
from carillon.portal.routing import dictation
from carillon.portal.routing.dictation import Dictation
from carillon.portal.routing.models import Prompt
from carillon.portal.routing.speaking import has_sound
from carillon.portal.voicemail.models import Message
from carillon.schema import events as e
from tests.portal.conftest import Cast
from tests.portal.story import NOON, page
from tests.portal.wav import write_wav


def waiting(cast: Cast, call: str = "call-1") -> Dictation:
    with within(cast.acme):
        return Dictation.objects.create(ticket=f"t-{call}", purpose="greeting", call=call)


def dictated(cast: Cast, ticket: str, call: str = "call-1") -> list[e.CallEvent]:
    path = f"{call}.wav"
    write_wav(Path(settings.CONFIG.recordings) / path, 2.0)
    box = f"prompt:{ticket}"
    return [
        e.CallArrived(
            call=call,
            seq=1,
            at=NOON,
            company=cast.acme.key,
            plan_version=3,
            direction="outbound",
            caller=cast.number.e164,
            called="+33612345678",
            purpose="dictation",
        ),
        e.RecordingStarted(
            call=call, seq=2, at=NOON, recording="r1", kind="voicemail", path=path, box=box
        ),
        e.RecordingEnded(call=call, seq=3, at=NOON + 2, recording="r1", seconds=2.0),
        e.MessageLeft(call=call, seq=4, at=NOON + 2, box=box, recording="r1", seconds=2.0),
        e.CallEnded(call=call, seq=5, at=NOON + 3, outcome="voicemail"),
    ]


@pytest.mark.django_db(transaction=True)
def test_what_was_recorded_by_phone_becomes_a_prompt_and_no_message(cast: Cast):
    row = waiting(cast)
    apply_page(page(dictated(cast, row.ticket)))
    row.refresh_from_db()
    assert row.now == "done"
    assert row.prompt is not None
    assert (row.prompt.source, round(row.prompt.seconds, 1)) == ("phone", 2.0)
    assert has_sound(row.prompt.key)
    assert not Message.everywhere.exists()
    assert not (Path(settings.CONFIG.recordings) / "call-1.wav").exists()


@pytest.mark.django_db
def test_such_a_call_is_in_nobody_s_history(cast: Cast):
    row = waiting(cast)
    apply_page(page(dictated(cast, row.ticket)))
    assert Call.everywhere.get().purpose == "dictation"
    shown = cast.client("owner").get("/calls")
    assert b"call-1" not in shown.content
    assert cast.client("owner").get("/calls/call-1").status_code == 404


@pytest.mark.django_db
def test_a_call_that_ends_without_a_recording_has_failed(cast: Cast):
    row = waiting(cast)
    events = [dictated(cast, row.ticket)[0], dictated(cast, row.ticket)[-1]]
    apply_page(page(events))
    row.refresh_from_db()
    assert (row.now, row.prompt) == ("failed", None)


@pytest.mark.django_db
def test_a_ticket_of_another_company_is_worth_nothing(cast: Cast):
    with within(cast.globex):
        row = Dictation.objects.create(ticket="theirs", purpose="greeting", call="other")
    apply_page(page(dictated(cast, "theirs")))
    row.refresh_from_db()
    assert row.now == "waiting"
    assert not Prompt.everywhere.exists()


@pytest.mark.django_db
def test_a_call_never_heard_of_again_has_failed(cast: Cast):
    row = waiting(cast)
    row.started_at = timezone.now() - dictation.LONGEST_WAIT * 2
    assert row.now == "failed"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("to", "why"), [("nonsense", "bad-number"), ("999", "bad-number"), ("101", "no-switch")]
)
def test_why_nobody_is_called_is_said_and_no_row_is_left(cast: Cast, to: str, why: str):
    with within(cast.acme):
        with pytest.raises(Refused) as refused:
            dictation.start(
                cast.acme, to, purpose="greeting", language="fr", by=cast.users["owner"]
            )
        assert refused.value.id == why
        assert not Dictation.objects.exists()


# -- on the page of a number ---------------------------------------------------------------------


def asked(cast: Cast, call: str = "call-1") -> Dictation:
    """Ann has asked to be called for the greeting of her number."""
    with within(cast.acme):
        return Dictation.objects.create(
            ticket=f"t-{call}",
            purpose=f"{cast.number.key}:greeting:",
            call=call,
            by=cast.users["owner"],
        )


@pytest.mark.django_db(transaction=True)
def test_what_was_recorded_is_heard_on_the_page_and_used(cast: Cast):
    row, page_of = asked(cast), f"/numbers/{cast.number.pk}/record/greeting"
    owner = cast.client("owner")
    assert "every 2s" in owner.get(page_of).content.decode(), "it asks again while the phone rings"
    apply_page(page(dictated(cast, row.ticket)))
    shown = owner.get(page_of).content.decode()
    assert "Use this recording" in shown
    assert "every 2s" not in shown
    used = owner.post(f"{page_of}/use", {"recording": row.pk})
    assert used.status_code == 302
    cast.number.refresh_from_db()
    key = cast.number.edited_flow.greeting
    assert has_sound(key)
    assert "Recorded by phone" in owner.get(f"/numbers/{cast.number.pk}").content.decode()
    assert "Use this recording" not in owner.get(page_of).content.decode()


@pytest.mark.django_db
def test_a_recording_of_somebody_else_is_not_offered(cast: Cast):
    row = asked(cast)
    apply_page(page(dictated(cast, row.ticket)))
    page_of = f"/numbers/{cast.number.pk}/record/greeting"
    assert "Use this" not in cast.client("administrator").get(page_of).content.decode()
    used = cast.client("administrator").post(f"{page_of}/use", {"recording": row.pk})
    assert used.status_code == 404


@pytest.mark.django_db
def test_why_nobody_can_be_called_is_said_at_the_field(cast: Cast):
    page_of = f"/numbers/{cast.number.pk}/record/greeting"
    answer = cast.client("owner").post(page_of, {"to": "nonsense"})
    assert answer.status_code == 422
    assert "neither an extension nor a telephone number" in answer.content.decode()
    assert cast.client("owner").get(f"/numbers/{cast.number.pk}/record/x").status_code == 404
    for menu in ("zz", "1" * 40):
        assert cast.client("owner").get(f"{page_of}?menu={menu}").status_code == 404

"""What the switch asks for somebody at a telephone, and what comes of what they record and dial there."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from django.conf import settings
from django.test import Client
from msgspec import structs

from carillon.portal.calls.models import Call, Recording
from carillon.portal.companies.models import AuditRow
from carillon.portal.companies.scope import within
from carillon.portal.extensions.actions import change_team
from carillon.portal.extensions.models import Person, Team, Voice
from carillon.portal.extensions.pins import set_pin
from carillon.portal.extensions.voices import speak_names
from carillon.portal.journal.apply import apply_page
from carillon.portal.routing.compile import compile_plan, load_rows
from carillon.portal.routing.models import HoursOverride
from carillon.portal.voicemail.lamps import counts
from carillon.portal.voicemail.models import Message
from carillon.schema import events as e
from carillon.schema.mailbox import ChangeMailbox, Mailbox, MailboxChanged, OpenMailbox
from carillon.schema.plan import HoursNode, Plan, Prompt
from tests.portal.conftest import Cast
from tests.portal.story import NOON, arrival, page
from tests.portal.wav import write_wav

PIN = "482915"
LATER = 4_000_000_000.0


def ask(wish: msgspec.Struct, path: str, secret: str = "") -> bytes:
    secret = secret or settings.CONFIG.secret()
    answer = Client().post(
        path,
        msgspec.json.encode(wish),
        content_type="application/json",
        headers={"Authorization": f"Bearer {secret}"},
    )
    assert answer.status_code == 200, answer.status_code
    return answer.content


def opened(person: Person, pin: str = PIN) -> Mailbox:
    wish = OpenMailbox(person.company.key, person.key, pin)
    return msgspec.json.decode(ask(wish, "/internal/pin"), type=Mailbox)


def change(person: Person, act: str, message: int, to: str = "") -> bool:
    wish = ChangeMailbox(person.company.key, person.key, act, message, to)
    return msgspec.json.decode(ask(wish, "/internal/mailbox"), type=MailboxChanged).done


def leave(cast: Cast, person: Person, name: str, *, heard: bool = False) -> Message:
    """Leave a message in somebody's box."""
    write_wav(Path(settings.CONFIG.recordings) / f"{name}.wav", 1.0)
    at = datetime.fromtimestamp(NOON, UTC)
    with within(cast.acme):
        call = Call.objects.create(
            id=name, direction="inbound", caller="+33612345678", called="101", started_at=at
        )
        Recording.objects.create(
            id=f"{name}-r", call=call, kind="voicemail", box=person.box, path=f"{name}.wav"
        )
        return Message.objects.create(
            box=person.box, recording=f"{name}-r", call=call, at=at, heard_at=at if heard else None
        )


@pytest.fixture
def ben(cast: Cast) -> Person:
    set_pin(cast.people["user"], PIN, by=cast.users["owner"])
    return cast.people["user"]


def test_the_right_pin_tells_the_messages_new_ones_first(cast: Cast, ben: Person):
    old = leave(cast, ben, "old", heard=True)
    new = leave(cast, ben, "new")
    leave(cast, cast.people["owner"], "not-mine")
    found = opened(ben)
    assert found.verdict == "ok"
    assert [(m.id, m.heard, m.path) for m in found.messages] == [
        (new.pk, False, "new.wav"),
        (old.pk, True, "old.wav"),
    ]
    assert found.messages[0].caller == "+33612345678"


def test_a_wrong_pin_tells_nothing_and_five_lock_it(cast: Cast, ben: Person):
    leave(cast, ben, "new")
    verdicts = [opened(ben, "111222").verdict for _ in range(5)]
    assert verdicts == ["wrong"] * 4 + ["locked"]
    assert opened(ben) == Mailbox("locked")


def test_somebody_without_a_pin_or_of_another_company_is_not_let_in(cast: Cast, ben: Person):
    assert opened(cast.people["owner"]) == Mailbox("wrong")
    stranger = OpenMailbox(cast.globex.key, ben.key, PIN)
    assert b'"ok"' not in ask(stranger, "/internal/pin")
    for user in ("", "u", "ux", "u99999999999999999999", "u٣"):
        assert b'"ok"' not in ask(OpenMailbox(cast.acme.key, user, PIN), "/internal/pin")


@pytest.mark.parametrize("path", ["/internal/pin", "/internal/mailbox"])
def test_without_the_secret_or_with_nonsense_nothing_is_answered(
    cast: Cast, ben: Person, path: str
):
    body = msgspec.json.encode(OpenMailbox(cast.acme.key, ben.key, PIN))
    post = Client().post
    assert post(path, body, content_type="application/json").status_code == 404
    owner = {"Authorization": f"Bearer {settings.CONFIG.secret()}"}
    for nonsense in (b"", b"[]", b"{", b"x" * 10_000):
        assert post(path, nonsense, "application/json", headers=owner).status_code == 422
    away = Client(REMOTE_ADDR="192.0.2.1").post(path, body, "application/json", headers=owner)
    assert away.status_code == 404


def test_hearing_deleting_and_bringing_back_move_the_lamps_and_are_audited(cast: Cast, ben: Person):
    message = leave(cast, ben, "new")
    assert counts()[cast.acme.key][ben.key] == (1, 0)
    assert change(ben, "heard", message.pk)
    assert counts()[cast.acme.key][ben.key] == (0, 1)
    assert change(ben, "deleted", message.pk)
    assert ben.key not in counts().get(cast.acme.key, {})
    assert not change(ben, "heard", message.pk), "it is gone"
    assert change(ben, "restored", message.pk)
    assert not change(ben, "restored", message.pk), "it is back already"
    actions = AuditRow.everywhere.filter(by=ben.user).values_list("action", flat=True)
    assert {"message-deleted", "message-restored"} <= set(actions)


def test_nobody_touches_the_messages_of_others(cast: Cast, ben: Person):
    theirs = leave(cast, cast.people["owner"], "theirs")
    for act in ("heard", "deleted", "forwarded", "nonsense"):
        assert not change(ben, act, theirs.pk, ben.key)
    theirs.refresh_from_db()
    assert (theirs.heard_at, theirs.deleted_at) == (None, None)


def test_a_forwarded_message_is_a_copy_of_its_own(cast: Cast, ben: Person):
    message, ann = leave(cast, ben, "new"), cast.people["owner"]
    assert change(ben, "forwarded", message.pk, ann.key)
    with within(cast.acme):
        copy = Message.objects.get(box=ann.box)
        sound = Recording.objects.get(pk=copy.recording)
    folder = Path(settings.CONFIG.recordings)
    assert (folder / sound.path).read_bytes() == (folder / "new.wav").read_bytes()
    assert sound.path != "new.wav"
    (folder / "new.wav").unlink()
    assert not change(ben, "forwarded", message.pk, ann.key), "there is nothing to forward"


# -- what was recorded and dialled ---------------------------------------------------------------


def plan_of(cast: Cast) -> Plan:
    with within(cast.acme):
        return compile_plan(load_rows(cast.acme))


def recorded(cast: Cast, box: str, name: str = "rec") -> list[e.CallEvent]:
    write_wav(Path(settings.CONFIG.recordings) / f"{name}.wav", 1.5)
    call = f"call-{name}"
    return [
        structs.replace(arrival(cast.acme, cast.number, call), direction="internal"),
        e.RecordingStarted(
            call=call, seq=2, at=NOON, recording=name, kind="voicemail", path=f"{name}.wav", box=box
        ),
        e.RecordingEnded(call=call, seq=3, at=NOON, recording=name, seconds=1.5),
        e.MessageLeft(call=call, seq=4, at=NOON, box=box, recording=name, seconds=1.5),
    ]


def test_a_greeting_and_a_name_recorded_by_phone_are_in_the_next_plan(cast: Cast, ben: Person):
    version = plan_of(cast).version
    apply_page(page(recorded(cast, f"prompt:greeting.{ben.key}", "greeting")))
    apply_page(page(recorded(cast, f"prompt:name.{ben.key}", "name"), first=10))
    plan = plan_of(cast)
    user = next(each for each in plan.users if each.id == ben.key)
    box = next(each for each in plan.boxes if each.id == ben.box)
    assert plan.version > version
    assert user.spoken is not None
    assert box.greeting is not None
    for prompt in (user.spoken, box.greeting):
        assert (Path(settings.CONFIG.prompts) / f"{prompt.key}.wav").is_file()
    assert not Message.everywhere.exists()


@pytest.mark.parametrize("box", ["prompt:greeting.u999999", "prompt:evil.u1", "prompt:greeting."])
def test_what_is_recorded_for_nobody_is_kept_by_nobody(cast: Cast, box: str):
    apply_page(page(recorded(cast, box)))
    assert not Voice.everywhere.exists()
    assert not Message.everywhere.exists()


def overridden(cast: Cast, person: Person, opens: bool | None, until: float) -> e.HoursOverridden:
    return e.HoursOverridden(
        at=NOON, company=cast.acme.key, user=person.key, open=opens, until=until
    )


def hours_of(plan: Plan) -> list[object]:
    return [node.hours.override for node in plan.nodes.values() if isinstance(node, HoursNode)]


def test_the_company_is_closed_by_phone_and_follows_its_hours_again(cast: Cast, ben: Person):
    apply_page(e.JournalPage("j1", (e.JournalEntry(1, overridden(cast, ben, False, LATER)),)))
    found = hours_of(plan_of(cast))
    assert found
    assert {(o.open, o.until) for o in found} == {(False, LATER)}  # type: ignore[attr-defined]
    apply_page(e.JournalPage("j1", (e.JournalEntry(2, overridden(cast, ben, True, 0.0)),)))
    assert HoursOverride.everywhere.get().until is None
    apply_page(e.JournalPage("j1", (e.JournalEntry(3, overridden(cast, ben, None, 0.0)),)))
    assert set(hours_of(plan_of(cast))) == {None}
    assert AuditRow.everywhere.filter(action="hours-overridden").count() == 3


def test_nobody_closes_another_company(cast: Cast, ben: Person):
    event = structs.replace(overridden(cast, ben, False, 0.0), company=cast.globex.key)
    apply_page(e.JournalPage("j1", (e.JournalEntry(1, event),)))
    assert not HoursOverride.everywhere.exists()


def spoken(plan: Plan, person: Person) -> str:
    user = next(each for each in plan.users if each.id == person.key)
    return user.spoken.key if user.spoken is not None else ""


def test_names_nobody_recorded_are_read_aloud_and_again_when_they_change(cast: Cast, ben: Person):
    assert speak_names() == Person.everywhere.count() + Team.everywhere.count()
    first = spoken(plan_of(cast), ben)
    assert (Path(settings.CONFIG.prompts) / f"{first}.wav").is_file()
    assert speak_names() == 0
    ben.name = "Benjamin"
    ben.save()
    assert speak_names() == 1
    assert spoken(plan_of(cast), ben) not in ("", first)


def test_the_names_of_teams_are_read_aloud_and_their_messages_say_which(cast: Cast, ben: Person):
    speak_names()

    def team(plan: Plan) -> Prompt | None:
        return next(each.spoken for each in plan.teams if each.id == cast.team.key)

    first = team(plan_of(cast))
    assert first is not None and (Path(settings.CONFIG.prompts) / f"{first.key}.wav").is_file()
    with within(cast.acme):
        change_team(cast.team, "Vendors", [ben], by=cast.users["owner"])
    assert speak_names() == 1
    second = team(plan_of(cast))
    assert second is not None and second.key != first.key


def test_a_name_the_person_recorded_is_never_read_over(cast: Cast, ben: Person):
    speak_names()
    apply_page(page(recorded(cast, f"prompt:name.{ben.key}", "name")))
    mine = spoken(plan_of(cast), ben)
    assert speak_names() == 0
    assert spoken(plan_of(cast), ben) == mine
    assert mine.startswith("up-")


def test_a_name_that_cannot_be_read_aloud_is_tried_once(cast: Cast, ben: Person):
    ben.name = "†"
    ben.save()
    speak_names()
    assert spoken(plan_of(cast), ben) == ""
    assert speak_names() == 0

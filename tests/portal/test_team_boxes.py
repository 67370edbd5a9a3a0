"""Boxes of teams and people behind a number: chosen on its page, heard by who is in them, told to each."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from msgspec.structs import replace

from carillon.portal.attention.finding import find
from carillon.portal.calls.models import Call
from carillon.portal.companies.scope import within
from carillon.portal.extensions.actions import add_person, change_team, remove_team
from carillon.portal.extensions.models import Person, Team, Voice
from carillon.portal.extensions.pins import set_pin
from carillon.portal.journal.apply import apply_page
from carillon.portal.mail.models import MailMessage
from carillon.portal.routing import flows
from carillon.portal.routing.difference import changed_lines
from carillon.portal.routing.documents import (
    Ending,
    Menu,
    NumberFlow,
    ToPerson,
    ToTeam,
    ToVoicemail,
    read_flow,
    write_flow,
)
from carillon.portal.routing.models import FlowVersion, Number
from carillon.portal.routing.names import load_names
from carillon.portal.routing.reasons import reason_text
from carillon.portal.setupfile.exporting import export
from carillon.portal.setupfile.importing import apply, difference
from carillon.portal.setupfile.shape import read, write
from carillon.portal.voicemail.lamps import counts
from carillon.portal.voicemail.models import Message
from carillon.portal.voicemail.notices import choose_notices
from carillon.schema import plan as p
from tests.portal.conftest import Cast
from tests.portal.test_kinds import compiled, made, publish, set_key
from tests.portal.test_mailbox import PIN, change, opened
from tests.portal.test_me import message_for
from tests.portal.wav import write_wav

pytestmark = pytest.mark.django_db


def end(cast: Cast, id: str) -> p.VoicemailNode:
    node = compiled(cast).nodes[id]
    assert isinstance(node, p.VoicemailNode)
    return node


def choose(client: Client, number: Number, which: str, box: str) -> int:
    return client.post(reverse("number-box", args=[number.pk, which]), {"box": box}).status_code


def left(cast: Cast, box: str, call: str = "call-9") -> Message:
    write_wav(Path(settings.CONFIG.recordings) / f"{call}.wav")
    apply_page(message_for(cast, box, call, first=100 * Call.everywhere.count() + 1))
    return Message.everywhere.get(recording=f"{call}-m")


def outsider(cast: Cast) -> Client:
    """Return the browser of a user who is in no team."""
    by = cast.users["owner"]
    with within(cast.acme):
        cal = add_person(
            cast.acme,
            name="Cal",
            extension="109",
            email="cal@acme.example",
            role="user",
            invite=False,
            by=by,
        )
    client = Client()
    assert cal.user is not None
    client.force_login(cal.user)
    return client


# -- the number ----------------------------------------------------------------------------------


def test_a_flow_written_before_boxes_could_be_chosen_means_what_it_meant() -> None:
    old = '{"closed":{"message":"","voicemail":false},"menu":{"keys":{"1":{"type":"voicemail"}}}}'
    flow = read_flow(old)
    assert flow == NumberFlow(closed=Ending("", False), menu=Menu(keys={"1": ToVoicemail()}))
    assert '{"type":"voicemail"}' in write_flow(flow), "and is written as before"


def test_every_end_offers_the_boxes_of_the_number_of_teams_and_of_people(cast: Cast) -> None:
    client, number = cast.client("owner"), cast.number
    ben, name = cast.people["user"], number.key
    assert end(cast, f"{name}.voicemail").box == number.box
    assert choose(client, number, "no_answer", cast.team.box) == 302
    assert choose(client, number, "closed", ben.box) == 302
    shown = client.get(f"/numbers/{number.pk}?step=no_answer").content.decode()
    assert f'<option value="{cast.team.box}" selected>Voicemail of the team Sales' in shown
    assert "Messages go to the box of the team Sales" in shown
    differs = client.get(f"/numbers/{number.pk}?step=difference").content.decode()
    assert "on: messages go to the box of the team Sales" in differs
    assert "on: messages go to the box of Ben" in differs
    publish(cast, number)
    found = end(cast, f"{name}.voicemail")
    assert (found.box, found.of) == (cast.team.box, "Sales")
    assert end(cast, f"{name}.closed").box == ben.box
    assert {cast.team.box, ben.box, number.box} <= {box.id for box in compiled(cast).boxes}
    tried = client.get(f"/numbers/{number.pk}").content.decode()
    assert "after the beep, in the box of Sales" in tried
    client.post(reverse("number-voicemail", args=[number.pk, "closed"]))
    assert (
        "Whose voicemail box?"
        not in client.get(f"/numbers/{number.pk}?step=closed").content.decode()
    ), "where no message may be left"


@pytest.mark.parametrize("box", ["", "bt99999", "bu99999", "bn1", "t1", "b", "voicemail "])
def test_a_box_that_is_not_ours_is_refused(cast: Cast, box: str) -> None:
    assert choose(cast.client("owner"), cast.number, "no_answer", box) == 422
    assert choose(cast.client("owner"), cast.number, "greeting", "voicemail") == 404
    strangers = Team.everywhere.create(company=cast.globex, name="Theirs")
    assert choose(cast.client("owner"), cast.number, "no_answer", strangers.box) == 422


def test_keys_and_silence_of_a_menu_lead_to_any_box(cast: Cast) -> None:
    number, ben = made(cast, "menu"), cast.people["user"]
    with within(cast.acme):
        Voice.objects.create(person=ben, greeting_key="hello", greeting_seconds=1.0)
    set_key(cast, number, "1", cast.team.box)
    set_key(cast, number, "2", ben.box)
    set_key(cast, number, "3", "voicemail")
    url, facts = f"/numbers/{number.pk}/menu", {"seconds": "5", "replays": "1"}
    cast.client("owner").post(url, {**facts, "target": cast.team.box})
    choose(cast.client("owner"), number, "no_answer", ben.box)
    publish(cast, number)
    menu = compiled(cast).nodes[f"{number.key}.menu"]
    assert isinstance(menu, p.MenuNode)
    found = {key: end(cast, id).box for key, id in {**menu.keys, "": menu.then}.items()}
    assert found == {"1": cast.team.box, "2": ben.box, "3": number.box, "": cast.team.box}
    greets = end(cast, menu.keys["2"]).prompt
    assert greets is not None
    assert greets.key == "hello", "a person's box is opened by their own greeting"
    shown = cast.client("owner").get(f"/numbers/{number.pk}?step=menu").content.decode()
    assert "the box of the team Sales" in shown
    assert f'<option value="{cast.team.box}" selected>' in shown, "what silence does"


def test_a_menu_s_key_takes_messages_for_a_team_where_the_number_itself_takes_none(cast: Cast):
    number = made(cast, "menu")
    set_key(cast, number, "1", cast.team.box)
    cast.client("owner").post(reverse("number-voicemail", args=[number.pk, "unanswered"]))
    publish(cast, number)
    menu = compiled(cast).nodes[f"{number.key}.menu"]
    assert isinstance(menu, p.MenuNode)
    assert end(cast, menu.keys["1"]).box == cast.team.box
    assert end(cast, f"{number.key}.voicemail").box is None


def test_messages_for_a_team_that_is_gone_go_to_the_number_and_that_is_shown(cast: Cast) -> None:
    by = cast.users["owner"]
    voicemail = ToVoicemail(ToTeam(cast.team.pk))

    def to_team(flow: NumberFlow) -> NumberFlow:
        menu = Menu(keys={"1": voicemail}, silence=voicemail)
        return replace(flow, kind="menu", unanswered=Ending(box=voicemail.box), menu=menu)

    with within(cast.acme):
        flows.change_flow(cast.number, to_team, by=by)
        assert not [each for each in find() if each.key.startswith("gone-box")]
        remove_team(cast.team, by=by)
        told = [each for each in find() if each.key.startswith("gone-box")]
        assert [each.url.partition("?")[2] for each in told] == ["step=no_answer", "step=menu"]
        assert "Messages go to the box of the number" in told[0].advice
    name = cast.number.key
    assert end(cast, f"{name}.voicemail").box == cast.number.box
    menu = compiled(cast).nodes[f"{name}.menu"]
    assert isinstance(menu, p.MenuNode)
    assert end(cast, menu.keys["1"]).box == cast.number.box
    shown = cast.client("owner").get(f"/numbers/{cast.number.pk}?step=menu").content.decode()
    assert "the one chosen is gone" in shown
    assert '<option value="voicemail" selected>' in shown, "what saving the form would mean"


def test_a_team_with_nobody_in_it_whose_box_takes_messages_is_shown(cast: Cast) -> None:
    by, box = cast.users["owner"], ToTeam(cast.team.pk)
    with within(cast.acme):
        flows.change_flow(cast.number, lambda _now: NumberFlow(closed=Ending(box=box)), by=by)
        assert not [each for each in find() if each.key.startswith("empty-box")]
        change_team(cast.team, "Sales", [], by=by)
        (told,) = [each for each in find() if each.key.startswith("empty-box")]
        assert told.url.endswith("?step=closed")
        assert "Nobody is in the team Sales" in told.advice


def test_boxes_are_told_in_the_difference_come_back_and_are_in_the_file(cast: Cast) -> None:
    by = cast.users["owner"]
    with within(cast.acme):
        number = Number.objects.select_related("published").get(pk=cast.number.pk)
        before, first = number.flow, FlowVersion.objects.filter(number=number).latest("version")
        after = replace(
            before,
            unanswered=Ending(box=ToTeam(cast.team.pk)),
            menu=Menu(silence=ToVoicemail(ToPerson(cast.people["user"].pk))),
        )
        lines = changed_lines(before, after, load_names())
        assert {(line.label, line.after) for line in lines} >= {
            ("Voicemail when nobody answers", "on: messages go to the box of the team Sales"),
            ("Menu: when nothing is pressed", "the box of Ben"),
        }
        flows.change_flow(number, lambda _now: after, by=by)
        text = write(export(cast.acme))
        assert difference(cast.acme, read(text.encode()), by=by) == []
        number.refresh_from_db()
        flows.revert_flow(number, first, by=by)
        assert Number.objects.get(pk=number.pk).flow == before
        apply(cast.acme, read(text.encode()), by=by)
        assert Number.objects.get(pk=number.pk).flow == after


def test_the_timeline_says_whose_box_it_is(cast: Cast) -> None:
    told = reason_text("voicemail.record-for", {"who": "Sales"})
    assert told == "The caller may leave a message after the beep, in the box of Sales"


# -- the messages --------------------------------------------------------------------------------


def test_members_and_managers_hear_a_teams_messages_and_nobody_else_does(cast: Cast) -> None:
    message = left(cast, cast.team.box)
    stranger = outsider(cast)
    sound, heard = (
        reverse("message-sound", args=[message.pk]),
        reverse("message-heard", args=[message.pk]),
    )
    for role in ("owner", "administrator", "supervisor", "user"):
        page = cast.client(role).get(reverse("voicemail"), {"box": cast.team.box})
        assert f"?box={cast.team.box}" in page.content.decode(), role
        assert cast.client(role).get(sound).status_code == 200, role
    assert f"?box={cast.team.box}" not in stranger.get(reverse("voicemail")).content.decode()
    for nobody in (stranger, cast.client("stranger")):
        assert nobody.get(sound).status_code == 404
        assert nobody.post(heard, {"heard": "yes"}).status_code == 404
        assert nobody.post(reverse("delete-message", args=[message.pk])).status_code == 404
    assert cast.client("user").post(heard, {"heard": "yes"}).status_code == 302
    message.refresh_from_db()
    assert message.heard_at is not None
    client = cast.client("user")
    client.post(reverse("delete-message", args=[message.pk]))
    client.post(reverse("restore-message", args=[message.pk]))
    with within(cast.acme):
        change_team(cast.team, "Sales", [cast.people["supervisor"]], by=cast.users["owner"])
    assert cast.client("user").get(sound).status_code == 404, "whoever has left the team"


def test_every_member_is_told_by_e_mail_in_their_language_with_the_sound(cast: Cast) -> None:
    ben, sue = cast.users["user"], cast.users["supervisor"]
    sue.language = "fr"
    sue.save()
    left(cast, cast.team.box)
    letters = {letter.to: letter for letter in MailMessage.objects.filter(kind="new-message")}
    assert set(letters) == {ben.email, sue.email}
    assert "for the team Sales" in letters[ben.email].text
    assert "pour l’équipe Sales" in letters[sue.email].text
    for letter in letters.values():
        assert letter.attachments.get().name == "message.wav"
        assert f"/voicemail?box={cast.team.box}" in letter.text
    with within(cast.acme):
        choose_notices(cast.people["user"], message_mail=False, missed_mail=False)
    left(cast, cast.team.box, "call-10")
    again = MailMessage.objects.filter(kind="new-message").order_by("pk")[2:]
    assert [letter.to for letter in again] == [sue.email]


def test_nobody_is_told_of_a_box_of_no_team_or_of_another_company(cast: Cast) -> None:
    theirs = Team.everywhere.create(company=cast.globex, name="Theirs")
    theirs.members.add(Person.everywhere.get(company=cast.globex))
    for nth, box in enumerate((theirs.box, "bt", "btx", "bt999999999999999999", "bt٣")):
        apply_page(message_for(cast, box, f"odd-{nth}", first=100 * nth + 1))
    assert Call.everywhere.filter(pk="odd-4").exists()
    assert not MailMessage.objects.filter(kind="new-message").exists()


def test_a_members_lamp_counts_their_own_and_their_teams_messages(cast: Cast) -> None:
    ben, sue = cast.people["user"].key, cast.people["supervisor"].key
    left(cast, cast.people["user"].box)
    message = left(cast, cast.team.box, "call-10")
    left(cast, cast.number.box, "call-11")
    left(cast, "bt999", "call-12")
    assert counts() == {cast.acme.key: {ben: (2, 0), sue: (1, 0)}}
    Message.everywhere.filter(pk=message.pk).update(heard_at=timezone.now())
    assert counts() == {cast.acme.key: {ben: (1, 1), sue: (0, 1)}}, "heard by one: heard for all"
    with within(cast.acme):
        change_team(cast.team, "Sales", [], by=cast.users["owner"])
    assert counts() == {cast.acme.key: {ben: (1, 0)}}


def test_by_telephone_ones_teams_messages_come_after_ones_own(cast: Cast) -> None:
    ben, by = cast.people["user"], cast.users["owner"]
    for person in (ben, cast.people["owner"]):
        set_pin(person, PIN, by=by)
    of_team = left(cast, cast.team.box)
    own = left(cast, ben.box, "call-10")
    told = [(m.id, m.team, m.of) for m in opened(ben).messages]
    assert told == [(own.pk, False, ""), (of_team.pk, True, cast.team.key)]
    assert opened(cast.people["owner"]).messages == (), "she is in no team"
    assert not change(cast.people["owner"], "deleted", of_team.pk)
    assert change(ben, "heard", of_team.pk)
    of_team.refresh_from_db()
    assert of_team.heard_at is not None

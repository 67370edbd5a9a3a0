"""What is wrong is listed on the first page and told once; what is mended goes; what returns is new."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse
from msgspec.structs import replace

from carillon.portal.attention.looking import LASTS, UNFINISHED, review
from carillon.portal.attention.models import Finding
from carillon.portal.companies.models import Company
from carillon.portal.companies.scope import within
from carillon.portal.extensions.actions import change_team, remove_person
from carillon.portal.extensions.models import Voice
from carillon.portal.journal.apply import apply_page
from carillon.portal.mail.models import MailMessage
from carillon.portal.routing import flows, people
from carillon.portal.routing.documents import ToPerson
from carillon.portal.routing.editing import with_kind
from carillon.portal.routing.models import Number, Prompt
from carillon.portal.routing.speaking import sound_path
from carillon.schema import events as e
from carillon.schema.commands import RunningPlan
from tests.portal.conftest import Cast
from tests.portal.story import arrival, page
from tests.portal.wav import write_wav

pytestmark = pytest.mark.django_db
START = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)


def look(company: Company, minutes: float, running: dict[str, RunningPlan] | None = None) -> None:
    """Let the worker look, so long after the start; the switch serves the newest plan, or `running`."""
    served = {company.key: RunningPlan(company.key, company.plan_version)}
    review(company, served if running is None else running, START + timedelta(minutes=minutes))


def letters() -> list[MailMessage]:
    return list(MailMessage.objects.filter(kind="attention").order_by("pk"))


def home(cast: Cast, role: str = "owner") -> str:
    return cast.client(role).get(reverse("home")).content.decode()


def number_of(cast: Cast) -> Number:
    with within(cast.acme):
        return Number.objects.select_related("published", "company").get(pk=cast.number.pk)


def empty_the_team(cast: Cast) -> None:
    with within(cast.acme):
        change_team(cast.team, "Sales", [], by=cast.users["owner"])


def test_a_company_where_all_is_well_is_told_nothing(cast: Cast):
    look(cast.acme, 0)
    look(cast.acme, 60)
    assert not Finding.everywhere.exists()
    assert not letters()
    assert "Needs attention" not in home(cast)


def test_what_lasts_is_told_once_to_those_who_run_the_company_and_again_when_it_comes_back(
    cast: Cast,
):
    empty_the_team(cast)
    look(cast.acme, 0)
    assert not letters(), "whoever emptied it may be about to put it right"
    for minutes in (1, 2, 600):
        look(cast.acme, minutes)
    told = {letter.to for letter in letters()}
    assert told == {cast.users["owner"].email, cast.users["administrator"].email}
    assert len(letters()) == 2
    with within(cast.acme):
        change_team(cast.team, "Sales", [cast.people["user"]], by=cast.users["owner"])
    assert "Needs attention" not in home(cast), "what was mended goes at once"
    look(cast.acme, 601)
    empty_the_team(cast)
    look(cast.acme, 602)
    look(cast.acme, 603)
    assert len(letters()) == 4


def test_what_was_put_right_within_the_minute_is_not_told(cast: Cast):
    empty_the_team(cast)
    look(cast.acme, 0)
    with within(cast.acme):
        change_team(cast.team, "Sales", [cast.people["user"]], by=cast.users["owner"])
    look(cast.acme, 0.5)
    look(cast.acme, 10)
    assert not letters()


def test_many_troubles_are_one_letter_in_each_readers_language_with_links_that_mend_them(
    cast: Cast,
):
    cast.users["administrator"].language = "fr"
    cast.users["administrator"].save()
    empty_the_team(cast)
    with within(cast.acme):
        rows = [
            Prompt.objects.create(key=f"k{n}", source="speech", text=f"Hello {n}") for n in range(3)
        ]
        flows.change_flow(number_of(cast), lambda f: replace(f, greeting=rows[0].key), by=None)
        for row in rows[1:]:
            flows.change_flow(
                number_of(cast), lambda f, k=row.key: replace(f, music=(*f.music, k)), by=None
            )
    look(cast.acme, 0)
    look(cast.acme, LASTS.total_seconds() / 60)
    written = {letter.to: letter for letter in letters()}
    assert len(written) == 2
    english = written[cast.users["owner"].email]
    assert "4 things need attention at Acme" in english.subject
    for body in (english.text, english.html):
        assert "Sales" in body
        assert "Hello 0" in body
        assert f"/numbers/{cast.number.pk}?step=greeting" in body
        assert f"/numbers/{cast.number.pk}?step=ring" in body
    french = written[cast.users["administrator"].email]
    assert "demandent votre attention" in french.subject
    assert "personne dans l’équipe Sales" in french.text
    assert "need attention" not in french.text


def test_the_first_page_lists_it_with_since_when_a_link_and_the_calls_that_met_it(cast: Cast):
    empty_the_team(cast)
    with within(cast.acme):
        Finding.objects.create(
            key=f"empty-team:{cast.number.key}:{cast.team.key}",
            began_at=datetime.fromtimestamp(1_790_000_000.0, UTC) - timedelta(minutes=5),
        )
    events: list[e.CallEvent] = []
    for call in ("one", "two"):
        arrived = arrival(cast.acme, cast.number, call)
        skipped = e.Decided(
            call=call, seq=2, at=arrived.at, node="ring", reason="ring.nobody-left", facts={}
        )
        events += [arrived, skipped, replace(skipped, seq=3)]
    apply_page(page(events))
    shown = home(cast)
    assert "Needs attention" in shown
    assert f"/numbers/{cast.number.pk}?step=ring" in shown
    assert "2 calls met it" in shown
    assert "Since" in shown
    assert "Needs attention" not in home(cast, "user")
    assert "Needs attention" not in home(cast, "stranger")


def test_whoever_is_gone_is_told_of_numbers_and_of_people(cast: Cast):
    with within(cast.acme):
        instead = ToPerson(cast.people["user"].pk)
        people.change_personal(
            cast.people["supervisor"], lambda f: replace(f, unanswered=instead), by=None
        )
        remove_person(cast.people["user"], by=cast.users["owner"])
    look(cast.acme, 0)
    keys = set(Finding.everywhere.values_list("key", flat=True))
    assert f"gone:{cast.number.key}:" in keys
    assert f"gone:{cast.people['supervisor'].key}" in keys
    assert f"/people/{cast.people['supervisor'].pk}/reach" in home(cast)


def test_a_menu_without_a_message_is_told_when_it_is_still_so_much_later(cast: Cast):
    with within(cast.acme):
        flows.change_flow(number_of(cast), lambda f: with_kind(f, "menu"), by=None)
    look(cast.acme, 0)
    look(cast.acme, 2)
    assert "menu has no message" in home(cast)
    assert not letters(), "it is being written"
    look(cast.acme, UNFINISHED.total_seconds() / 60)
    assert "menu has no message" in letters()[0].text


def test_a_sound_that_is_there_is_no_trouble_and_one_that_is_lost_is(cast: Cast):
    sound = sound_path("hello")
    write_wav(sound)
    with within(cast.acme):
        Prompt.objects.create(key="hello", source="upload", filename="hello.mp3")
        Voice.objects.create(person=cast.people["user"], greeting_key="hello")
        flows.change_flow(number_of(cast), lambda f: replace(f, greeting="hello"), by=None)
    look(cast.acme, 0)
    assert not Finding.everywhere.exists()
    for broken in (lambda: sound.write_bytes(b"not a sound"), sound.unlink):
        broken()
        look(cast.acme, 1)
        keys = set(Finding.everywhere.filter(ended_at=None).values_list("key", flat=True))
        ours = f"sound:{cast.number.key}:hello"
        assert keys == {ours, f"sound:{cast.people['user'].key}"}


def test_a_plan_the_switch_refused_is_told_to_its_company_alone(cast: Cast):
    refused = {cast.acme.key: RunningPlan(cast.acme.key, 1, "9: its format 2 is newer")}
    for minutes in (0, 2):
        look(cast.acme, minutes, refused)
        look(cast.globex, minutes)
    assert {letter.to for letter in letters()} == {
        cast.users["owner"].email,
        cast.users["administrator"].email,
    }
    assert "its format 2 is newer" in letters()[0].text
    assert "could not be taken over" in home(cast)
    assert "could not be taken over" not in home(cast, "stranger")
    look(cast.acme, 3)
    assert "could not be taken over" not in home(cast)


def test_a_switch_that_does_not_answer_ends_nothing(cast: Cast):
    refused = {cast.acme.key: RunningPlan(cast.acme.key, 1, "no")}
    look(cast.acme, 0, refused)
    review(cast.acme, None, START + timedelta(minutes=1))
    assert Finding.everywhere.filter(ended_at=None).count() == 1

"""A large company: lists come in pages, a search finds everybody, the operator is chosen from a list."""

from __future__ import annotations

import re

import pytest
from django.urls import reverse

from carillon.portal.companies.scope import within
from carillon.portal.extensions.models import Person
from carillon.portal.routing.models import Number
from carillon.portal.wizard.company import operator_of
from tests.portal.conftest import Cast

pytestmark = pytest.mark.django_db


@pytest.fixture
def many(cast: Cast) -> Cast:
    with within(cast.acme):
        Person.everywhere.bulk_create(
            Person(company=cast.acme, name=f"Worker {n:03d}", extension=str(2000 + n))
            for n in range(70)
        )
    return cast


@pytest.mark.parametrize(("url", "shown"), [("people", 50), ("wizard-users", 25)])
def test_each_person_is_on_one_page_and_a_search_finds_them(many: Cast, url: str, shown: int):
    client, seen = many.client("owner"), []
    for page in range(1, 6):
        html = client.get(reverse(url), {"page": page}).content.decode()
        found = re.findall(r"Worker \d{3}", html)
        assert len(set(found)) <= shown
        if found and found[-1] in seen:
            break
        seen += dict.fromkeys(found)
    assert len(seen) == len(set(seen)) == 70
    html = client.get(reverse(url), {"q": "worker 069"}).content.decode()
    assert set(re.findall(r"Worker \d{3}", html)) == {"Worker 069"}


def test_the_operator_of_a_large_company_is_chosen_from_a_list(many: Cast):
    client = many.client("owner")
    with within(many.acme):
        last = Person.objects.get(name="Worker 069")
    assert f'<option value="{last.pk}">Worker 069</option>' in (
        client.get(reverse("wizard-operator")).content.decode()
    )
    client.post(reverse("wizard-operator"), {"person": str(last.pk)})
    with within(many.acme):
        number = Number.objects.select_related("published").get(pk=many.number.pk)
        assert operator_of(number) == last


TICKED = (("new-team", "members"), ("new-number", "users"))


@pytest.mark.parametrize(("url", "name"), TICKED)
def test_everybody_of_a_large_company_can_be_ticked_and_searched(many: Cast, url: str, name: str):
    html = many.client("owner").get(reverse(url)).content.decode()
    assert html.count(f'type="checkbox" name="{name}"') >= 70
    assert (
        html.count(f'data-sift="id_{name}_list" hidden') == html.count(f'id="id_{name}_list"') == 1
    )
    ids = re.findall(rf'id="(id_{name}_\d+)"', html)
    assert len(ids) == len(set(ids)) >= 70


def test_a_short_list_of_boxes_has_no_search(cast: Cast):
    assert "data-sift" not in cast.client("owner").get(reverse("new-team")).content.decode()


def test_who_is_ticked_stays_so_and_what_is_wrong_is_said_beside_the_boxes(many: Cast):
    client = many.client("owner")
    with within(many.acme):
        first, last = Person.objects.get(name="Worker 000"), Person.objects.get(name="Worker 069")
    facts = {"strategy": "all", "member_seconds": "15"}
    sent = {"name": "", "members": [first.pk, last.pk], **facts}
    again = client.post(reverse("new-team"), sent)
    assert again.status_code == 422
    assert _ticked(again.content.decode()) == {str(first.pk), str(last.pk)}
    wrong = client.post(reverse("new-team"), {"name": "All", "members": ["999999"], **facts})
    html = wrong.content.decode()
    assert 'id="id_members_error"' in html
    assert re.search(r'<fieldset class="field" aria-describedby="[^"]*id_members_error"', html)
    assert 'aria-invalid="true"' in html[html.index('id="id_members_0"') - 200 :]
    assert client.post(reverse("new-team"), {**sent, "name": "All"}).status_code == 302


def test_many_boxes_of_messages_are_chosen_from_a_list(many: Cast):
    client = many.client("owner")
    with within(many.acme):
        last = Person.objects.get(name="Worker 069")
    html = client.get(reverse("voicemail")).content.decode()
    assert f'<option value="{last.box}">Worker 069</option>' in html
    assert "Worker 068" in html and html.count('class="fl') < 30
    html = client.get(reverse("voicemail"), {"box": last.box}).content.decode()
    assert f'<option value="{last.box}" selected>Worker 069</option>' in html


def _ticked(html: str) -> set[str]:
    return set(re.findall(r'name="members" value="(\d+)"[^>]* checked', html))


def test_a_name_is_text_wherever_it_is_an_option(many: Cast):
    with within(many.acme):
        Person.objects.filter(name="Worker 000").update(name='<b>"&')
    for url in ("calls", "wizard-operator", "new-team", "voicemail"):
        html = many.client("owner").get(reverse(url)).content.decode()
        assert re.search("&lt;b&gt;&quot;&amp;</(option|label)>", html)
        assert '<b>"&' not in html


@pytest.mark.parametrize("url", ["people", "teams"])
def test_one_button_leads_to_a_new_user_or_a_new_team(cast: Cast, url: str):
    html = cast.client("administrator").get(reverse(url)).content.decode()
    menu = html[html.index("Create a team or a user") :]
    menu = menu[: menu.index("</ul>")]
    assert reverse("new-person") in menu
    assert reverse("new-team") in menu
    seen = cast.client("supervisor").get(reverse(url)).content.decode()
    assert "Create a team or a user" not in seen

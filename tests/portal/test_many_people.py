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


def test_a_name_is_text_wherever_it_is_an_option(many: Cast):
    with within(many.acme):
        Person.objects.filter(name="Worker 000").update(name='<b>"&')
    for url in ("calls", "wizard-operator"):
        html = many.client("owner").get(reverse(url)).content.decode()
        assert "&lt;b&gt;&quot;&amp;</option>" in html
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

"""The company's main number and its fax (R35): chosen, shown, changed, given up."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from carillon.flows.outgoing import shown_number
from carillon.portal.companies.models import AuditRow
from carillon.portal.companies.scope import within
from carillon.portal.routing.actions import add_number, release_number
from carillon.portal.routing.company_numbers import fax_number, main_number
from carillon.portal.routing.compile import compile_plan, load_rows
from carillon.portal.routing.models import Number
from carillon.portal.words import phone
from tests.portal.conftest import Cast

pytestmark = pytest.mark.django_db
PAGE = "/company/numbers"


@pytest.fixture
def second(cast: Cast) -> Number:
    """Return another number of Acme."""
    with within(cast.acme):
        return add_number(cast.acme, "Workshop", "FR", by=cast.users["owner"])


def choose(client: Client, main: Number, fax: str = "", other: str = "") -> int:
    facts = {"main": main.pk, "fax": fax, "other_fax": other}
    return client.post(PAGE, facts).status_code


def test_main_number_and_fax_are_chosen_shown_and_changed_again(cast: Cast, second: Number):
    client = cast.client("owner")
    with within(cast.acme):
        assert main_number() == cast.number
    assert choose(client, second, fax=cast.number.e164) == 302
    with within(cast.acme):
        assert main_number() == second
        assert fax_number() == cast.number.e164
    company = client.get(reverse("company")).content.decode()
    assert phone(second.e164) in company
    assert phone(cast.number.e164) in company
    review = client.get(reverse("wizard-review")).content.decode()
    assert phone(second.e164) in review
    listed = client.get(reverse("numbers")).content.decode()
    assert listed.count("Main number</span>") == listed.count("Fax</span>") == 1
    assert choose(client, cast.number, fax="other", other="01 44 55 66 77") == 302
    with within(cast.acme):
        assert main_number() == cast.number
        assert fax_number() == "+33144556677"
    row = AuditRow.everywhere.filter(action="company-numbers-changed").latest("id")
    assert row.after == {"main": cast.number.e164, "fax": "+33144556677"}


def test_calls_to_the_outside_show_the_main_number(cast: Cast, second: Number):
    def shown() -> str:
        with within(cast.acme):
            plan = compile_plan(load_rows(cast.acme))
        user = next(user for user in plan.users if user.id == cast.people["owner"].key)
        number = shown_number(plan, user)
        assert number is not None
        return number.e164

    with within(cast.acme):
        assert choose(cast.client("owner"), second) == 302
        cast.acme.refresh_from_db()
    assert shown() == second.e164
    choose(cast.client("owner"), cast.number)
    assert shown() == cast.number.e164


@pytest.mark.parametrize("other", ["", "hello", "12", "+33 1 44 55 66 77 88 99 00 11", "9" * 41])
def test_a_fax_that_is_no_number_is_said_beside_the_field(cast: Cast, other: str):
    client = cast.client("owner")
    answer = client.post(PAGE, {"main": cast.number.pk, "fax": "other", "other_fax": other})
    html = answer.content.decode()
    assert answer.status_code == 422
    assert 'id="id_other_fax_error"' in html
    assert not other or f'value="{other}"' in html
    with within(cast.acme):
        assert fax_number() == ""


def test_anothers_number_is_not_taken(cast: Cast):
    with within(cast.globex):
        theirs = add_number(cast.globex, "Theirs", "GB", by=cast.users["stranger"])
    assert choose(cast.client("owner"), theirs) == 422
    assert choose(cast.client("owner"), cast.number, fax=theirs.e164) == 422


def test_who_gives_a_number_back_is_not_known_by_it_any_more(cast: Cast, second: Number):
    assert choose(cast.client("owner"), second, fax=second.e164) == 302
    with within(cast.acme):
        release_number(second, by=cast.users["owner"])
        assert main_number() == cast.number
        assert fax_number() == ""


def test_a_company_without_a_number_is_led_to_take_one(cast: Cast):
    html = cast.client("stranger").get(PAGE).content.decode()
    assert reverse("new-number") in html
    assert cast.client("stranger").post(PAGE, {"main": "1"}).status_code == 422

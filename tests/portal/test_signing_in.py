"""Signing in, being slowed down, and who begins."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client

from carillon.portal.accounts.models import SignInFailure, User
from carillon.portal.accounts.throttle import MOST_PER_PAIR
from carillon.portal.companies.models import Company
from tests.portal.conftest import PASSWORD, Cast


@pytest.fixture
def ann(cast: Cast) -> User:
    user = cast.users["owner"]
    user.set_password(PASSWORD)
    user.save()
    return user


def attempt(client: Client, email: str, password: str) -> int:
    return client.post("/sign-in", {"email": email, "password": password}).status_code


def test_the_right_password_opens_a_session_whatever_the_capitals_of_the_e_mail(ann: User):
    client = Client()
    assert attempt(client, "Ann@Acme.example", PASSWORD) == 302
    assert client.get("/calls").status_code == 200
    client.post("/sign-out")
    assert client.get("/calls").status_code == 302


def test_a_wrong_password_and_a_wrong_e_mail_get_the_same_words(ann: User):
    said = set()
    for email in (ann.email, "nobody@acme.example"):
        answer = Client().post("/sign-in", {"email": email, "password": "wrong"})
        assert answer.status_code == 422
        said.add(str(answer.context["form"].non_field_errors()))
    assert len(said) == 1


def test_too_many_wrong_passwords_slow_even_the_right_one(ann: User):
    for _ in range(MOST_PER_PAIR):
        assert attempt(Client(), ann.email, "wrong") == 422
    answer = Client().post("/sign-in", {"email": ann.email, "password": PASSWORD})
    assert answer.status_code == 422
    assert "15 minutes" in answer.content.decode()


def test_a_guesser_elsewhere_does_not_lock_the_owner_out_at_once(ann: User):
    for _ in range(MOST_PER_PAIR):
        attempt(Client(REMOTE_ADDR="192.0.2.1"), ann.email, "wrong")
    assert attempt(Client(), ann.email, PASSWORD) == 302


def test_a_telephone_number_is_one_account_however_it_is_written(ann: User):
    ann.mobile = "+33612345678"
    ann.save()
    for name in ("+33612345678", "06 12 34 56 78", "0033612345678", "06.12.34.56.78", "0612345678"):
        assert attempt(Client(), name, "wrong") == 422
    assert attempt(Client(), "+33 6 12 34 56 78", PASSWORD) == 422, "slowed down"
    assert attempt(Client(REMOTE_ADDR="192.0.2.9"), "+33 6 12 34 56 78", PASSWORD) == 302


def test_the_right_password_forgives_what_came_before(ann: User):
    attempt(Client(), ann.email, "wrong")
    attempt(Client(), ann.email, PASSWORD)
    assert not SignInFailure.objects.exists()


def test_signing_in_leads_on_only_to_pages_of_ours(ann: User):
    facts = {"email": ann.email, "password": PASSWORD}
    ours = Client().post("/sign-in?next=/calls", facts)
    assert ours.headers["Location"] == "/calls"
    theirs = Client().post("/sign-in?next=https://evil.example/", facts)
    assert theirs.headers["Location"] == "/"


def test_what_only_forms_send_says_so_when_a_new_sign_in_leads_to_it(ann: User):
    client, people = Client(), {"HTTP_ACCEPT": "text/html,*/*;q=0.8"}
    lost = client.post("/company/override", {"state": "open"})
    assert attempt(client, ann.email, PASSWORD) == 302
    answer = client.get(parse_qs(urlsplit(lost["Location"]).query)["next"][0], **people)
    assert (answer.status_code, answer["Allow"]) == (405, "POST")
    assert "Nothing was saved" in answer.content.decode()
    assert client.get("/company/override").content == b""


def test_an_empty_system_is_begun_by_its_first_visitor_only(db: None):
    facts = {
        "company": "Atelier Zoé",
        "country": "BE",
        "name": "Zoé",
        "email": "zoe@atelier.example",
        "password": "a long first password",
    }
    client = Client()
    assert client.get("/sign-in").headers["Location"] == "/start"
    assert client.post("/start", {**facts, "password": "zoe"}).status_code == 422
    assert client.post("/start", facts).headers["Location"] == "/set-up"
    assert client.get("/operator").status_code == 200
    company = Company.objects.get()
    assert (company.name, company.timezone) == ("Atelier Zoé", "Europe/Brussels")
    second = Client().post("/start", {**facts, "email": "other@atelier.example"})
    assert second.headers["Location"] == "/sign-in"
    assert Company.objects.count() == 1


def test_every_page_carries_a_policy_without_inline_scripts(cast: Cast):
    answer = cast.client("owner").get("/")
    policy = answer.headers["Content-Security-Policy"]
    assert "script-src 'self'" in policy.split("; "), "in whatever order"
    assert "unsafe-eval" not in policy
    body = answer.content.decode()
    assert "<style" not in body
    assert "onclick" not in body

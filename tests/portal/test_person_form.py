"""What an administrator sets of somebody's sign-in (R42–R44), and the link they hand over."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.urls import reverse

from carillon.portal.accounts.models import User
from carillon.portal.companies.models import AuditRow, Membership
from carillon.portal.companies.scope import within
from carillon.portal.extensions.models import Person
from carillon.portal.extensions.pins import check_pin
from tests.portal.conftest import PASSWORD, Cast

pytestmark = pytest.mark.django_db
EVE = {
    "name": "Eve",
    "extension": "120",
    "language": "en",
    "role": "user",
    "email": "eve@acme.example",
}
SECRETS = {
    "password": "Bluette-58-Zinc",
    "password2": "Bluette-58-Zinc",
    "pin": "481526",
    "pin2": "481526",
    "question": "animal",
    "answer": "Minou",
}


def saved(cast: Cast, who: str, **changes: str) -> int:
    """Save somebody's form as it is, but for the changes."""
    person = cast.people[who]
    facts = {"name": person.name, "extension": person.extension, "language": "en", "role": who}
    url = reverse("person", args=[person.pk])
    return cast.client("owner").post(url, {**facts, **changes}).status_code


def test_somebody_new_signs_in_by_number_alone_where_the_box_is_not_ticked(cast: Cast):
    client = cast.client("administrator")
    facts = {**EVE, "mobile": "06 12 34 56 78"}
    assert client.post(reverse("new-person"), facts).status_code == 302
    eve = User.objects.get(email=EVE["email"])
    assert (eve.mobile, eve.email_sign_in) == ("+33612345678", False)
    eve.set_password(PASSWORD)
    eve.save()
    assert not signs_in(EVE["email"])
    assert signs_in("+33612345678")


def signs_in(name: str) -> bool:
    client = Client()
    client.post(reverse("sign-in"), {"email": name, "password": PASSWORD})
    return "_auth_user_id" in client.session


def test_contact_number_and_sign_in_are_shown_and_changed(cast: Cast):
    before = cast.client("owner").get(reverse("person", args=[cast.people["user"].pk]))
    assert re.search(r'name="mobile" (?!value)', before.content.decode())
    assert saved(cast, "user", mobile="06 12 34 56 78", email_sign_in="on") == 302
    ben = User.objects.get(pk=cast.users["user"].pk)
    assert (ben.mobile, ben.email_sign_in) == ("+33612345678", True)
    page = cast.client("owner").get(reverse("person", args=[cast.people["user"].pk]))
    assert 'value="+33 6 12 34 56 78"' in page.content.decode()
    row = AuditRow.everywhere.filter(action="person-changed").latest("id")
    assert row.after["sign-in"] == "+33612345678 ben@acme.example"


@pytest.mark.parametrize(
    ("mobile", "said"),
    [("", "Give a telephone number to sign in with"), ("hello", "not a telephone number")],
)
def test_nobody_is_left_without_a_way_in(cast: Cast, mobile: str, said: str):
    url = reverse("person", args=[cast.people["user"].pk])
    facts = {"name": "Benny", "extension": "104", "language": "en", "role": "user"}
    answer = cast.client("owner").post(url, {**facts, "mobile": mobile})
    html = answer.content.decode()
    assert answer.status_code == 422
    assert said in html
    assert 'id="id_mobile_error"' in html
    assert 'value="Benny"' in html
    with within(cast.acme):
        assert Person.objects.get(pk=cast.people["user"].pk).name == "Ben", "nothing was half saved"


def test_an_account_of_other_companies_too_is_not_ones_to_change(cast: Cast):
    Membership.objects.create(user=cast.users["user"], company=cast.globex, role="user")
    assert saved(cast, "user", mobile="06 12 34 56 78", email_sign_in="on") == 422
    assert saved(cast, "user", email_sign_in="on") == 302, "the rest is"
    mallory = {**EVE, "email": "mallory@globex.example", "mobile": "+33612345678"}
    cast.client("owner").post(reverse("new-person"), mallory)
    stranger = User.objects.get(pk=cast.users["stranger"].pk)
    assert (stranger.mobile, stranger.email_sign_in) == ("", True)


def test_a_phone_in_a_corridor_has_no_sign_in_to_set(cast: Cast):
    client = cast.client("owner")
    client.post(reverse("new-person"), {**EVE, "name": "Corridor", "email": ""})
    with within(cast.acme):
        corridor = Person.objects.get(name="Corridor")
    html = client.get(reverse("person", args=[corridor.pk])).content.decode()
    assert 'name="mobile"' not in html
    facts = {"name": "Hall", "extension": "120", "language": "en"}
    assert client.post(reverse("person", args=[corridor.pk]), facts).status_code == 302


def test_a_new_sign_in_link_leads_to_password_pin_and_question(cast: Cast):
    html = cast.client("owner").post(reverse("sign-in-link", args=[cast.people["user"].pk]))
    found = re.search(r'value="http://testserver(/[^"]+)"', html.content.decode())
    assert found is not None
    ben = Client()
    page = ben.get(found[1], follow=True).content.decode()
    for words in ("Create a password", "Create a PIN", "question"):
        assert words in page
    assert ben.post(reverse("activate-secrets"), {**SECRETS, "pin": "111111"}).status_code == 422
    assert ben.post(reverse("activate-secrets"), SECRETS).status_code == 302
    assert ben.get(reverse("home")).status_code == 200
    with within(cast.acme):
        assert check_pin(cast.people["user"], SECRETS["pin"]) == "ok"
    assert Client().get(found[1]).status_code == 410, "once"

"""The lines of a plan (R40, R45): listed one by one, given, taken back, run out, ordered."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.urls import reverse

from carillon.portal.companies.models import AuditRow, Company
from carillon.portal.companies.scope import within
from carillon.portal.extensions import actions, lines
from carillon.portal.extensions.models import Device, Person
from carillon.portal.refused import Refused
from carillon.portal.routing.actions import add_number
from carillon.portal.routing.documents import ToPerson
from carillon.portal.routing.editing import with_step
from carillon.portal.routing.flows import change_flow
from carillon.portal.words import phone
from tests.portal.conftest import Cast

pytestmark = pytest.mark.django_db
ZOE = {"first": "Zoe", "last": "Martin", "extension": "150", "phone": "soft"}
ADDED = {"name": "Zoe Martin", "extension": "150", "language": "fr", "role": "user"}


def have(company: Company, count: int) -> None:
    company.lines = count
    company.save(update_fields=["lines"])


def tabs(client: Client, page: str) -> list[int]:
    """Return the counts of the three tabs."""
    html = client.get(reverse(page)).content.decode()
    found = re.findall(r'href="\?tab=\w+"[^>]*>[^<]*<span class="cn num">(\d+)<', html)
    return [int(each) for each in found]


@pytest.mark.parametrize("page", ["wizard-users", "people"])
def test_every_line_is_listed_with_who_has_it_or_a_way_to_give_it(cast: Cast, page: str):
    have(cast.acme, 6)
    client = cast.client("owner")
    assert tabs(client, page) == [6, 4, 2]
    free = client.get(reverse(page), {"tab": "unassigned"}).content.decode()
    assert "Give line 5" in free
    assert "Give line 6" in free
    assert "Ben" not in free
    assigned = client.get(reverse(page), {"tab": "assigned"}).content.decode()
    assert "Ben" in assigned
    assert "Give line" not in assigned


def test_a_line_left_free_is_given_later_with_a_phone_of_its_own(cast: Cast):
    have(cast.acme, 6)
    client = cast.client("administrator")
    form = client.get(reverse("new-person"), {"line": "6"}).content.decode()
    assert '<option value="6" selected>Line 6</option>' in form
    client.post(reverse("new-person"), {**ADDED, "line": "6", "phone": "desk"})
    with within(cast.acme):
        zoe = Person.objects.get(extension="150")
        assert lines.places(cast.acme)[6] == zoe.pk
        assert lines.free_places(cast.acme) == [5]
        assert [device.label for device in Device.objects.filter(person=zoe)] == ["Desk phone"]
    assert tabs(client, "people") == [6, 5, 1]


def test_the_set_up_gives_the_line_that_was_clicked_on(cast: Cast):
    have(cast.acme, 7)
    client = cast.client("owner")
    html = client.get(reverse("wizard-users"), {"line": "7"}).content.decode()
    assert '<option value="7" selected>Line 7</option>' in html
    client.post(
        reverse("wizard-add-user"),
        {**ZOE, "line": "7", "email": "zoe@acme.example", "email_sign_in": "on"},
    )
    with within(cast.acme):
        zoe = Person.objects.get(extension="150")
        assert lines.places(cast.acme)[7] == zoe.pk
        assert Device.objects.get(person=zoe).label == "Software phone"
    html = client.get(reverse("wizard-users")).content.decode()
    assert "Software phone</span>" in html


def test_a_line_two_people_want_goes_to_the_first_and_the_other_is_told(cast: Cast):
    have(cast.acme, 6)
    owner, administrator = cast.client("owner"), cast.client("administrator")
    owner.post(reverse("new-person"), {**ADDED, "line": "5"})
    late = administrator.post(reverse("new-person"), {**ADDED, "extension": "151", "line": "5"})
    assert late.status_code == 422
    assert 'id="id_line_error"' in late.content.decode()
    assert 'value="Zoe Martin"' in late.content.decode()


def test_when_no_line_is_left_every_way_says_what_to_do(cast: Cast):
    have(cast.acme, 4)
    client = cast.client("owner")
    for page in ("people", "new-person", "wizard-users"):
        html = client.get(reverse(page)).content.decode()
        assert "All lines are in use." in html
        assert reverse("change-lines") in html
    assert (
        reverse("change-lines") not in cast.client("administrator").get("/people").content.decode()
    )
    answer = client.post(reverse("wizard-add-user"), {**ZOE, "mobile": "+33612345678"})
    assert answer.status_code == 422
    with within(cast.acme):
        with pytest.raises(Refused, match="All 4 lines are in use"):
            actions.add_person(cast.acme, name="Zoe", extension="150", by=cast.users["owner"])
        assert Person.objects.count() == 4


def test_a_file_with_more_people_than_lines_says_who_gets_none(cast: Cast):
    from io import BytesIO

    have(cast.acme, 5)
    client = cast.client("owner")
    document = "name;extension\nZoe Martin;150\nLeo Petit;151\n"
    client.post(reverse("wizard-import"), {"file": BytesIO(document.encode())})
    html = client.get(reverse("wizard-users")).content.decode()
    assert html.count("no line is left") == 1
    client.post(reverse("wizard-import"), {"sure": "yes"})
    with within(cast.acme):
        assert Person.objects.filter(extension="150").exists()
        assert not Person.objects.filter(extension="151").exists()


def test_who_leaves_gives_the_line_back_and_who_returns_needs_one(cast: Cast):
    have(cast.acme, 4)
    owner = cast.users["owner"]
    with within(cast.acme):
        actions.remove_person(cast.people["user"], by=owner)
        assert lines.free_places(cast.acme) != []
        actions.add_person(cast.acme, name="Zoe", extension="150", by=owner)
        with pytest.raises(Refused, match="All 4 lines"):
            actions.restore_person(cast.people["user"], by=owner)
        lines.order(cast.acme, 5, by=owner)
        actions.restore_person(cast.people["user"], by=owner)
        assert lines.free_places(cast.acme) == []


def test_lines_are_ordered_and_never_fewer_than_in_use(cast: Cast):
    client = cast.client("owner")
    assert client.post(reverse("change-lines"), {"lines": "9"}).status_code == 302
    assert tabs(client, "people") == [9, 4, 5]
    row = AuditRow.everywhere.get(action="lines-ordered")
    assert (row.before, row.after) == ({"lines": 5}, {"lines": 9})
    for wrong in ("3", "0", "-1", "1001", "many", ""):
        answer = client.post(reverse("change-lines"), {"lines": wrong})
        assert answer.status_code == 422, wrong
        assert 'id="id_lines_error"' in answer.content.decode(), wrong
    assert tabs(client, "people") == [9, 4, 5]


def test_a_number_that_rings_one_person_alone_is_shown_as_their_line(cast: Cast):
    owner = cast.users["owner"]
    with within(cast.acme):
        direct = add_number(cast.acme, "Sue", "FR", by=owner)
        sue = ToPerson(cast.people["supervisor"].pk)
        change_flow(direct, lambda flow: with_step(flow, sue, 20), by=owner)
    for page in ("people", "wizard-users"):
        html = cast.client("owner").get(reverse(page)).content.decode()
        assert html.count(phone(direct.e164)) == 1
        assert phone(cast.number.e164) not in html, "it rings several"


def test_people_of_older_releases_count_as_having_the_lowest_lines(cast: Cast):
    with within(cast.acme):
        Person.objects.update(plan_line=None)
        Person.objects.filter(pk=cast.people["user"].pk).update(plan_line=2)
        found = lines.places(cast.acme)
    assert found[2] == cast.people["user"].pk
    assert [found[place] for place in (1, 3, 4)] == [
        cast.people[role].pk for role in ("owner", "administrator", "supervisor")
    ]
    assert found[5] is None

"""Somebody's call preferences: kept, in the plan, and theirs alone to change."""

from __future__ import annotations

import pytest
from django.urls import reverse

from carillon.portal.companies.models import AuditRow
from carillon.portal.companies.scope import within
from carillon.portal.countries import NAMES
from carillon.portal.routing.actions import add_number
from carillon.portal.routing.compile import compile_plan, load_rows
from carillon.portal.routing.dialled import rules_of
from carillon.portal.routing.people import flow_of
from carillon.schema.plan import DialRules, User
from tests.portal.conftest import Cast

pytestmark = pytest.mark.django_db
FACTS = {
    "ringtone": "marimba",
    "show_caller": "caller",
    "country": "GB",
    "minutes": "1",
    "seconds": "30",
}


def planned(cast: Cast) -> User:
    """Return Ben as the switch knows him."""
    with within(cast.acme):
        plan = compile_plan(load_rows(cast.acme))
    return next(user for user in plan.users if user.name == "Ben")


def test_ones_own_preferences_reach_the_plan(cast: Cast):
    client, ben = cast.client("user"), cast.people["user"]
    url = reverse("call-preferences", args=[ben.pk])
    assert url in client.get(reverse("me")).content.decode()
    assert planned(cast).dial_rules is None
    assert client.post(url, FACTS).status_code == 302
    user = planned(cast)
    assert user.dial_rules is not None
    assert (user.dial_rules.country_code, user.after_call_seconds) == ("44", 90)
    with within(cast.acme):
        assert flow_of(ben).show_caller
        row = AuditRow.objects.order_by("-id").first()
        assert row is not None
        assert row.after == {
            "dial_country": "GB",
            "ringtone": "marimba",
            "show_caller": True,
            "after_call_seconds": 90,
        }
    html = client.get(url).content.decode()
    assert '<option value="GB" selected>United Kingdom (+44)</option>' in html
    assert 'data-ringtone="marimba"' in html
    client.post(url, {**FACTS, "country": "", "ringtone": ""})
    assert "data-ringtone" not in client.get(url).content.decode()
    assert planned(cast).dial_rules is None


def test_who_runs_the_company_chooses_the_number_shown_too(cast: Cast):
    with within(cast.acme):
        other = add_number(cast.acme, "Other line", "FR", by=None)
    url = reverse("call-preferences", args=[cast.people["user"].pk])
    page = cast.client("administrator").get(url).content.decode()
    assert "Other line" in page
    cast.client("administrator").post(url, {**FACTS, "number": other.pk})
    assert planned(cast).default_number == other.key
    cast.client("user").post(url, {**FACTS, "number": ""})
    assert planned(cast).default_number == other.key, "it is not the user's to change"
    assert 'name="number"' not in cast.client("user").get(url).content.decode()


@pytest.mark.parametrize(
    "wrong",
    [
        *({"country": "XX"}, {"minutes": "61"}, {"seconds": "60"}, {"minutes": "60"}),
        *({"minutes": ""}, {"ringtone": "rooster"}, {"show_caller": "both"}, {"minutes": "-1"}),
    ],
)
def test_what_makes_no_sense_is_refused(cast: Cast, wrong: dict[str, str]):
    url = reverse("call-preferences", args=[cast.people["user"].pk])
    answer = cast.client("user").post(url, {**FACTS, **wrong})
    assert answer.status_code == 422
    assert planned(cast).after_call_seconds == 0


def test_numbers_are_dialled_as_each_country_dials_them():
    known = {code: rules for code in NAMES if (rules := rules_of(code)) is not None}
    assert len(known) > 200
    for rules in known.values():
        parts = (rules.country_code, rules.international_prefix)
        assert all(each.isdigit() for each in parts)
        assert not rules.national_prefix or rules.national_prefix.isdigit()
    german = known["DE"]
    assert german == DialRules("49", "0", "00", ("112", "110"))
    assert (known["RU"].national_prefix, known["RU"].international_prefix) == ("8", "810")
    assert known["ES"].national_prefix == ""
    assert rules_of("XX") is None
    assert rules_of("") is None

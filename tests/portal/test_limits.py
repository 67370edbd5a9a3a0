"""What a company's phones may call: the usual, what an administrator sets, and what the plan says of it."""

from __future__ import annotations

import re

import pytest
from django.utils import translation

from carillon.flows.outgoing import ToOutside, may_call, way_out
from carillon.portal.companies.models import AuditRow, Company
from carillon.portal.companies.scope import within
from carillon.portal.countries import NAMES
from carillon.portal.extensions.models import Person
from carillon.portal.routing.compile import compile_plan, load_rows
from carillon.schema.plan import Limits, Plan
from tests.portal.conftest import Cast

FILLED = {
    "outside_calls": "3",
    "calls_per_hour": "40",
    "countries": ["FR", "US"],
    "denied": "+33 89, +33 810\n+33 89",
}
ADDRESS = "/company/calls-out"


def plan_of(company: Company) -> Plan:
    with within(company):
        return compile_plan(load_rows(company))


def reachable(limits: Limits, numbers: list[str]) -> list[str]:
    return [number for number in numbers if may_call(limits, number)]


def test_without_a_choice_home_and_neighbours_are_called_and_what_costs_is_not(cast: Cast):
    limits = plan_of(cast.acme).limits
    near = ["+33199001234", "+262262123456", "+3225551234", "+442079460000", "+12125550100"]
    far = ["+8613800138000", "+2521234567", "+881612345678", "+18765550100", "+18095550100"]
    costly = ["+33891234567", "+449001234567", "+3290123456", "+19005550100"]
    assert reachable(limits, near + far + costly) == near
    assert (limits.outside_calls, limits.calls_per_hour) == (20, 200)
    assert reachable(plan_of(cast.globex).limits, ["+442079460000"]) == ["+442079460000"]


def test_what_is_set_reaches_the_plan_and_the_audit_log(cast: Cast):
    before = plan_of(cast.acme).version
    assert cast.client("administrator").post(ADDRESS, FILLED).status_code == 302
    plan = plan_of(cast.acme)
    assert plan.version > before
    assert (plan.limits.outside_calls, plan.limits.calls_per_hour) == (3, 40)
    asked = ["+33199001234", "+4915112345678", "+12125550100", "+18765550100", "+33810123456"]
    assert reachable(plan.limits, asked) == ["+33199001234", "+12125550100"]
    assert plan.limits.denied[:2] == ("3389", "33810")
    row = AuditRow.everywhere.filter(company=cast.acme).latest("id")
    assert row.action == "call-limits-changed"
    assert row.after["countries"] == ["FR", "US"]
    assert "changed what may be called" in cast.client("owner").get("/audit").content.decode()


def test_an_island_of_north_america_is_called_only_where_it_is_chosen(cast: Cast):
    cast.client("owner").post(ADDRESS, {**FILLED, "countries": ["CA", "JM"]})
    asked = ["+14165550100", "+18765550100", "+16585550100", "+12425550100"]
    assert reachable(plan_of(cast.acme).limits, asked) == asked[:3]
    cast.client("owner").post(ADDRESS, {**FILLED, "countries": ["JM"]})
    assert reachable(plan_of(cast.acme).limits, asked) == asked[1:3]


def test_every_country_may_be_called_where_that_is_wanted(cast: Cast):
    cast.client("owner").post(ADDRESS, {**FILLED, "countries": [], "everywhere_allowed": "on"})
    asked = ["+8613800138000", "+18765550100", "+33891234567"]
    assert reachable(plan_of(cast.acme).limits, asked) == asked[:2]


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("countries", [], "Choose at least one country"),
        ("denied", "0899", "no beginning of a number"),
        ("denied", "+33 89 premium", "no beginning of a number"),
        ("denied", " ".join(f"+33{n}" for n in range(1000, 1101)), "at most 100"),
        ("outside_calls", "-1", "greater than or equal to 0"),
        ("calls_per_hour", "many", "whole number"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field(cast: Cast, field: str, value: object, words: str):
    answer = cast.client("owner").post(ADDRESS, {**FILLED, field: value})
    assert answer.status_code == 422
    shown = answer.content.decode()
    beside = re.search(rf'id="id_{field}_error">(.*?)</div>', shown, re.DOTALL)
    assert beside is not None
    assert words in beside[1]
    assert may_call(plan_of(cast.acme).limits, "+33199001234")


def test_emergency_numbers_are_called_whatever_is_set(cast: Cast):
    cast.client("owner").post(ADDRESS, {**FILLED, "countries": ["US"], "denied": "+1 +33 +112"})
    plan = plan_of(cast.acme)
    for number in plan.dial_rules.emergency:
        way = way_out(plan, plan.users[0], number)
        assert isinstance(way, ToOutside)
        assert way.emergency


def test_saving_the_page_as_it_is_shown_changes_nothing(cast: Cast):
    client = cast.client("owner")
    before = plan_of(cast.acme).limits
    shown = client.get(ADDRESS).content.decode()
    chosen = re.findall(r'name="countries" value="(\w\w)"[^>]* checked', shown)
    denied = re.search(r'<textarea name="denied"[^>]*>\s*(.*?)</textarea>', shown, re.DOTALL)
    assert denied is not None
    facts = {"outside_calls": "20", "calls_per_hour": "200", "denied": denied[1]}
    assert client.post(ADDRESS, {**facts, "countries": chosen}).status_code == 302
    assert plan_of(cast.acme).limits == before


def test_every_country_has_a_french_name(cast: Cast):
    with translation.override("fr"):
        assert {str(NAMES[code]) for code in ("DE", "ES", "GB")} == {
            "Allemagne",
            "Espagne",
            "Royaume-Uni",
        }


def test_call_waiting_is_switched_on_the_persons_page(cast: Cast):
    ben = cast.people["user"]
    facts = {"name": "Ben", "extension": ben.extension, "language": "en", "role": "user"}
    facts["email_sign_in"] = "on"
    client = cast.client("owner")
    for wanted in (True, False):
        sent = {**facts, "call_waiting": "on"} if wanted else facts
        assert client.post(f"/people/{ben.pk}", sent).status_code == 302
        user = next(u for u in plan_of(cast.acme).users if u.id == ben.key)
        assert user.call_waiting is wanted
    new = {**facts, "name": "Zoe", "extension": "190", "call_waiting": "on"}
    assert client.post("/people/new", new).status_code == 302
    with within(cast.acme):
        assert Person.objects.get(name="Zoe").call_waiting

"""Holidays, exceptions and overrides: what opens and closes, in which order, and what the page says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from carillon.flows.hours import opening
from carillon.portal.companies.models import AuditRow, Company
from carillon.portal.companies.scope import within
from carillon.portal.journal.apply import apply_events
from carillon.portal.routing.calendars import public_holidays, regions
from carillon.portal.routing.compile import compile_plan, load_rows
from carillon.portal.routing.days import keep_calendars
from carillon.portal.routing.models import HoursOverride, Number
from carillon.portal.site.housekeeping import keep_house
from carillon.schema import plan as p
from carillon.schema.events import HoursOverridden
from tests.portal.conftest import Cast


def hours_of(cast: Cast) -> p.Hours:
    with within(cast.acme):
        plan = compile_plan(load_rows(cast.acme))
    node = plan.nodes[f"{cast.number.key}.hours"]
    assert isinstance(node, p.HoursNode)
    return node.hours


def post(cast: Cast, tail: str, facts: dict[str, object] | None = None) -> int:
    url = f"/numbers/{cast.number.pk}/{tail}"
    return cast.client("owner").post(url, facts or {}).status_code


# As the authorities of each country publish them, not as the library says.
@pytest.mark.parametrize(
    ("country", "region", "days"),
    [
        ("FR", "", {"2026-05-14", "2027-05-06", "2028-05-25", "2026-07-14", "2027-11-11"}),
        ("FR", "57", {"2026-04-03", "2026-12-26"}),
        ("BE", "", {"2026-07-21", "2027-07-21", "2026-05-25"}),
        ("GB", "SCT", {"2026-01-02", "2026-11-30"}),
        ("GB", "ENG", {"2026-08-31", "2027-03-29"}),
        ("US", "", {"2026-11-26", "2027-01-18", "2028-07-04"}),
    ],
)
def test_holidays_of_three_years_are_known_by_country_and_region(
    country: str, region: str, days: set[str]
):
    found = {day.date for day in public_holidays(country, region, "fr", 2026)}
    assert days <= found


def test_days_that_are_no_holidays_are_not_among_them():
    found = {day.date for day in public_holidays("FR", "", "fr", 2026)}
    assert not found & {"2026-12-26", "2026-04-03", "2026-12-24", "2026-07-15"}
    assert {code for code, _ in regions("FR")} >= {"57", "971"}
    assert public_holidays("XX", "", "fr", 2026) == ()


def test_a_number_keeps_its_countrys_holidays_in_the_companys_language(cast: Cast):
    Company.objects.filter(pk=cast.acme.pk).update(language="fr")
    cast.acme.refresh_from_db()
    assert post(cast, "holidays", {"country": "FR", "region": "", "company_days": "on"}) == 302
    assert not hours_of(cast).special
    post(cast, "publish")
    year = timezone.localdate().year
    found = {day.first: day for day in hours_of(cast).special}
    day = found[f"{year + 1}-07-14"]
    assert (day.name, day.public_holiday) == ("Fête nationale", True)
    assert f"{year + 2}-12-25" in found
    noon = datetime(year + 1, 7, 14, 10, tzinfo=UTC)
    assert opening(hours_of(cast), noon).reason == "hours.holiday"


def test_a_holiday_on_which_one_works_is_a_day_like_any(cast: Cast):
    day = f"{timezone.localdate().year + 1}-07-14"
    post(cast, "holidays", {"country": "FR"})
    post(cast, "holidays", {"country": "FR", "worked": ["Fête nationale"]})
    post(cast, "publish")
    assert day not in {each.first for each in hours_of(cast).special}


def test_another_country_forgets_the_region_of_the_one_before(cast: Cast):
    post(cast, "holidays", {"country": "FR"})
    assert post(cast, "holidays", {"country": "FR", "region": "57"}) == 302
    assert post(cast, "holidays", {"country": "BE", "region": "57"}) == 302
    hours = Number.everywhere.get(pk=cast.number.pk).edited_flow.hours
    assert (hours.country, hours.region) == ("BE", "")


def test_the_numbers_own_exception_comes_before_the_companys(cast: Cast):
    client = cast.client("owner")
    facts = {"name": "Closed week", "first": "2027-03-01", "last": "2027-03-07"}
    assert client.post("/company/days", facts).status_code == 302
    own = {"name": "Fair", "first": "2027-03-02", "start": "08:00", "end": "20:00"}
    assert post(cast, "special", own) == 302
    post(cast, "publish")
    hours = hours_of(cast)
    assert [day.name for day in hours.special] == ["Fair", "Closed week"]
    tuesday = datetime(2027, 3, 2, 18, tzinfo=UTC)
    assert opening(hours, tuesday).reason == "hours.special-open"
    assert opening(hours, tuesday + timedelta(days=1)).reason == "hours.special-closed"
    assert post(cast, "special/0/remove") == 302
    post(cast, "publish")
    assert [day.name for day in hours_of(cast).special] == ["Closed week"]


def test_an_override_counts_at_once_without_publishing_and_ends_by_itself(cast: Cast):
    later = timezone.localtime() + timedelta(hours=2)
    facts = {"state": "closed", "until": later.strftime("%Y-%m-%dT%H:%M")}
    assert post(cast, "override", facts) == 302
    hours = hours_of(cast)
    assert hours.override is not None
    assert (hours.override.open, hours.override.by) == (False, "Ann Archer")
    assert not opening(hours, timezone.now()).is_open
    assert opening(hours, timezone.now() + timedelta(hours=3)).is_open
    shown = cast.client("owner").get(f"/numbers/{cast.number.pk}").content.decode()
    assert "Closed by hand until" in shown
    assert "Unpublished" not in shown
    assert post(cast, "override", {"state": "back"}) == 302
    assert hours_of(cast).override is None


def test_an_override_from_a_phone_is_the_companys_and_a_numbers_own_comes_first(cast: Cast):
    ben = cast.people["user"].key
    event = HoursOverridden(at=1.0, company=cast.acme.key, user=ben, open=False)
    apply_events([event])
    override = hours_of(cast).override
    assert override == p.Override(False, 0.0, "Ben")
    with within(cast.acme):
        assert AuditRow.objects.latest("id").action == "hours-overridden"
    post(cast, "override", {"state": "open"})
    override = hours_of(cast).override
    assert override is not None
    assert override.open
    apply_events([HoursOverridden(at=2.0, company=cast.acme.key, user=ben, open=None)])
    post(cast, "override", {"state": "back"})
    assert hours_of(cast).override is None


@pytest.mark.parametrize(
    ("company", "user"), [("c999999", "u1"), ("", ""), ("cx", "u1"), ("c1", "nobody")]
)
def test_an_override_of_nobody_is_passed_over(cast: Cast, company: str, user: str):
    apply_events([HoursOverridden(at=1.0, company=company, user=user, open=True)])
    assert not HoursOverride.everywhere.exists()


def test_an_override_that_ended_is_forgotten_and_the_plan_made_anew(cast: Cast):
    keep_calendars()
    with within(cast.acme):
        HoursOverride.objects.create(
            number=cast.number, open=False, until=timezone.now() - timedelta(minutes=1)
        )
    before = Company.objects.get(pk=cast.acme.pk).plan_version
    keep_house()
    assert not HoursOverride.everywhere.exists()
    assert Company.objects.get(pk=cast.acme.pk).plan_version == before + 1
    keep_house()
    assert Company.objects.get(pk=cast.acme.pk).plan_version == before + 1


def test_plans_are_made_anew_once_a_year(cast: Cast):
    before = Company.objects.get(pk=cast.acme.pk).plan_version
    keep_calendars()
    keep_calendars()
    assert Company.objects.get(pk=cast.acme.pk).plan_version == before + 1


def test_hours_are_copied_from_another_number(cast: Cast):
    client = cast.client("owner")
    client.post("/numbers/new", {"kind": "classic", "name": "Other", "country": "FR"})
    other = Number.everywhere.get(name="Other")
    facts = {"name": "Fair", "first": "2027-03-02"}
    client.post(f"/numbers/{other.pk}/special", facts)
    client.post(f"/numbers/{other.pk}/publish")
    assert post(cast, "hours/copy", {"number": str(other.pk)}) == 302
    hours = Number.everywhere.get(pk=cast.number.pk).edited_flow.hours
    assert [each.name for each in hours.special] == ["Fair"]


@pytest.mark.parametrize(
    ("tail", "facts"),
    [
        ("special", {"name": "X", "first": "2027-02-30"}),
        ("special", {"name": "X", "first": "2027-03-02", "last": "2027-03-01"}),
        ("special", {"name": "X", "first": "2027-03-02", "last": "2099-03-01"}),
        ("special", {"name": "X", "first": "2027-03-02", "start": "09:00"}),
        ("special", {"first": "9999-99-99", "name": "X" * 500}),
        ("holidays", {"country": "../etc"}),
        ("override", {"state": "closed", "until": "0001-01-01T00:00"}),
        ("override", {"state": "closed", "until": "yesterday"}),
        ("override", {"state": "perhaps"}),
        ("hours/copy", {"number": "-1"}),
    ],
)
def test_hostile_days_change_nothing(cast: Cast, tail: str, facts: dict[str, object]):
    assert post(cast, tail, facts) in (404, 422)
    assert Number.everywhere.get(pk=cast.number.pk).draft == ""
    assert not HoursOverride.everywhere.exists()

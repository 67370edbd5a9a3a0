"""Every change leaves a row in the audit log and a new version of the plan; refusals leave neither."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from carillon.portal.cipher import decrypt
from carillon.portal.companies import actions as companies
from carillon.portal.companies.models import AuditRow, Company
from carillon.portal.companies.scope import within
from carillon.portal.extensions import actions as extensions
from carillon.portal.extensions.credentials import Credentials
from carillon.portal.extensions.models import Device
from carillon.portal.refused import Refused
from carillon.portal.routing import actions as routing
from carillon.portal.routing import editing, flows
from carillon.portal.routing.models import Number
from tests.portal.conftest import Cast

CHANGES: dict[str, Callable[[Cast], object]] = {
    "company-changed": lambda c: companies.change_company(
        c.acme, {"name": "Acme SA"}, by=c.users["owner"]
    ),
    "person-added": lambda c: extensions.add_person(
        c.acme, name="Zoe", extension="199", by=c.users["owner"]
    ),
    "person-changed": lambda c: extensions.change_person(
        c.people["user"], {"name": "Benjamin"}, by=c.users["owner"]
    ),
    "person-removed": lambda c: extensions.remove_person(c.people["user"], by=c.users["owner"]),
    "availability-changed": lambda c: extensions.set_availability(
        c.people["user"], False, by=c.users["user"]
    ),
    "phone-added": lambda c: extensions.add_device(c.people["user"], "hall", by=c.users["owner"]),
    "phone-encrypted": lambda c: extensions.encrypt_device(
        c.device, "required", by=c.users["owner"]
    ),
    "phone-removed": lambda c: extensions.remove_device(c.device, by=c.users["owner"]),
    "phone-restored": lambda c: extensions.restore_device(c.device, by=c.users["owner"]),
    "team-created": lambda c: extensions.create_team(c.acme, "Help", [], by=c.users["owner"]),
    "team-changed": lambda c: extensions.change_team(c.team, "Shop", [], by=c.users["owner"]),
    "team-removed": lambda c: extensions.remove_team(c.team, by=c.users["owner"]),
    "team-restored": lambda c: extensions.restore_team(c.team, by=c.users["owner"]),
    "number-added": lambda c: routing.add_number(c.acme, "Fax", "BE", by=c.users["owner"]),
    "number-changed": lambda c: routing.change_number(
        c.number, {"language": "fr"}, by=c.users["owner"]
    ),
    "number-released": lambda c: routing.release_number(c.number, by=c.users["owner"]),
    "flow-published": lambda c: flows.change_flow(
        c.number,
        lambda flow: editing.with_voicemail(flow, "closed", False),
        by=c.users["owner"],
    ),
    "line-chosen": lambda c: routing.choose_line(c.people["user"], c.number, by=c.users["owner"]),
}


def version(company: Company) -> int:
    return Company.objects.get(pk=company.pk).plan_version


@pytest.mark.parametrize("action", CHANGES)
def test_a_change_leaves_an_audit_row_and_a_new_plan(action: str, cast: Cast):
    before = version(cast.acme)
    with within(cast.acme):
        CHANGES[action](cast)
        row = AuditRow.objects.latest("id")
    assert row.action == action
    assert row.by is not None
    assert version(cast.acme) == before + 1
    assert version(cast.globex) == 1


def test_a_change_that_changes_nothing_leaves_no_trace(cast: Cast):
    before = version(cast.acme)
    with within(cast.acme):
        rows = AuditRow.objects.count()
        routing.change_number(cast.number, {"name": "Main line"}, by=cast.users["owner"])
        extensions.set_availability(cast.people["user"], True, by=cast.users["user"])
        assert AuditRow.objects.count() == rows
    assert version(cast.acme) == before


def test_an_extension_that_is_taken_is_refused_with_the_next_free_one(cast: Cast):
    with within(cast.acme), pytest.raises(Refused, match="105") as refused:
        extensions.add_person(cast.acme, name="Zoe", extension="103", by=cast.users["owner"])
    assert refused.value.id == "extension-taken"


def test_a_company_keeps_its_last_owner(cast: Cast):
    ann = cast.people["owner"]
    with within(cast.acme), pytest.raises(Refused) as refused:
        extensions.change_person(ann, {}, role="user", by=cast.users["owner"])
    assert refused.value.id == "last-owner"


def test_an_administrator_cannot_make_or_stand_in_for_an_owner(cast: Cast):
    adam = cast.users["administrator"]
    with within(cast.acme):
        for wish in (
            lambda: extensions.change_person(cast.people["user"], {}, role="owner", by=adam),
            lambda: extensions.check_may_invite(cast.people["owner"], by=adam),
            lambda: extensions.remove_person(cast.people["owner"], by=adam),
        ):
            with pytest.raises(Refused) as refused:
                wish()
            assert refused.value.id == "owners-only"


def test_a_phones_password_is_stored_encrypted_beside_its_digests(cast: Cast):
    device = Device.everywhere.get(pk=cast.device.pk)
    password = decrypt(device.password_encrypted)
    assert password not in device.password_encrypted
    expected = Credentials(device.username, password)
    assert device.ha1_md5 == expected.ha1("md5")
    assert device.ha1_sha256 == expected.ha1("sha256")


def test_a_removed_person_can_be_brought_back(cast: Cast):
    ben = cast.people["user"]
    with within(cast.acme):
        extensions.remove_person(ben, by=cast.users["owner"])
        extensions.restore_person(ben, by=cast.users["owner"])
    assert cast.client("user").get("/calls").status_code == 200


def test_a_released_number_goes_back_to_the_pool(cast: Cast):
    with within(cast.acme):
        routing.release_number(cast.number, by=cast.users["owner"])
        again = routing.add_number(cast.acme, "New", "FR", by=cast.users["owner"])
    assert again.e164 == cast.number.e164


def test_a_pool_that_is_empty_refuses(cast: Cast):
    with within(cast.acme), pytest.raises(Refused) as refused:
        for n in range(101):
            routing.add_number(cast.acme, f"US {n}", "US", by=cast.users["owner"])
    assert refused.value.id == "no-number"
    with within(cast.acme):
        assert Number.objects.filter(country="US").count() == 100

"""Links to carriers: the operator adds, changes and removes them, and sees whether they work."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from django.utils import timezone

from carillon.portal.calls.models import Trouble
from carillon.portal.calls.troubles import end_earlier
from carillon.portal.cipher import decrypt
from carillon.portal.routing.internal import plan_index
from carillon.portal.routing.models import Trunk
from carillon.portal.routing.trunks import add_trunk
from carillon.portal.site.trunks import told
from tests.portal.conftest import Cast

FILLED = {
    "name": "ovh",
    "host": "sip.carrier.example",
    "port": "5061",
    "transport": "tls",
    "username": "0033199001234",
    "password": " secret of the carrier ",
    "registers": "on",
    "number_format": "national",
    "country_code": "33",
    "caller_id": "username",
    "priority": "5",
    "max_calls": "20",
    "calls_per_second": "4",
    "hears_inband": "on",
    "takes_location": "on",
}


def test_a_trunk_the_operator_adds_reaches_the_switch_whole(cast: Cast):
    assert cast.client("staff").post("/operator/trunks/new", FILLED).status_code == 302
    trunk = plan_index().trunks[0]
    row = Trunk.objects.get()
    assert msgspec.structs.asdict(trunk) == {
        **msgspec.structs.asdict(trunk),
        "id": f"k{row.pk}",
        "name": "ovh",
        "host": "sip.carrier.example",
        "port": 5061,
        "transport": "tls",
        "username": "0033199001234",
        "password": " secret of the carrier ",
        "accept_any_port": True,
        "sandbox": False,
        "priority": 5,
        "registers": True,
        "number_format": "national",
        "country_code": "33",
        "caller_id": "username",
        "max_calls": 20,
        "calls_per_second": 4,
        "hears_inband": True,
        "takes_location": True,
    }


def test_the_password_is_never_shown_and_kept_when_left_empty(cast: Cast):
    client = cast.client("staff")
    client.post("/operator/trunks/new", FILLED)
    row = Trunk.objects.get()
    address = f"/operator/trunks/{row.pk}"
    shown = client.get(address).content.decode()
    wrong = client.post(address, {**FILLED, "port": "0"}).content.decode()
    assert "secret of the carrier" not in shown + wrong
    assert client.post(address, {**FILLED, "password": "", "port": "5062"}).status_code == 302
    row.refresh_from_db()
    assert (row.port, decrypt(row.password_encrypted)) == (5062, " secret of the carrier ")
    nobody = {name: FILLED[name] for name in FILLED if name != "registers"}
    nobody.update(username="", password="", caller_id="from")
    assert client.post(address, nobody).status_code == 302
    row.refresh_from_db()
    assert row.password_encrypted == ""


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("host", "256.1.1.1", "no IPv4 address"),
        ("host", "not a host", "Give a name such as"),
        ("host", "carrier..example", "Give a name such as"),
        ("host", "-x.example", "Give a name such as"),
        ("name", "OVH 1", "small letters"),
        ("port", "70000", "65535"),
        ("country_code", "0", "1 to 3 digits"),
        ("username", "", "which account"),
        ("password", "", "needs the password"),
        ("transport", "carrier-pigeon", "carrier-pigeon"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field(cast: Cast, field: str, value: str, words: str):
    answer = cast.client("staff").post("/operator/trunks/new", {**FILLED, field: value})
    assert answer.status_code == 422
    shown = answer.content.decode()
    beside = re.search(rf'id="id_{field}_error">(.*?)</div>', shown, re.DOTALL)
    assert beside is not None
    assert words in beside[1]
    assert not Trunk.objects.exists()


def test_a_second_trunk_of_the_same_name_is_refused(cast: Cast):
    add_trunk("ovh", host="192.0.2.1")
    answer = cast.client("staff").post("/operator/trunks/new", FILLED)
    assert answer.status_code == 422
    assert "called ovh already" in answer.content.decode()


def test_removing_asks_first(cast: Cast):
    row = add_trunk("ovh", host="192.0.2.1")
    client = cast.client("staff")
    asked = client.get(f"/operator/trunks/{row.pk}/remove").content.decode()
    assert "the last one" in asked
    assert Trunk.objects.exists()
    client.post(f"/operator/trunks/{row.pk}/remove")
    assert not Trunk.objects.exists()
    assert "built-in sandbox" in client.get("/operator/trunks").content.decode()


@pytest.mark.parametrize(
    ("why", "title", "advice"),
    [
        ("no-answer", "Not reachable", "firewall"),
        ("not-registered", "Not registered", "username and password"),
        ("unknown-host", "Not reachable", "how it is written"),
        ("something-new", "Not reachable", "ovh: something-new"),
    ],
)
def test_a_trouble_of_a_trunk_is_told_with_what_to_do(
    cast: Cast, why: str, title: str, advice: str
):
    row = add_trunk("ovh", host="192.0.2.1")
    other = add_trunk("ovh-2", host="192.0.2.2")
    Trunk.objects.update(changed_at=timezone.now() - timedelta(hours=1))
    row.refresh_from_db()
    other.refresh_from_db()
    at = datetime(2026, 11, 1, tzinfo=UTC)
    trouble = Trouble.objects.create(kind="trunk-down:ovh", began_at=at, detail=f"ovh: {why}")
    found = told(row, True)
    assert str(found.title) == title
    assert advice in str(found.advice)
    assert str(told(other, True).title) == "Reachable"
    assert str(told(row, False).title) == "Not known"
    trouble.ended_at = timezone.now()
    trouble.save()
    assert str(told(row, True).title) == "Reachable"


def test_a_trunk_just_changed_is_being_checked(cast: Cast):
    assert str(told(add_trunk("ovh", host="192.0.2.1"), True).title) == "Being checked"


def test_a_trouble_of_a_trunk_has_words_on_the_home_page(cast: Cast):
    Trouble.objects.create(kind="trunk-down:ovh", began_at=timezone.now(), detail="ovh: no-answer")
    shown = cast.client("owner").get("/").content.decode()
    assert "The carrier behind “ovh” cannot be used" in shown


def test_a_trouble_of_a_switch_that_died_ends_with_it(cast: Cast):
    died, began = 1_800_000_000.0, {"trunk-down:old": -60, "trunk-down:new": 60}
    for kind, seconds in (*began.items(), ("recordings-not-compressed", -60)):
        at = datetime.fromtimestamp(died + seconds, UTC)
        Trouble.objects.create(kind=kind, began_at=at)
    end_earlier(died)
    left = Trouble.objects.filter(ended_at=None).values_list("kind", flat=True)
    assert set(left) == {"trunk-down:new", "recordings-not-compressed"}


def test_who_calls_without_end_is_told_to_the_company_that_is_called(cast: Cast):
    row = Trouble.objects.create(
        kind=f"callers-flood:{cast.acme.key}",
        began_at=timezone.now(),
        detail="+33612345678 → +33199001001",
    )
    home = cast.client("owner").get("/").content.decode()
    assert "Somebody calls without end" in home
    assert "+33612345678" in home
    row.kind = f"callers-flood:{cast.globex.key}"
    row.save()
    assert "Somebody calls without end" not in cast.client("owner").get("/").content.decode()

"""What a browser's phone signs in with: its own person's alone, made once, ended when it is turned off."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from carillon.portal.companies.models import AuditRow
from carillon.portal.companies.scope import within
from carillon.portal.extensions.actions import remove_person
from carillon.portal.extensions.credentials import REALM
from carillon.portal.extensions.models import Device
from carillon.portal.routing.compile import compile_plan, load_rows
from tests.portal.conftest import Cast

pytestmark = pytest.mark.django_db


def turn_on(cast: Cast, role: str) -> dict[str, Any]:
    answer = cast.client(role).post(reverse("phone-on"))
    assert "no-store" in answer.headers["Cache-Control"]
    return dict(answer.json())


def known(cast: Cast) -> dict[str, str]:
    """Return what the switch is told of browsers: username -> digest."""
    with within(cast.acme):
        names = set(Device.everywhere.filter(browser=True).values_list("username", flat=True))
        plan = compile_plan(load_rows(cast.acme))
    return {each.username: each.ha1_md5 for each in plan.devices if each.username in names}


def test_everybody_gets_a_phone_of_their_own_and_the_same_again(cast: Cast):
    ben, ann = turn_on(cast, "user"), turn_on(cast, "owner")
    assert ben["username"] != ann["username"]
    assert turn_on(cast, "user") == ben
    assert known(cast) == {each["username"]: each["ha1"] for each in (ben, ann)}
    assert ben["realm"] == REALM
    with within(cast.acme):
        assert AuditRow.objects.filter(by=cast.users["user"], action="phone-added").count() == 1


def test_what_was_turned_off_signs_in_no_more(cast: Cast):
    before = turn_on(cast, "user")
    assert cast.client("user").post(reverse("phone-off")).status_code == 204
    assert known(cast) == {}
    after = turn_on(cast, "user")
    assert after["username"] != before["username"]
    assert set(known(cast)) == {after["username"]}


def test_who_leaves_the_company_takes_no_phone_along_even_when_brought_back(cast: Cast):
    turn_on(cast, "user")
    with within(cast.acme):
        remove_person(cast.people["user"], by=cast.users["owner"])
    assert known(cast) == {}
    with within(cast.acme):
        assert not Device.objects.filter(browser=True).exists()


def test_its_password_is_shown_to_nobody_and_no_file_has_it(cast: Cast):
    turn_on(cast, "user")
    with within(cast.acme):
        device = Device.objects.get(browser=True)
    for role, page in (
        ("owner", "phone-password"),
        ("owner", "encrypt-phone"),
        ("user", "my-phone"),
    ):
        assert cast.client(role).post(reverse(page, args=[device.pk])).status_code == 404, page
    owner = cast.client("owner")
    person = owner.get(reverse("person", args=[device.person_id])).content.decode()
    assert "Phone in the browser" in person and device.username not in person
    assert device.label not in owner.get(reverse("download-setup")).content.decode()


def test_the_page_may_speak_to_this_switch_alone(cast: Cast, settings: Any):
    client, port = cast.client("user"), settings.CONFIG.sip_ws_port
    answer = client.get(reverse("phone"), headers={"host": "pbx.example.com:8000"})
    policy = answer.headers["Content-Security-Policy"]
    assert f"connect-src 'self' ws://pbx.example.com:{port};" in policy + ";"
    assert "connect-src" not in client.get(reverse("me")).headers["Content-Security-Policy"]
    secured = client.get(reverse("phone"), secure=True)
    policy = secured.headers["Content-Security-Policy"]
    assert f"connect-src 'self' wss://testserver:{settings.CONFIG.sip_wss_port};" in policy + ";"
    assert "CARILLON_TLS_CERT" in secured.content.decode(), "says what is missing"
    assert "CARILLON_TLS_CERT" not in answer.content.decode()


def test_colleagues_are_found_by_name_and_extension_in_ones_own_company_only(cast: Cast):
    client, ben = cast.client("user"), cast.people["user"]
    url = reverse("phone-colleagues", args=[ben.pk])
    ann = cast.people["owner"]
    for text in (ann.name[:3].lower(), ann.extension):
        found = client.get(url, {"q": text}).json()["found"]
        assert {"name": ann.name, "extension": ann.extension} in found
    assert client.get(url, {"q": "mallory"}).json()["found"] == []
    assert client.get(url, {"q": ""}).json()["found"] == []

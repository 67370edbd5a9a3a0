"""Behind a reverse proxy: whose word about an address is taken, and whose is not."""

from __future__ import annotations

import dataclasses
import re

import pytest
from django.conf import LazySettings
from django.test import Client
from django.urls import reverse

from carillon.bus.config import BadSetting, read_config
from carillon.portal.accounts.models import OpenSession, SignInFailure
from tests.portal.conftest import PASSWORD, Cast

pytestmark = pytest.mark.django_db
PROXY, VISITOR = "192.0.2.80", "203.0.113.7"


@pytest.fixture
def behind(settings: LazySettings) -> None:
    """Put a reverse proxy in front."""
    trusted = read_config({"CARILLON_TRUSTED_PROXIES": f"{PROXY} 10.0.0.0/8 ::1"}).trusted_proxies
    settings.CONFIG = dataclasses.replace(settings.CONFIG, trusted_proxies=trusted)


def seen(cast: Cast, peer: str, claimed: str = "") -> str:
    """Return the address the list of sessions shows of who signs in."""
    ann = cast.users["owner"]
    ann.set_password(PASSWORD)
    ann.save(update_fields=["password"])
    headers = {"X-Forwarded-For": claimed} if claimed else {}
    client = Client(REMOTE_ADDR=peer, headers=headers)
    client.post(reverse("sign-in"), {"email": ann.email, "password": PASSWORD})
    address = OpenSession.objects.latest("id").address
    assert str(address) in client.get(reverse("security")).content.decode()
    return str(address)


@pytest.mark.parametrize("claimed", ["", VISITOR, f"127.0.0.1, {VISITOR}", "127.0.0.1"])
def test_by_default_a_header_is_nobodys_word(cast: Cast, claimed: str):
    assert seen(cast, PROXY, claimed) == PROXY


@pytest.mark.usefixtures("behind")
@pytest.mark.parametrize(
    ("peer", "claimed", "address"),
    [
        (PROXY, VISITOR, VISITOR),
        (PROXY, f"6.6.6.6, {VISITOR}", VISITOR),
        (PROXY, f"6.6.6.6, {VISITOR}, 10.1.2.3", VISITOR),
        (PROXY, f"{VISITOR}:51234", VISITOR),
        (PROXY, "[2001:db8::7]:51234, 10.9.9.9", "2001:db8::7"),
        (PROXY, "", PROXY),
        (PROXY, "not an address", PROXY),
        (PROXY, f"{VISITOR}, <script>, 10.1.2.3", "10.1.2.3"),
        (PROXY, ",".join(["10.0.0.1"] * 5000), "10.0.0.1"),
        ("::1", VISITOR, VISITOR),
        (VISITOR, "127.0.0.1", VISITOR),
    ],
)
def test_of_a_trusted_proxy_the_last_address_that_is_not_ours_counts(
    cast: Cast, peer: str, claimed: str, address: str
):
    assert seen(cast, peer, claimed) == address


@pytest.mark.usefixtures("behind")
def test_failures_are_counted_for_the_visitor_not_for_the_proxy(cast: Cast):
    for number in range(3):
        client = Client(REMOTE_ADDR=PROXY, headers={"X-Forwarded-For": f"203.0.113.{number}"})
        client.post(reverse("sign-in"), {"email": "ann@acme.example", "password": "wrong"})
    found = set(SignInFailure.objects.values_list("address", flat=True))
    assert found == {"203.0.113.0", "203.0.113.1", "203.0.113.2"}


@pytest.mark.usefixtures("behind")
def test_https_is_believed_of_the_proxy_only(cast: Cast):
    page = reverse("sign-in-link", args=[cast.people["user"].pk])

    def link(peer: str) -> str:
        """Return how the link begins that somebody signs in with."""
        client = Client(REMOTE_ADDR=peer, headers={"X-Forwarded-Proto": "https"})
        client.force_login(cast.users["owner"])
        found = re.search(r'value="(https?)://', client.post(page).content.decode())
        return found[1] if found else ""

    assert link(PROXY) == "https"
    assert link(VISITOR) == "http"


@pytest.mark.usefixtures("behind")
def test_nobody_reaches_the_internal_api_through_the_proxy(settings: LazySettings):
    secret = {"Authorization": f"Bearer {settings.CONFIG.secret()}"}
    inside = Client(REMOTE_ADDR="127.0.0.1").get("/internal/plans", headers=secret)
    assert inside.status_code == 200
    for peer, claimed in ((PROXY, "127.0.0.1"), ("::1", "127.0.0.1"), ("::1", "10.0.0.1")):
        headers = {**secret, "X-Forwarded-For": claimed}
        assert Client(REMOTE_ADDR=peer).get("/internal/plans", headers=headers).status_code == 404


@pytest.mark.parametrize("value", ["proxy.example.com", "10.0.0.0/99", "10.0.0.1/8", "*"])
def test_a_setting_that_is_no_network_stops_the_start(value: str):
    with pytest.raises(BadSetting, match="CARILLON_TRUSTED_PROXIES"):
        read_config({"CARILLON_TRUSTED_PROXIES": value})


@pytest.mark.usefixtures("behind")
@pytest.mark.parametrize(("peer", "secure"), [(PROXY, True), (VISITOR, False)])
def test_cookies_of_https_are_never_sent_over_http(cast: Cast, peer: str, secure: bool):
    ann = cast.users["owner"]
    ann.set_password(PASSWORD)
    ann.save(update_fields=["password"])
    client = Client(REMOTE_ADDR=peer, headers={"X-Forwarded-Proto": "https"})
    client.post(reverse("sign-in"), {"email": ann.email, "password": PASSWORD})
    assert {bool(cookie["secure"]) for cookie in client.cookies.values()} == {secure}

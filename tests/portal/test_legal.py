"""The legal notices, and the links every page ends with (R34, R79)."""

from __future__ import annotations

import dataclasses
import re
from html import unescape
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.test import Client
from django.urls import reverse

from carillon.bus.config import BadSetting, read_config
from carillon.portal.site.legal import VENDOR, kept
from tests.portal.conftest import Cast

pytestmark = pytest.mark.django_db


def links(html: str) -> set[str]:
    """Return the addresses a page leads to."""
    return {unescape(href) for href in re.findall(r'<a [^>]*href="([^"]+)"', html)}


@pytest.mark.parametrize("page", ["sign-in", "sign-up", "forgotten", "sign-up-sent"])
def test_a_strangers_page_ends_with_the_notices(cast: Cast, client: Client, page: str):
    assert reverse("legal") in links(client.get(reverse(page)).content.decode())


@pytest.mark.parametrize("page", ["home", "numbers", "company", "wizard-users", "wizard-done"])
def test_a_page_behind_the_sign_in_ends_with_them_too(cast: Cast, page: str):
    assert reverse("legal") in links(cast.client("owner").get(reverse(page)).content.decode())


def test_an_operator_without_a_notice_is_said_to_have_none(client: Client):
    assert "has not published a notice" in client.get(reverse("legal")).content.decode()


def test_the_operators_own_notice_comes_first_and_is_text(
    client: Client, settings: LazySettings, tmp_path: Path
):
    notice = tmp_path / "legal.txt"
    notice.write_text("Optique Verrier SARL\n## Contact\n- <b>tel</b> 01 99 00 12 34\n")
    settings.CONFIG = dataclasses.replace(settings.CONFIG, legal=notice)
    html = client.get(reverse("legal")).content.decode()
    assert html.index("Optique Verrier SARL") < html.index("MIT licence")
    assert "<h2>Contact</h2>" in html
    assert "&lt;b&gt;tel&lt;/b&gt;" in html
    notice.unlink()
    assert client.get(reverse("legal")).status_code == 200


def test_every_licence_that_lies_in_the_tree_is_shown(client: Client):
    html = unescape(client.get(reverse("legal")).content.decode())
    for folder in (path for path in VENDOR.iterdir() if path.is_dir()):
        assert (folder / "LICENSE").read_text().strip()[:60] in html, folder.name
    assert "SVOX Pico" in html
    assert "Apache License" in html


def test_how_long_things_are_kept_is_told_in_days_or_in_words(client: Client):
    told = dict(kept())
    assert told["Copies of the e-mails we sent"] == "30 days."
    assert told["Failed sign-ins and tries that are counted, with their address"] == "1 day."


@pytest.mark.parametrize("role", ["anonymous", "owner", "user"])
@pytest.mark.parametrize("page", ["help", "legal"])
def test_no_link_of_the_help_and_the_notices_is_dead(cast: Cast, role: str, page: str):
    client = cast.client(role)
    found = links(client.get(reverse(page)).content.decode())
    assert reverse("help-article", args=["guide"]) in found or page == "legal"
    for link in sorted(link for link in found if link.startswith("/")):
        assert client.get(link, follow=True).status_code == 200, link
    assert not [link for link in found if not link.startswith(("/", "#"))]


def test_articles_lead_nowhere_dead(cast: Cast):
    client = cast.client("owner")
    articles = [x for x in links(client.get("/help").content.decode()) if x.startswith("/help/")]
    assert len(articles) >= 15
    found = {link for each in articles for link in links(client.get(each).content.decode())}
    for link in found:
        assert link.startswith("#") or client.get(link, follow=True).status_code == 200, link


def test_the_community_is_shown_once_the_operator_names_one(client: Client, settings: LazySettings):
    assert "Community" not in client.get(reverse("help")).content.decode()
    address = "https://forum.example.com/phones"
    settings.CONFIG = dataclasses.replace(settings.CONFIG, community=address)
    assert address in links(client.get(reverse("help")).content.decode())


@pytest.mark.parametrize("value", ["javascript:alert(1)", "forum", "https://", "ftp://x.example"])
def test_a_community_that_is_no_web_address_stops_the_start(value: str):
    with pytest.raises(BadSetting, match="CARILLON_COMMUNITY"):
        read_config({"CARILLON_COMMUNITY": value})

"""A passkey made and used in a real browser, with a device that is not real."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tests.portal.process import Portal, portal
from tests.portal.test_pages_in_chromium import violations

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    with portal(tmp_path_factory.mktemp("portal"), demo=True) as running:
        running.settings["CARILLON_URL"] = f"http://localhost:{running.port}"
        running.start("serve")
        running.wait_until_ready()
        yield running


@pytest.fixture
def page(made: Portal) -> Iterator[Page]:
    """Return a page of a browser whose machine has a fingerprint reader that always agrees."""
    with sync_playwright() as play:
        chromium = play.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        context = chromium.new_context(locale="en-GB", base_url=f"http://localhost:{made.port}")
        opened = context.new_page()
        devtools = context.new_cdp_session(opened)
        devtools.send("WebAuthn.enable")
        options = {
            "protocol": "ctap2",
            "transport": "internal",
            "hasResidentKey": True,
            "hasUserVerification": True,
            "isUserVerified": True,
            "automaticPresenceSimulation": True,
        }
        devtools.send("WebAuthn.addVirtualAuthenticator", {"options": options})
        yield opened
        chromium.close()


def sign_in(page: Page, made: Portal) -> None:
    page.goto("/sign-in")
    page.get_by_label("E-mail or telephone number").fill(made.email)
    page.get_by_label("Password", exact=True).fill(made.password)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.locator(".phead h1")).to_be_visible()


def test_a_passkey_is_made_signs_in_without_a_password_and_is_removed(made: Portal, page: Page):
    sign_in(page, made)
    page.goto("/security")
    page.locator("button[data-passkey=new]").click()
    key = page.locator(".safes li", has=page.locator("form[action*=passkeys]"))
    expect(key).to_contain_text("Chrome")
    page.context.clear_cookies()
    page.goto("/sign-in")
    page.locator("button[data-passkey=known]").click()
    expect(page.locator(".phead h1")).to_be_visible()
    page.goto("/security")
    assert violations(page) == []
    key.get_by_role("button").click()
    expect(key).to_have_count(0)
    page.context.clear_cookies()
    page.goto("/sign-in")
    page.locator("button[data-passkey=known]").click()
    expect(page.get_by_text("This passkey is not known here.")).to_be_visible()

"""The whole path, as a stranger walks it: an empty system, a browser, a desk phone, and real calls."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tests.phones import baresip
from tests.scenarios.test_run import Product
from tests.system import heard, seconds_of, tone

pytestmark = pytest.mark.system
FLAGS = ["--no-sandbox", "--disable-gpu", "--autoplay-policy=no-user-gesture-required"]


@pytest.fixture()
def page() -> Iterator[Page]:
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        yield browser.new_context(
            locale="en-GB", viewport={"width": 1440, "height": 960}
        ).new_page()
        browser.close()


@pytest.fixture()
def empty(tmp_path: Path) -> Iterator[Product]:
    product = Product(tmp_path / "data")
    try:
        product.start()
        yield product
    finally:
        if product.process is not None:
            product.stop()


def create_company(page: Page, url: str) -> None:
    page.goto(url)
    page.get_by_label("Company name").fill("Acme")
    page.get_by_label("Your name").fill("Ann Archer")
    page.get_by_label("E-mail").fill("ann@acme.example")
    page.get_by_label("Password", exact=True).fill("Correct-Horse-7-Battery")
    page.get_by_role("button", name="Create the company").click()
    expect(page).to_have_url(f"{url}/set-up/users")
    page.goto(url)
    expect(page.get_by_text("Your set-up is not finished yet.")).to_be_visible()


def add_number(page: Page, url: str) -> str:
    """Add a number that greets, rings Ann for 15 s and records; return it."""
    page.goto(f"{url}/numbers/new")
    page.get_by_label("Name", exact=True).fill("Main line")
    page.get_by_role("button", name="Add the number").click()
    expect(page.get_by_role("heading", name="Main line")).to_be_visible()
    number_url = page.url.partition("?")[0]
    page.goto(f"{number_url}?step=greeting")
    page.get_by_label(re.compile("text", re.I)).first.check()
    page.get_by_label("Text", exact=True).fill("Welcome to Acme.")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Welcome to Acme.").first).to_be_visible()
    page.goto(f"{number_url}?step=ring")
    if not page.locator(".rings li").count():
        page.get_by_label("Ring", exact=True).select_option(label="Ann Archer · 101")
        page.get_by_label("Seconds", exact=True).fill("15")
        page.get_by_role("button", name="Add the step").click()
    expect(page.locator(".rings li")).to_have_count(1)
    page.goto(f"{number_url}?step=rules")
    page.get_by_label("Record incoming calls").check()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_label("Record incoming calls")).to_have_count(0)
    page.get_by_role("button", name="Publish").click()
    expect(page.get_by_text("Unpublished changes")).to_have_count(0)
    page.goto(number_url)
    shown = page.locator(".num", has_text=re.compile(r"^\+33")).first.inner_text()
    return "+" + re.sub(r"\D", "", shown)


def add_phone(page: Page, url: str) -> tuple[str, str]:
    """Give Ann a phone; return its user name and password as the page shows them."""
    page.goto(f"{url}/people")
    page.get_by_role("link", name="Ann Archer").first.click()
    page.get_by_label("Name of the phone").fill("Desk")
    page.get_by_role("button", name="Add a phone").click()
    expect(page.get_by_role("heading", name="Desk")).to_be_visible()
    if page.get_by_role("button", name="Show").count():
        page.get_by_role("button", name="Show").click()
    secret = page.get_by_role("button", name="Copy the password")
    expect(secret).to_be_visible()
    name = page.get_by_role("button", name="Copy the username").get_attribute("data-copy")
    password = secret.get_attribute("data-copy")
    assert name and password
    return name, password


def plays(page: Page) -> None:
    """Press play; the sound must really advance."""
    page.get_by_role("button", name=re.compile("Listen|Play")).first.click()
    expect(page.locator("audio-player.playing")).to_have_count(1)
    page.wait_for_function(
        "() => [...document.querySelectorAll('audio')].some(a => a.currentTime > 0.3)"
        " || document.querySelector('audio-player time').textContent !== '0:00'"
    )


def test_from_an_empty_system_to_a_call_talked_on_and_a_message_played(
    empty: Product, page: Page, tmp_path: Path
) -> None:
    url = empty.system.config.portal_url
    create_company(page, url)
    number = add_number(page, url)
    name, password = add_phone(page, url)

    with baresip(
        empty.system, "ann", tmp_path, tone(620, 60), username=name, password=password
    ) as phone:
        page.goto(f"{url}/people")
        page.get_by_role("link", name="Ann Archer").first.click()
        expect(page.get_by_text("On line")).to_be_visible(timeout=15_000)
        page.goto(f"{url}/calls")
        result = empty.system.call(number, say=tone(440, 6.0), stay_seconds=0.5)
        assert seconds_of(heard(result), 620) > 1.0
        ann_heard = phone.stop()
        assert seconds_of(ann_heard, 440) > 1.0
    # The page that was open learns of the call by itself.
    expect(page.locator("td", has_text="Answered").first).to_be_visible(timeout=15_000)
    page.get_by_role("link", name=re.compile("6 12 34 56 78")).first.click()
    expect(page.get_by_text("Ann Archer answered")).to_be_visible()
    expect(page.get_by_text("The greeting is played")).to_be_visible()
    plays(page)

    # Ann's phone is away now: the next caller leaves a message, which plays in the portal.
    result = empty.system.call(number, when="beep", say=tone(440, 2.0), stay_seconds=0.3)
    assert result.status == 200
    page.goto(f"{url}/voicemail")
    expect(page.locator("ul.msgs > li")).to_have_count(1, timeout=15_000)
    plays(page)

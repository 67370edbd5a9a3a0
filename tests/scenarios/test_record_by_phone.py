"""Record by phone: a browser, a telephone outside, and the next caller hears what was spoken there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from carillon.media.wav import write_wav
from carillon.schema.sandbox import ArmWish, PhoneScript
from tests.prepared import prepare
from tests.scenarios.test_run import Product
from tests.system import heard, seconds_of, tone, wait_for

pytestmark = pytest.mark.system
FLAGS = ["--no-sandbox", "--disable-gpu", "--autoplay-policy=no-user-gesture-required"]
MOBILE = "+33688000001"
SPOKEN = 620.0


@pytest.fixture()
def page() -> Iterator[Page]:
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        yield browser.new_context(
            locale="en-GB", viewport={"width": 1440, "height": 960}
        ).new_page()
        browser.close()


def test_a_greeting_spoken_into_a_mobile_is_what_the_next_caller_hears(
    tmp_path: Path, page: Page
) -> None:
    product = Product(tmp_path / "data")
    prepare(product.system.config.data)
    try:
        product.start()
        url = product.system.config.portal_url
        page.goto(url)
        page.get_by_role("button", name=re.compile("demo", re.I)).first.click()
        expect(page.get_by_role("heading", name="Today")).to_be_visible()
        e164, pk = number_of(product)
        script = PhoneScript(
            when="beep", say=write_wav(tone(SPOKEN, 2.0)), then_digits="#3", stay_seconds=4.0
        )
        product.system.outside.arm(ArmWish(number=MOBILE, ring_seconds=0.5, script=script))
        page.goto(f"{url}/numbers/{pk}?step=greeting")
        page.get_by_label("Call me at").fill(MOBILE)
        page.get_by_role("button", name="Call me").click()
        expect(page.get_by_text("Your phone rings.")).to_be_visible()
        use = page.get_by_role("button", name="Use this recording")
        expect(use).to_be_visible(timeout=60_000)
        use.click()
        expect(page.get_by_text("Recorded by phone").first).to_be_visible()
        page.get_by_role("button", name=re.compile("^Publish")).first.click()
        wait_for(lambda: hears(product, e164), 30, "the greeting to be in force")
    finally:
        if product.process is not None:
            product.stop()


def number_of(product: Product) -> tuple[str, int]:
    """Return the number of the demo company that is always open."""
    wanted = "select e164, id from routing_number where name like 'Claire%'"
    with closing(product.database()) as database:
        ((e164, pk),) = database.execute(wanted).fetchall()
    return str(e164), int(pk)


def hears(product: Product, e164: str) -> bool:
    result = product.system.call(e164, stay_seconds=4.0)
    return seconds_of(heard(result), SPOKEN) > 1.5

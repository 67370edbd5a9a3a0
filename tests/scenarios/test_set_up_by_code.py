"""A phone set up by scanning a code: Linphone itself reads what our address serves, and signs in with it."""

from __future__ import annotations

import html
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from tests.scenarios.test_run import Product
from tests.system import wait_for

pytestmark = pytest.mark.system


def address_on_the_page(product: Product, email: str, password: str) -> str:
    """Sign in, open one's own phone, and return the address of its code."""
    url = product.system.config.portal_url
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = browser.new_page(locale="en-GB")
        page.goto(f"{url}/sign-in")
        page.locator("input[type=password]").fill(password)
        page.locator("input[name=email]").fill(email)
        page.locator("main form .btn-primary").click()
        page.goto(f"{url}/me")
        page.locator("article.phone form button").first.click()
        field = page.locator(".connect input")
        field.wait_for()
        address = field.input_value()
        assert page.locator(".connect img").get_attribute("src")
        browser.close()
    return html.unescape(address)


def test_linphone_scans_a_code_and_is_signed_in_once(tmp_path: Path) -> None:
    product = Product(tmp_path / "data")
    try:
        product.start()
        told = subprocess.run(
            [sys.executable, "-m", "carillon.cli", "demo"],
            env=product.system.environ,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        email = re.search(r"sign in as\s+(\S+)", told)
        password = re.search(r"password\s+(\S+)", told)
        assert email is not None
        assert password is not None
        address = address_on_the_page(product, email[1], password[1])
        assert scan(address, tmp_path / "first") == "signed-in"
        wanted = "select count(*) from extensions_device where registered_at is not null"
        with product.database() as database:
            wait_for(lambda: database.execute(wanted).fetchone()[0], 15, "the phone on line")
        assert scan(address, tmp_path / "second", seconds=4) != "signed-in", "good once"
    finally:
        if product.process is not None:
            product.stop()


def scan(address: str, home: Path, seconds: float = 20.0) -> str:
    """Let Linphone, as freshly installed, set itself up from an address; return how that went."""
    home.mkdir()
    environ = {**os.environ, "HOME": str(home)}
    command = [sys.executable, "-m", "tests.provisioned", address, str(seconds)]
    found = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60)
    return found.stdout.strip().splitlines()[-1]

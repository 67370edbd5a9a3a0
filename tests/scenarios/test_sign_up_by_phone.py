"""From the sign-up page to a signed-in administrator, as a stranger does it: mail, a real call, secrets."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import BrowserContext, Page, expect, sync_playwright

from carillon.media.wav import read_wav
from carillon.portal.identity.phonecheck import SENTENCES
from carillon.speech.store import Store
from tests.portal.test_pages_in_chromium import violations
from tests.prepared import prepare
from tests.scenarios.test_run import Product
from tests.system import Samples, wait_for

pytestmark = pytest.mark.system
FLAGS = ["--no-sandbox", "--disable-gpu", "--autoplay-policy=user-gesture-required"]
EMAIL, PASSWORD, PIN = "zoe@atelier.example", "Vitrail-48-Ocre", "481526"


@pytest.fixture()
def context() -> Iterator[BrowserContext]:
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        yield browser.new_context(locale="fr-FR", viewport={"width": 390, "height": 844})
        browser.close()


@pytest.fixture()
def empty(tmp_path: Path) -> Iterator[Product]:
    product = Product(tmp_path / "data")
    prepare(product.system.config.data)
    try:
        product.start()
        yield product
    finally:
        if product.process is not None:
            product.stop()


def sound_of(page: Page) -> Samples:
    """Return what the pretend mobile has heard until now, as the page is given it."""
    text = page.evaluate(
        """async () => {
          const answer = await fetch(document.querySelector("audio.pretend-sound").src);
          const bytes = new Uint8Array(await answer.arrayBuffer());
          let text = "";
          for (let i = 0; i < bytes.length; i += 8192)
            text += String.fromCharCode(...bytes.subarray(i, i + 8192));
          return btoa(text);
        }"""
    )
    return np.frombuffer(base64.b64decode(text)[44:], "<i2")


def places_of(spoken: Samples, heard: Samples) -> list[int]:
    """Return where a sentence is heard: where the sound looks like it, sample by sample."""
    wanted = spoken.astype(np.float64)
    size = 1 << int(np.ceil(np.log2(len(heard) + len(wanted))))
    product = np.fft.rfft(heard, size) * np.conj(np.fft.rfft(wanted, size))
    match = np.fft.irfft(product, size)[: max(0, len(heard) - len(wanted))]
    power = np.cumsum(np.concatenate([[0.0], heard.astype(np.float64) ** 2]))
    energy = power[len(wanted) : len(wanted) + len(match)] - power[: len(match)]
    likeness = match / np.sqrt(np.maximum(energy, 1.0) * (wanted @ wanted))
    return [int(place) for place in np.flatnonzero(likeness > 0.9)]


def code_in(data: Path, heard: Samples) -> str:
    """Return the digits that were spoken, in their order, of both times they were."""
    store, found = Store(data / "prompts"), []
    for digit in "0123456789":
        key, _ = store.speak(f"{digit}.", "fr")
        spoken = read_wav((data / "prompts" / f"{key}.wav").read_bytes())
        last = -len(spoken)
        for place in places_of(spoken, heard):
            if place - last > len(spoken) // 2:
                found.append((place, digit))
            last = place
    return "".join(digit for _, digit in sorted(found))


def fill_in(page: Page, url: str) -> None:
    page.goto(f"{url}/sign-up")
    assert violations(page) == []
    page.get_by_label("Nom de l’entreprise").fill("Atelier Zoé")
    page.get_by_label("Pays").select_option("BE")
    expect(page.get_by_label("+32 2 555", exact=False).first).to_be_checked()
    page.get_by_label("Votre nom").fill("Zoé Lambert")
    page.get_by_label("E-mail").fill(EMAIL)
    page.get_by_label("Mobile").fill("0470 12 34 56")
    tick(page)
    page.get_by_role("button", name="Créer le compte").click()
    expect(page.get_by_role("heading", name="Consultez vos e-mails")).to_be_visible()


def tick(page: Page) -> None:
    """Tick the box, and wait until the browser has done its work."""
    box = page.locator("altcha-widget").last
    box.get_by_role("checkbox").press("Space")
    expect(box.locator("[data-state=verified]").first).to_be_visible(timeout=30_000)


def open_mail(page: Page) -> Page:
    """Read the mail in the outbox and open its link as people do, in a new tab."""
    page.get_by_role("link", name="Le lire dans la boîte d’envoi").click()
    page.get_by_role("link", name="Veuillez activer votre compte").click()
    assert violations(page) == []
    letter = page.frame_locator("iframe.letter")
    expect(letter.get_by_text("Atelier Zoé")).to_be_visible()
    with page.expect_popup() as opened:
        letter.get_by_role("link", name="Activer mon compte").click()
    return opened.value


def hear_the_code(page: Page, data: Path) -> str:
    """Let the system call, answer on the page, and write down what is heard."""
    expect(page.get_by_role("heading", name="Vérification du numéro de mobile")).to_be_visible()
    expect(page.locator(".mobile")).to_contain_text("56")
    expect(page.locator(".mobile")).not_to_contain_text("12 34")
    page.emulate_media(color_scheme="dark")
    assert violations(page) == []
    page.emulate_media(color_scheme="light")
    assert violations(page) == []
    tick(page)
    page.get_by_role("button", name="M’appeler", exact=True).click()
    page.get_by_role("button", name="Décrocher").click(timeout=15_000)
    expect(page.get_by_text("Vous écoutez")).to_be_visible()
    assert violations(page) == []
    played = "document.querySelector('audio.pretend-sound')?.currentTime ?? 0"
    wait_for(lambda: page.evaluate(played) > 2, 20, "the browser to play")
    return code_in(data, sound_of(page))


def choose_secrets(page: Page) -> None:
    expect(page.get_by_role("heading", name="Activer votre compte")).to_be_visible()
    page.get_by_label("Mot de passe", exact=True).fill("zoelambert")
    criteria = page.locator("#id_password_criteria")
    expect(criteria.locator("li.ko")).not_to_have_count(0)
    expect(criteria.locator("li.ko", has_text="Aucune information de compte")).to_be_visible()
    assert violations(page) == []
    page.emulate_media(color_scheme="dark")
    assert violations(page) == []
    page.emulate_media(color_scheme="light")
    page.get_by_label("Mot de passe", exact=True).fill(PASSWORD)
    expect(criteria.locator("li.ko")).to_have_count(0)
    page.get_by_label("Confirmer le mot de passe").fill(PASSWORD)
    page.get_by_label("Code PIN", exact=True).fill(PIN)
    expect(page.locator("#id_pin_criteria li.ok")).to_have_count(4)
    page.get_by_label("Confirmer le code PIN").fill(PIN)
    page.get_by_label("Question").select_option(
        label="Dans quelle ville vos parents se sont-ils rencontrés ?"
    )
    page.get_by_label("Réponse").fill("Liège")
    page.get_by_role("button", name="Continuer").click()


def test_a_stranger_signs_up_is_called_hears_the_code_and_is_let_in(
    empty: Product, context: BrowserContext
) -> None:
    page = context.new_page()
    faults: list[str] = []
    fill_in(page, empty.system.config.portal_url)
    page = open_mail(page)
    page.on("pageerror", lambda error: faults.append(str(error)))
    spoken = hear_the_code(page, empty.system.config.data)
    assert re.fullmatch(r"\d{8}", spoken), f"what was heard: {spoken!r}"
    assert spoken[:4] == spoken[4:], "it is said twice"
    page.get_by_label("Code de vérification").fill(spoken[:4])
    page.get_by_role("button", name="Suivant").click()
    choose_secrets(page)
    expect(page.get_by_text("Votre compte est désormais actif")).to_be_visible()
    page.goto(f"{empty.system.config.portal_url}/security")
    assert violations(page) == []
    page.goto(f"{empty.system.config.portal_url}/numbers")
    expect(page.get_by_text("+32 2 555").first).to_be_visible()
    assert faults == []
    assert SENTENCES["fr"][0].startswith("Bonjour")

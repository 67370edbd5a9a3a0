"""The pages in a real browser: they work, they fit a phone, and axe finds nothing to complain of."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.portal.process import Portal, portal

pytestmark = pytest.mark.system

AXE = next((Path(__file__).parent / "vendor").glob("axe-core-*/axe.min.js"))
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
COLOURS = ["color-contrast", "link-in-text-block"]
"""The rules that look at colours."""
PAGES = (
    "/",
    "/calls",
    "/calls?outcome=voicemail&q=none",
    "/voicemail",
    "/voicemail/deleted",
    "/numbers",
    "/numbers/new",
    "/numbers/1",
    "/numbers/1?step=hours",
    "/numbers/1?step=greeting",
    "/numbers/1?step=ring",
    "/numbers/1?step=settings",
    "/numbers/1?step=waiting",
    "/numbers/1?step=users",
    "/numbers/1?step=holidays",
    "/numbers/1?step=exceptions",
    "/numbers/1?step=override",
    "/company/days",
    "/company/blocked",
    "/company/music",
    "/numbers/1?step=music",
    "/numbers/1?step=rules",
    "/numbers/1?step=history",
    "/numbers/1?step=difference",
    "/numbers/1?step=operator",
    "/numbers/6?step=menu",
    "/numbers/1/release",
    "/people",
    "/people?tab=unassigned",
    "/people/new",
    "/people/2",
    "/people/2/reach",
    "/people/2/calls",
    "/teams",
    "/teams/1",
    "/company",
    "/company/numbers",
    "/company/calls-out",
    "/integrations",
    "/integrations/new",
    "/numbers/1/integrations",
    "/integrations/keys",
    "/integrations/api",
    "/audit",
    "/account",
    "/security",
    "/me",
    "/phone",
    "/help",
    "/help/voicemail-by-phone",
    "/security/password",
    "/security/pin",
    "/security/question",
    "/company/roles",
    "/billing",
    "/billing/lines",
    "/legal",
    "/help/guide",
    "/operator",
    "/operator/trunks",
    "/operator/trunks/new",
    "/outbox",
    "/nothing-here",
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    with portal(tmp_path_factory.mktemp("portal"), demo=True) as running:
        running.start("serve")
        running.wait_until_ready()
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    flags = ["--no-sandbox", "--disable-gpu"]
    with sync_playwright() as play:
        chromium = play.chromium.launch(executable_path="/usr/bin/chromium", args=flags)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def cookies(made: Portal, browser: Browser) -> Any:
    """Sign in once; return what the browser remembers."""
    context = browser.new_context(locale="fr-FR")
    page = context.new_page()
    page.goto(f"{made.url}/sign-in")
    page.get_by_label("E-mail").fill(made.email)
    page.get_by_label("Mot de passe", exact=True).fill(made.password)
    page.get_by_role("button", name="Se connecter").click()
    expect(page.get_by_role("heading", name="Aujourd’hui")).to_be_visible()
    state = context.storage_state()
    context.close()
    return state


class Watched:
    """A page whose console must stay silent, but for the status of pages meant to be missing."""

    def __init__(self, context: BrowserContext) -> None:
        self.page: Page = context.new_page()
        self.said: list[str] = []
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.said.append(str(error)))

    def _heard(self, message: Any) -> None:
        if message.type in ("error", "warning") and "status of 404" not in message.text:
            self.said.append(message.text)


@pytest.fixture
def watched(made: Portal, browser: Browser, cookies: Any) -> Iterator[Watched]:
    context = browser.new_context(storage_state=cookies, base_url=made.url, locale="fr-FR")
    watch = Watched(context)
    yield watch
    context.close()
    assert watch.said == []


def test_a_number_is_edited_and_a_call_tried(watched: Watched):
    page = watched.page
    page.goto("/numbers/1")
    page.get_by_role("link", name="Modifier chez qui il sonne").click()
    page.get_by_label("Faire sonner", exact=True).select_option(label="SAV")
    page.get_by_role("button", name="Ajouter l’étape").click()
    steps = page.locator(".rings li")
    expect(steps).to_have_count(3)
    page.get_by_role("button", name="Monter SAV").click()
    expect(steps.nth(1)).to_contain_text("SAV")
    page.get_by_label("Secondes pour SAV").fill("35")
    page.get_by_label("Secondes pour SAV").press("Tab")
    expect(page.locator(".insp + *, .mid")).to_contain_text("75 s au plus")
    page.get_by_role("button", name="Ne plus faire sonner SAV").click()
    expect(steps).to_have_count(2)
    page.get_by_label("Jour").select_option(label="mardi")
    page.get_by_label("Heure").fill("10:42")
    page.get_by_role("button", name="Essayer").click()
    expect(page.locator(".tried")).to_contain_text("10:42 est dans les horaires d’ouverture")


def test_a_long_list_of_boxes_is_searched_by_keyboard_and_what_is_ticked_stays(watched: Watched):
    page = watched.page
    page.goto("/company/calls-out")
    lines = page.locator("#id_countries_list li:visible")
    everywhere = lines.count()
    search = page.get_by_label("Chercher dans cette liste")
    search.fill("BRÉSIL")
    expect(lines).to_have_count(1)
    search.fill("bresi")
    expect(lines).to_have_count(1)
    search.press("Enter")  # Would send the form around it.
    expect(page).to_have_url(re.compile("/company/calls-out$"))
    expect(page.get_by_role("status").filter(has_text="1 · cochés")).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    expect(page.get_by_label("Brésil")).to_be_checked()
    search.press("Escape")
    expect(search).to_have_value("")
    expect(lines).to_have_count(everywhere)
    page.get_by_label("Seulement les cochés").check()
    expect(lines.filter(has_text="Brésil")).to_have_count(1)
    expect(lines.filter(has_text="Japon")).to_have_count(0)
    search.fill("no such country")
    expect(lines).to_have_count(0)
    page.get_by_role("button", name="Enregistrer").click()
    page.wait_for_url("**/company")
    page.goto("/company/calls-out")
    expect(page.get_by_label("Brésil")).to_be_checked()


def test_a_menu_is_made_published_and_taken_back(watched: Watched):
    page = watched.page
    page.goto("/numbers/6?step=settings")
    page.get_by_label("Type").select_option(label="Serveur vocal interactif (SVI)")
    page.get_by_role("button", name="Enregistrer").click()
    expect(page.get_by_text("Le menu n’a pas de message")).to_be_visible()
    expect(page.get_by_text("Modifications non publiées")).to_be_visible()
    page.get_by_role("link", name="Ajouter ou modifier des options").click()
    page.get_by_label("Touche", exact=True).select_option("2")
    page.get_by_label("Mène à").select_option(label="SAV")
    page.get_by_role("button", name="Enregistrer l’option").click()
    expect(page.locator(".nd .keys li")).to_contain_text(["SAV"])
    page.get_by_label("Touche", exact=True).select_option("3")
    page.get_by_label("Mène à").select_option(label="Un autre menu, sous celui-ci")
    page.get_by_role("button", name="Enregistrer l’option").click()
    expect(page.get_by_role("link", name="Premier menu")).to_be_visible()
    page.get_by_label("Mène à").select_option(label="Atelier (numéro)")
    page.get_by_role("button", name="Enregistrer l’option").click()
    expect(page.locator(".nd .keys .keys li")).to_contain_text(["Atelier"])
    page.get_by_role("link", name="Voir la différence").click()
    expect(page.locator(".flow-diff")).to_contain_text("Menu : touche 2")
    page.get_by_role("button", name="Publier ces modifications").click()
    expect(page.get_by_text("Publié : le prochain appel le suit.")).to_be_visible()
    expect(page.get_by_text("Modifications non publiées")).to_have_count(0)
    page.get_by_role("link", name="Historique").click()
    page.get_by_role("button", name="Revenir à la version 2").click()
    expect(page.locator(".versions")).to_contain_text("Retour à la version 2")
    expect(page.locator(".phead").first).to_contain_text("Numéro classique")


def test_phones_are_dragged_into_order_and_moved_by_keyboard(watched: Watched):
    page = watched.page
    page.goto("/people/2")
    page.get_by_role("link", name="Renvois et horaires de travail").click()
    lines = page.locator(".sortable li")
    for number in ("06 12 48 90 11", "06 12 48 90 12", "06 12 48 90 13"):
        count = lines.count()
        page.get_by_label("Numéro extérieur").first.fill(number)
        page.get_by_role("button", name="Ajouter", exact=True).click()
        expect(lines).to_have_count(count + 1)
    lines.nth(2).drag_to(lines.nth(0))
    expect(lines.nth(0)).to_contain_text("90 13")
    page.get_by_role("button", name="Monter +33 6 12 48 90 12").focus()
    page.keyboard.press("Enter")
    expect(lines.nth(1)).to_contain_text("90 12")
    for left in (2, 1, 0):
        page.get_by_role("button", name="Ne plus faire sonner").first.click()
        expect(lines).to_have_count(left)


def test_an_error_comes_back_beside_its_field_with_the_focus_there(watched: Watched):
    page = watched.page
    page.goto("/numbers/1?step=ring")
    page.get_by_label("Faire sonner", exact=True).select_option(label="Un numéro extérieur")
    field = page.get_by_label("Numéro extérieur", exact=True)
    field.fill("12")
    page.get_by_role("button", name="Ajouter l’étape").click()
    expect(page.get_by_text("Ce n’est pas un numéro de téléphone")).to_be_visible()
    expect(field).to_be_focused()
    watched.said.clear()  # The browser itself reports the status 422.


def test_a_switch_is_a_switch_and_a_message_plays(watched: Watched):
    page = watched.page
    page.goto("/numbers/1")
    voicemail = page.get_by_label("Messagerie à la fermeture")
    expect(voicemail).to_be_checked()
    voicemail.click()
    expect(page.get_by_label("Messagerie à la fermeture")).not_to_be_checked()
    page.get_by_label("Messagerie à la fermeture").click()
    expect(page.get_by_label("Messagerie à la fermeture")).to_be_checked()
    page.get_by_role("button", name="Écouter").first.click()
    expect(page.locator("audio-player.playing")).to_have_count(1)


def test_a_phone_shows_its_password_on_demand_and_can_be_taken_back(watched: Watched):
    page = watched.page
    page.goto("/people/2")
    page.get_by_role("button", name="Afficher").click()
    expect(page.get_by_role("button", name="Copier le mot de passe")).to_be_visible()
    page.get_by_role("button", name="Retirer le téléphone").click()
    page.get_by_role("button", name="Annuler").click()
    expect(page.get_by_role("button", name="Retirer le téléphone")).to_be_visible()


def test_ctrl_k_finds_people_and_opens_them_with_enter(watched: Watched):
    page = watched.page
    page.goto("/")
    page.keyboard.press("Control+k")
    page.keyboard.type("paul")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.keyboard.press("Control+k")
    page.keyboard.type("hugo")
    expect(page.locator("#palette-results a.on")).to_contain_text("Hugo Lambert")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Hugo Lambert")).to_be_visible()


def test_the_language_and_the_theme_are_switched_from_the_menu(watched: Watched):
    page = watched.page
    page.goto("/calls")
    page.get_by_role("button", name="Votre menu").click()
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("heading", name="Calls", exact=True)).to_be_visible()
    page.get_by_role("button", name="Your menu").click()
    page.get_by_role("button", name="Dark").click()
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    page.get_by_role("button", name="Your menu").click()
    page.get_by_role("button", name="Same as the device").click()
    page.get_by_role("button", name="Your menu").click()
    page.get_by_role("button", name="Français").click()
    expect(page.get_by_role("heading", name="Appels", exact=True)).to_be_visible()


def test_no_page_scrolls_sideways_on_a_phone(watched: Watched):
    page = watched.page
    page.set_viewport_size({"width": 320, "height": 700})
    wide = {}
    for path in PAGES:
        page.goto(path)
        over = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        if over > 0:
            wide[path] = over
    assert wide == {}


@pytest.mark.parametrize("width", [1440, 390])
def test_axe_finds_nothing_on_any_page_in_light_and_in_dark(watched: Watched, width: int):
    page = watched.page
    page.set_viewport_size({"width": width, "height": 900})
    found = {}
    for path in PAGES:
        page.emulate_media(color_scheme="light", reduced_motion="reduce")
        page.goto(path)
        wrong = violations(page)
        # In the dark the same page has other colours.
        page.emulate_media(color_scheme="dark")
        expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
        wrong += violations(page, {"type": "rule", "values": COLOURS})
        if wrong:
            found[path] = wrong
    assert found == {}


def test_axe_finds_nothing_on_the_pages_before_sign_in(made: Portal, browser: Browser):
    context = browser.new_context(base_url=made.url)
    page = context.new_page()
    for path in (
        "/sign-in",
        "/sign-up",
        "/sign-up/sent",
        "/activate",
        "/forgotten",
        "/reset/none",
    ):
        page.goto(path)
        assert violations(page) == []
    context.close()


EVERY_RULE = {"type": "tag", "values": RULES}


def violations(page: Page, only: dict[str, Any] = EVERY_RULE) -> list[str]:
    """Return what axe says is wrong, and where."""
    if not page.evaluate("typeof axe === 'object'"):
        # Evaluated, not added as a script tag: the page's own policy allows no other source.
        page.evaluate(AXE.read_text())
    asked = "only => axe.run(document, {runOnly: only, resultTypes: ['violations']})"
    result = page.evaluate(asked, only)
    return [
        f"{v['id']}: {node['target']} {node['failureSummary']}"
        for v in result["violations"]
        for node in v["nodes"]
    ]

"""What the phone in the portal says when a call, the microphone or the connection fails, in two languages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserType, Page, WebSocketRoute, expect, sync_playwright

from carillon.schema.sandbox import ArmWish, PhoneScript
from tests.browser import FLAGS
from tests.prepared import prepare
from tests.scenarios.test_control_page import EMAIL, SIGN_IN, run
from tests.scenarios.test_portal_phone import SETUP, THEIR_TONE, Desk, microphone, signed_in
from tests.system import System, running, wait_for

pytestmark = pytest.mark.system

BEN = "ben@acme.example"
OUTSIDE = "+33688000004"
IN_FRENCH = """
import django
django.setup()
from carillon.portal.accounts.models import User
User.objects.filter(email="ben@acme.example").update(language="fr")
"""
ASKS_BY_ITSELF = "--use-fake-ui-for-media-stream"
FAKE_DEVICES = "--use-fake-device-for-media-stream"
NOTICES = """
const Real = window.Notification;
window.noticed = [];
window.Notification = class extends Real {
  constructor(title, options) {
    super(title, options);
    this.addEventListener("show", () => window.noticed.push(title));
    this.addEventListener("close", () => window.noticed.push("closed"));
  }
};
"""
"""The browser's own notices, which tell the page's test that they were shown."""


@dataclass
class Office:
    """Acme's system, and browsers with what each test needs of a microphone."""

    system: System
    number: str
    launcher: BrowserType
    says: Path

    @contextmanager
    def browser(self, *, without: str = "", more: tuple[str, ...] = ()) -> Iterator[Browser]:
        says = f"--use-file-for-fake-audio-capture={self.says}"
        flags = [flag for flag in (*FLAGS, says, *more) if flag != without]
        chromium = self.launcher.launch(executable_path="/usr/bin/chromium", args=flags)
        try:
            yield chromium
        finally:
            chromium.close()

    def at(self, page: Page) -> Desk:
        page.goto("/phone")
        return Desk(self.system, self.number, page, page)


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    folder = tmp_path_factory.mktemp("office")
    with running(folder / "data") as system, sync_playwright() as play:
        prepare(system.config.data)
        number = run(system, "-c", SETUP, EMAIL, SIGN_IN).strip()
        run(system, "-c", IN_FRENCH)
        system.start("portal", "media", "switch", "sandbox")
        yield Office(system, number, play.chromium, microphone(folder / "says.wav"))


@pytest.fixture(scope="module")
def wires() -> list[WebSocketRoute]:
    """The connections of Ann's phone to the switch, which a test may cut."""
    return []


@pytest.fixture(scope="module")
def desk(office: Office, wires: list[WebSocketRoute]) -> Iterator[Desk]:
    """Ann's phone, turned on, in English."""
    with office.browser() as chromium:
        page = signed_in(chromium, office.system, EMAIL)
        faults: list[str] = []
        page.on("pageerror", lambda error: faults.append(str(error)))

        def pass_on(wire: WebSocketRoute) -> None:
            wire.connect_to_server()
            wires.append(wire)

        page.route_web_socket(re.compile(":"), pass_on)
        desk = office.at(page)
        desk.turn_on()
        yield desk
        assert not faults, faults


def told(page: Page, text: str) -> None:
    """Expect these words, as something to be seen at once."""
    expect(page.get_by_role("alert")).to_have_text(text, timeout=15_000)


# -- the microphone ------------------------------------------------------------------------------


def test_a_microphone_that_is_denied_is_explained_in_french(office: Office) -> None:
    more = ("--deny-permission-prompts",)
    with office.browser(without=ASKS_BY_ITSELF, more=more) as chromium:
        page = signed_in(chromium, office.system, BEN)
        office.at(page).press("Allumer le téléphone")
        told(
            page,
            "Le navigateur ne laisse pas cette page utiliser le micro. "
            "Autorisez-le à côté de l’adresse, puis réessayez.",
        )
        expect(page.locator("#state")).to_have_text("Éteint")


def test_a_machine_without_a_microphone_is_told_to_plug_one_in(office: Office) -> None:
    with office.browser(without=FAKE_DEVICES) as chromium:
        page = signed_in(chromium, office.system, EMAIL)
        office.at(page).press("Turn the phone on")
        told(page, "No microphone was found. Plug one in, then try again.")
        expect(page.locator("#state")).to_have_text("Turned off")


# -- calls that come to nothing ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (486, "The line is busy."),
        (480, "Nobody answered."),
        (603, "The call was declined."),
        (404, "There is no such number or extension."),
        (500, "The call could not be made."),
    ],
)
def test_a_call_that_is_not_answered_says_why(desk: Desk, status: int, words: str) -> None:
    desk.system.outside.arm(ArmWish(number="+33688000002", status=status, ring_seconds=0.2))
    desk.dials("0688000002")
    told(desk.phone, words)
    desk.expects()


def test_a_destination_the_company_forbids_is_told_as_such(desk: Desk) -> None:
    desk.dials("0899 70 00 00")
    told(
        desk.phone,
        "Your company does not allow calls to this number, or has no number of its own to show.",
    )
    desk.dials("nobody of this name")
    told(desk.phone, "Type a number, an extension or a name.")


def test_the_last_number_is_called_again_by_one_click(desk: Desk) -> None:
    desk.system.outside.arm(ArmWish(number="+33688000003"))
    desk.dials("06 88 00 00 03")
    desk.expects("In conversation")
    desk.press("Hang up")
    desk.phone.reload()
    expect(desk.phone.locator("#state")).to_have_text("Ready", timeout=10_000)
    desk.press("Call 06 88 00 00 03 again")
    desk.expects("In conversation")
    expect(desk.phone.get_by_role("heading", name="06 88 00 00 03")).to_be_visible()
    desk.press("Hang up")
    desk.expects()


def test_a_second_call_is_declined_while_the_first_goes_on(desk: Desk) -> None:
    with desk.called():
        desk.expects("Ringing…")
        desk.press("Pick up")
        desk.expects("In conversation")
        with desk.called(0.1, caller="+33612345699"):
            desk.expects("In conversation", "Ringing…")
            desk.phone.keyboard.press("Escape")
            desk.expects("In conversation")
        desk.press("Hang up")
        desk.expects()


# -- notices -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def ben(office: Office) -> Iterator[Desk]:
    """Ben's phone, turned on, in French."""
    with office.browser() as chromium:
        page = signed_in(chromium, office.system, BEN)
        page.add_init_script(NOTICES)
        ben = office.at(page)
        ben.press("Allumer le téléphone")
        expect(page.locator("#state")).to_have_text("Prêt", timeout=10_000)
        yield ben


def test_a_page_behind_others_notifies_of_a_call_once_that_was_asked_for(
    desk: Desk, ben: Desk
) -> None:
    page = ben.phone
    ask = page.get_by_role("button", name="M’avertir des appels")
    assert page.evaluate("Notification.permission") == "default"
    page.context.grant_permissions(["notifications", "microphone"])
    ask.click()
    expect(ask).to_be_hidden()
    desk.dials("102")
    ben.expects("Sonne…")
    desk.press("Hang up")
    ben.expects()
    assert page.evaluate("noticed") == []
    # Playwright has every page believe that it is in front.
    devtools = page.context.new_cdp_session(page)
    devtools.send("Emulation.setFocusEmulationEnabled", {"enabled": False})
    page.context.new_page().bring_to_front()
    desk.dials("102")
    wait_for(lambda: page.evaluate("noticed") == ["Ann vous appelle"], 10, "a notice")
    desk.press("Hang up")
    wait_for(lambda: page.evaluate("noticed")[1:] == ["closed"], 10, "no notice any more")


def test_a_lost_connection_is_told_and_found_again_in_french(ben: Desk) -> None:
    ben.system.kill("switch")
    expect(ben.phone.locator("#state")).to_have_text("Connexion…")
    told(
        ben.phone,
        "Le standard n’est pas joignable d’ici\N{NO-BREAK SPACE}: un pare-feu, un certificat qui n’est "
        "pas reconnu, ou un redémarrage. Le téléphone continue d’essayer.",
    )
    ben.system.start("switch")
    expect(ben.phone.locator("#state")).to_have_text("Prêt", timeout=20_000)
    expect(ben.phone.get_by_role("alert")).to_be_hidden()


def test_a_call_goes_on_through_a_lost_connection(desk: Desk, wires: list[WebSocketRoute]) -> None:
    expect(desk.phone.locator("#state")).to_have_text("Ready", timeout=20_000)
    with desk.called():
        desk.expects("Ringing…")
        desk.press("Pick up")
        desk.expects("In conversation")
        wires[-1].close()
        expect(desk.phone.locator("#state")).to_have_text("Connecting…")
        expect(desk.phone.locator("#state")).to_have_text("In a call", timeout=20_000)
        desk.expects("In conversation")
        assert desk.hears(THEIR_TONE)
        desk.press("Hang up")
        desk.expects()


def test_a_call_that_a_restart_ended_is_told_and_can_be_made_again(desk: Desk) -> None:
    desk.system.outside.arm(ArmWish(number=OUTSIDE, script=PhoneScript(stay_seconds=60)))
    desk.dials("0688000004")
    desk.expects("In conversation")
    desk.system.kill("switch")
    expect(desk.phone.locator("#state")).to_have_text("Connecting…")
    desk.system.start("switch")
    desk.expects()
    told(desk.phone, "The connection was lost.")
    expect(desk.phone.locator("#state")).to_have_text("Ready", timeout=20_000)
    desk.press("Call 06 88 00 00 04 again")
    desk.expects("In conversation")
    expect(desk.phone.get_by_role("alert")).to_be_hidden()
    desk.press("Hang up")
    desk.expects()

"""The phone in the portal, as a new user meets it in Chromium: rung, held, calling, heard at both ends."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from carillon.media.wav import write_wav
from carillon.schema.events import DigitPressed
from carillon.schema.sandbox import ArmWish, CallResult, PhoneScript, ResultWish
from tests.browser import FLAGS
from tests.portal.test_pages_in_chromium import violations
from tests.prepared import prepare
from tests.scenarios.test_control_page import EMAIL, SIGN_IN, run
from tests.system import System, heard, running, seconds_of, tone, wait_for

pytestmark = pytest.mark.system

OUR_TONE, THEIR_TONE = 620.0, 440.0
OUTSIDE = "0688000001"
SETUP = """
import sys, django
django.setup()
from carillon.portal.accounts.models import User
from carillon.portal.companies.actions import create_company
from carillon.portal.companies.scope import within
from carillon.portal.extensions.actions import add_person
from carillon.portal.extensions.models import Person
from carillon.portal.routing.actions import add_number
from carillon.portal.routing.documents import ToPerson
from carillon.portal.routing.editing import with_step
from carillon.portal.routing.flows import change_flow
ann = User.objects.create_user(*sys.argv[1:], name="Ann", language="en")
acme = create_company("Acme", owner=ann, country="FR", language="en")
with within(acme):
    person = Person.objects.create(user=ann, name="Ann", extension="101", call_waiting=True)
    facts = {"email": "ben@acme.example", "invite": False, "language": "en"}
    ben = add_person(acme, name="Ben Martin", extension="102", by=ann, **facts)
    ben.user.set_password(sys.argv[2])
    ben.user.save()
    number = add_number(acme, "Main line", "FR", by=ann)
    change_flow(number, lambda flow: with_step(flow, ToPerson(person.pk), 20), by=ann)
print(number.e164)
"""
LISTEN = """async ({hertz, seconds}) => {
  const audio = document.querySelector(".call-card audio");
  const context = new AudioContext();
  const analyser = context.createAnalyser();
  analyser.fftSize = 4096;
  analyser.smoothingTimeConstant = 0;
  context.createMediaStreamSource(audio.srcObject).connect(analyser);
  const bins = new Float32Array(analyser.frequencyBinCount);
  for (let heard = 0, looks = 0; looks < 250; looks += 1) {
    await new Promise((done) => setTimeout(done, 40));
    analyser.getFloatFrequencyData(bins);
    let best = 1;
    for (let at = 2; at < bins.length; at += 1) if (bins[at] > bins[best]) best = at;
    const found = best * context.sampleRate / analyser.fftSize;
    if (bins[best] > -55 && Math.abs(found - hertz) < 20) heard += 0.04;
    if (heard >= seconds) return true;
  }
  return false;
}"""


@dataclass
class Desk:
    """Ann at her computer: a page of the portal, and her phone in a window of its own."""

    system: System
    number: str
    portal: Page
    phone: Page

    def press(self, button: str) -> None:
        self.phone.get_by_role("button", name=button, exact=True).click()

    def faults(self) -> list[str]:
        """Return what axe finds, in light and in dark."""
        found = []
        schemes: tuple[Literal["dark", "light"], ...] = ("dark", "light")
        for scheme in schemes:
            self.phone.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            expect(self.phone.locator("html")).to_have_attribute("data-bs-theme", scheme)
            found += violations(self.phone)
        return found

    def turn_on(self) -> None:
        self.press("Turn the phone on")
        expect(self.phone.locator("#state")).to_have_text("Ready", timeout=10_000)

    def expects(self, *words: str) -> None:
        """Wait until the calls it has are in these states, in the order they came."""
        expect(self.phone.locator(".call-card .pill")).to_have_text(list(words), timeout=10_000)

    def dials(self, whom: str) -> None:
        field = self.phone.get_by_label("Number, extension or colleague").last
        field.fill(whom)
        field.press("Enter")

    def hears(self, hertz: float, seconds: float = 1.0) -> bool:
        return bool(self.phone.evaluate(LISTEN, {"hertz": hertz, "seconds": seconds}))

    @contextmanager
    def called(
        self, seconds: float = 30.0, caller: str = "+33612345678"
    ) -> Iterator[list[CallResult]]:
        """Have somebody call from outside and speak so long; the list has the result in the end."""
        results: list[CallResult] = []

        def call() -> None:
            said = tone(THEIR_TONE, seconds)
            results.append(self.system.call(self.number, say=said, stay_seconds=0.2, caller=caller))

        thread = threading.Thread(target=call)
        thread.start()
        yield results
        thread.join(30)


def microphone(path: Path) -> Path:
    """Write what the microphone hears: strokes, as one tone without end is taken for noise."""
    strokes = np.concatenate([tone(OUR_TONE, 0.4, 16000), tone(OUR_TONE, 0.2, 0)])
    path.write_bytes(write_wav(np.tile(strokes, 10)))
    return path


def signed_in(chromium: Browser, system: System, email: str) -> Page:
    """Open the portal as somebody, in a browser profile of their own."""
    page = chromium.new_context(base_url=system.config.portal_url, locale="en-GB").new_page()
    page.goto("/sign-in")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password", exact=True).fill(SIGN_IN)
    page.get_by_role("button", name="Sign in").click()
    expect(page).not_to_have_url(re.compile("sign-in"))
    return page


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("desk")
    with running(folder / "data") as system, sync_playwright() as play:
        prepare(system.config.data)
        number = run(system, "-c", SETUP, EMAIL, SIGN_IN).strip()
        system.start("portal", "media", "switch", "sandbox")
        says = f"--use-file-for-fake-audio-capture={microphone(folder / 'says.wav')}"
        chromium = play.chromium.launch(executable_path="/usr/bin/chromium", args=[*FLAGS, says])
        page = signed_in(chromium, system, EMAIL)
        with page.expect_popup() as opened:
            page.get_by_role("link", name="Phone", exact=True).click()
        faults: list[str] = []
        opened.value.on("pageerror", lambda error: faults.append(str(error)))
        yield Desk(system, number, page, opened.value)
        chromium.close()
        assert not faults, faults


def test_a_new_user_turns_the_phone_on_and_is_ready(desk: Desk) -> None:
    expect(desk.phone.get_by_role("button", name="Turn the phone on")).to_be_visible()
    assert desk.faults() == []
    desk.turn_on()
    assert desk.faults() == []
    (registered,) = desk.system.switch.status().registrations
    assert "Carillon in a browser" in registered.user_agent
    expect(desk.portal.locator("[data-phone-state]").first).to_have_text("Ready")


def test_it_can_be_put_on_the_desktop_as_an_app(desk: Desk) -> None:
    context = desk.phone.context
    told = context.new_cdp_session(desk.phone).send("Page.getAppManifest")
    assert told["errors"] == []
    about = json.loads(told["data"])
    assert about["start_url"] == "/phone"
    icons = [context.request.get(icon["src"]) for icon in about["icons"]]
    assert [icon.status for icon in icons] == [200, 200, 200]


def test_a_call_from_outside_rings_is_answered_held_and_heard_at_both_ends(desk: Desk) -> None:
    with desk.called() as results:
        desk.expects("Ringing…")
        expect(desk.phone.get_by_role("heading", name="+33 6 12 34 56 78")).to_be_visible()
        assert desk.faults() == []
        desk.phone.keyboard.press("Enter")
        desk.expects("In conversation")
        assert desk.hears(THEIR_TONE)
        # The pages behind may come and go, and the button brings back the window as it is.
        desk.portal.goto("/calls")
        desk.portal.get_by_role("link", name="Phone In a call").click()
        desk.press("Hold")
        desk.expects("On hold")
        desk.press("Hold")
        desk.expects("In conversation")
        assert desk.hears(THEIR_TONE)
        desk.press("Keypad")
        desk.press("7")
        wait_for(lambda: [e for e in desk.system.events() if isinstance(e, DigitPressed)], 5, "7")
        assert desk.faults() == []
        desk.press("Hang up")
    assert seconds_of(heard(results[0]), OUR_TONE) > 1
    assert results[0].ended_by == "other"
    record = desk.system.record()
    assert (record.outcome, record.ended_by) == ("answered", "callee")


def test_a_number_is_called_and_heard_and_a_wrong_one_is_explained(desk: Desk) -> None:
    script = PhoneScript(say=write_wav(tone(THEIR_TONE, 30.0)))
    desk.system.outside.arm(ArmWish(number="+33688000001", script=script))
    desk.dials(OUTSIDE)
    desk.expects("In conversation")
    assert desk.hears(THEIR_TONE)
    desk.press("Mute")
    expect(desk.phone.get_by_role("button", name="Mute")).to_have_attribute("aria-pressed", "true")
    desk.phone.keyboard.press("m")
    expect(desk.phone.get_by_role("button", name="Mute")).to_have_attribute("aria-pressed", "false")
    assert desk.hears(THEIR_TONE)
    desk.press("Hang up")
    result = desk.system.outside.result(ResultWish(number="+33688000001"))
    assert seconds_of(heard(result), OUR_TONE) > 0.7
    desk.dials("199")
    alert = desk.phone.get_by_role("alert")
    expect(alert).to_have_text("There is no such number or extension.")


@pytest.fixture(scope="module")
def ben(desk: Desk) -> Desk:
    """Ben, with the phone in a browser of his own."""
    browser = desk.portal.context.browser
    assert browser is not None
    page = signed_in(browser, desk.system, "ben@acme.example")
    page.goto("/phone")
    there = Desk(desk.system, desk.number, page, page)
    there.turn_on()
    return there


def test_a_second_window_leaves_the_phone_to_the_first_until_it_is_told(desk: Desk) -> None:
    second = desk.portal.context.new_page()
    second.goto("/phone")
    expect(second.get_by_text("Your phone is open in another window")).to_be_visible()
    expect(desk.phone.locator("#state")).to_have_text("Ready")
    second.get_by_role("button", name="Use it in this window").click()
    expect(second.locator("#state")).to_have_text("Ready", timeout=10_000)
    expect(desk.phone.get_by_role("button", name="Use it in this window")).to_be_visible()
    desk.press("Use it in this window")
    expect(desk.phone.locator("#state")).to_have_text("Ready", timeout=10_000)
    second.close()


def test_a_click_in_the_portal_rings_ones_own_phone_and_then_the_other(
    desk: Desk, ben: Desk
) -> None:
    desk.portal.goto("/calls")
    desk.portal.get_by_label("Number or extension to call").fill("102")
    desk.portal.get_by_role("button", name="Call now").click()
    desk.expects("Ringing…")
    desk.press("Pick up")
    ben.expects("Ringing…")
    expect(ben.phone.get_by_role("heading", name="Ann")).to_be_visible()
    ben.press("Pick up")
    ben.expects("In conversation")
    assert desk.hears(OUR_TONE, 0.5) and ben.hears(OUR_TONE, 0.5)
    ben.press("Hang up")
    desk.expects()


def test_a_caller_is_passed_on_blindly_and_after_asking(desk: Desk, ben: Desk) -> None:
    with desk.called():
        desk.expects("Ringing…")
        desk.press("Pick up")
        desk.expects("In conversation")
        desk.dials("ben")
        ben.expects("Ringing…")
        ben.press("Pick up")
        desk.expects("On hold", "In conversation")
        assert desk.faults() == []
        desk.press("Connect the two and leave")
        desk.expects()
        ben.expects("In conversation")
        assert ben.hears(THEIR_TONE)
        ben.press("Transfer")
        ben.phone.get_by_label("Transfer to: number, extension or colleague").fill("101")
        ben.phone.keyboard.press("Enter")
        ben.expects()
        desk.expects("Ringing…")
        desk.press("Pick up")
        desk.expects("In conversation")
        assert desk.hears(THEIR_TONE)
        desk.press("Hang up")


def test_a_second_call_is_taken_while_the_first_is_held(desk: Desk) -> None:
    with desk.called(), desk.called(caller="+33612345699"):
        desk.expects("Ringing…", "Ringing…")
        desk.phone.keyboard.press("Enter")
        desk.expects("In conversation", "Ringing…")
        desk.press("Hold and pick up")
        desk.expects("On hold", "In conversation")
        assert desk.faults() == []
        for _call in range(2):
            desk.phone.get_by_role("button", name="Hang up", exact=True).first.click()
        desk.expects()


def test_a_call_is_declined_and_a_restarted_switch_is_found_again(desk: Desk) -> None:
    with desk.called(0.5):
        desk.expects("Ringing…")
        desk.phone.keyboard.press("Escape")
        expect(desk.phone.locator(".call-card")).to_have_count(0)
    desk.system.kill("switch")
    expect(desk.phone.locator("#state")).to_have_text("Connecting…")
    desk.system.start("switch")
    expect(desk.phone.locator("#state")).to_have_text("Ready", timeout=15_000)


def test_it_is_gone_once_turned_off_and_when_its_person_signs_out(desk: Desk, ben: Desk) -> None:
    ben.press("Turn the phone off")
    wait_for(lambda: len(desk.system.switch.status().registrations) == 1, 5, "Ben's goodbye")
    expect(ben.phone.get_by_role("button", name="Turn the phone on")).to_be_visible()
    desk.portal.get_by_role("button", name="Your menu").click()
    desk.portal.get_by_role("button", name="Sign out").click()
    wait_for(lambda: not desk.system.switch.status().registrations, 5, "Ann's goodbye")
    expect(desk.phone).to_have_url(re.compile("sign-in"))

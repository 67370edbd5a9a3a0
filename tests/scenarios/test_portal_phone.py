"""The phone in the portal, as a new user meets it in Chromium: rung, held, calling, heard at both ends."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect, sync_playwright

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
    person = Person.objects.create(user=ann, name="Ann", extension="101")
    add_person(acme, name="Ben", extension="102", by=ann)
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

    def expects(self, words: str) -> None:
        expect(self.phone.locator(".call-card .pill")).to_have_text(words)

    def hears(self, hertz: float, seconds: float = 1.0) -> bool:
        return bool(self.phone.evaluate(LISTEN, {"hertz": hertz, "seconds": seconds}))

    @contextmanager
    def called(self, seconds: float = 30.0) -> Iterator[list[CallResult]]:
        """Have somebody call from outside and speak so long; the list has the result in the end."""
        results: list[CallResult] = []
        script = {"say": tone(THEIR_TONE, seconds), "stay_seconds": 0.2}
        thread = threading.Thread(
            target=lambda: results.append(self.system.call(self.number, **script))
        )
        thread.start()
        yield results
        thread.join(30)


def microphone(path: Path) -> Path:
    """Write what the microphone hears: strokes, as one tone without end is taken for noise."""
    strokes = np.concatenate([tone(OUR_TONE, 0.4, 16000), tone(OUR_TONE, 0.2, 0)])
    path.write_bytes(write_wav(np.tile(strokes, 10)))
    return path


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("desk")
    with running(folder / "data") as system, sync_playwright() as play:
        prepare(system.config.data)
        number = run(system, "-c", SETUP, EMAIL, SIGN_IN).strip()
        system.start("portal", "media", "switch", "sandbox")
        says = f"--use-file-for-fake-audio-capture={microphone(folder / 'says.wav')}"
        chromium = play.chromium.launch(executable_path="/usr/bin/chromium", args=[*FLAGS, says])
        page = chromium.new_context(base_url=system.config.portal_url, locale="en-GB").new_page()
        page.goto("/sign-in")
        page.get_by_label("E-mail").fill(EMAIL)
        page.get_by_label("Password", exact=True).fill(SIGN_IN)
        page.get_by_role("button", name="Sign in").click()
        with page.expect_popup() as opened:
            page.get_by_role("link", name="Phone", exact=True).click()
        faults: list[str] = []
        opened.value.on("pageerror", lambda error: faults.append(str(error)))
        yield Desk(system, number, page, opened.value)
        chromium.close()
        assert not faults, faults


def test_a_new_user_turns_the_phone_on_and_is_ready(desk: Desk) -> None:
    expect(desk.phone.get_by_role("button", name="Turn the phone on")).to_be_visible()
    assert violations(desk.phone) == []
    desk.press("Turn the phone on")
    expect(desk.phone.locator("#state")).to_have_text("Ready", timeout=10_000)
    assert violations(desk.phone) == []
    (registered,) = desk.system.switch.status().registrations
    assert "Carillon in a browser" in registered.user_agent
    expect(desk.portal.locator("[data-phone-state]").first).to_have_text("Ready")


def test_a_call_from_outside_rings_is_answered_held_and_heard_at_both_ends(desk: Desk) -> None:
    with desk.called() as results:
        desk.expects("Ringing…")
        expect(desk.phone.get_by_role("heading", name="+33 6 12 34 56 78")).to_be_visible()
        assert violations(desk.phone) == []
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
        assert violations(desk.phone) == []
        desk.press("Hang up")
    assert seconds_of(heard(results[0]), OUR_TONE) > 1
    assert results[0].ended_by == "other"
    record = desk.system.record()
    assert (record.outcome, record.ended_by) == ("answered", "callee")


def test_a_number_is_called_and_heard_and_a_wrong_one_is_explained(desk: Desk) -> None:
    script = PhoneScript(say=write_wav(tone(THEIR_TONE, 30.0)))
    desk.system.outside.arm(ArmWish(number="+33688000001", script=script))
    field = desk.phone.get_by_label("Number, extension or colleague")
    field.fill(OUTSIDE)
    field.press("Enter")
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
    field.fill("199")
    field.press("Enter")
    alert = desk.phone.get_by_role("alert")
    expect(alert).to_have_text("There is no such number or extension.")


def test_a_call_is_declined_and_a_restarted_switch_is_found_again(desk: Desk) -> None:
    with desk.called(0.5):
        desk.expects("Ringing…")
        desk.phone.keyboard.press("Escape")
        expect(desk.phone.locator(".call-card")).to_have_count(0)
    desk.system.kill("switch")
    expect(desk.phone.locator("#state")).to_have_text("Connecting…")
    desk.system.start("switch")
    expect(desk.phone.locator("#state")).to_have_text("Ready", timeout=15_000)


def test_turned_off_it_is_gone(desk: Desk) -> None:
    desk.press("Turn the phone off")
    wait_for(lambda: not desk.system.switch.status().registrations, 5, "the goodbye")
    expect(desk.phone.get_by_role("button", name="Turn the phone on")).to_be_visible()

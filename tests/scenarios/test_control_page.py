"""A call under way, changed from its page in a browser while real phones talk: what is clicked is heard."""

from __future__ import annotations

import hmac
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from carillon.media.wav import write_wav
from tests.portal.receiver import Receiver, receiver
from tests.portal.test_pages_in_chromium import violations
from tests.prepared import prepare
from tests.softphone import Room, Softphone, room
from tests.system import PASSWORD, System, running, tone, wait_for

pytestmark = pytest.mark.system

TONES = {"caller": 440.0, "ann": 620.0, "ben": 830.0}
MUSIC_HERTZ = 1570.0
EMAIL, SIGN_IN = "ann@acme.example", "Correct-Horse-7-Battery"
SETUP = """
import sys, django
django.setup()
from carillon.portal.accounts.models import User
from carillon.portal.companies.actions import create_company
from carillon.portal.companies.scope import within
from carillon.portal.extensions.actions import add_device, add_person
from carillon.portal.extensions.credentials import Credentials
from carillon.portal.extensions.models import Device, Person
from carillon.portal.routing.actions import add_number
from carillon.portal.routing.documents import ToPerson
from carillon.portal.routing.editing import with_step
from carillon.portal.routing.flows import change_flow
from carillon.portal.routing.models import SystemPrompt
from carillon.portal.routing.trunks import add_trunk
email, sign_in, password, port = sys.argv[1:]
ann = User.objects.create_user(email, sign_in, name="Ann", language="en")
acme = create_company("Acme", owner=ann, country="FR", language="en")
with within(acme):
    people = [Person.objects.create(user=ann, name="Ann", extension="101")]
    people.append(add_person(acme, name="Ben", extension="102", by=ann))
    for person in people:
        device = add_device(person, "desk", by=ann)
        known = Credentials(f"acme-{person.name.lower()}", password)
        facts = {"ha1_md5": known.ha1("md5"), "ha1_sha256": known.ha1("sha256")}
        Device.objects.filter(pk=device.pk).update(username=known.username, **facts)
    number = add_number(acme, "Main line", "FR", by=ann)
    change_flow(number, lambda flow: with_step(flow, ToPerson(people[0].pk), 20), by=ann)
add_trunk("outside", host="127.0.0.1", port=int(port))
print(number.e164, *SystemPrompt.objects.filter(language="", name="music-calm").values_list("key", flat=True))
"""


@dataclass
class Scene:
    """Who is there: the phones, and Ann's browser on the page of the call."""

    system: System
    here: Room
    page: Page
    call: str

    def press(self, button: str) -> None:
        self.page.locator("#control").get_by_role("button", name=button, exact=True).click()


def make_company(system: System, port: int) -> str:
    """Make Acme in the portal's database, with a pure tone as its music; return its number."""
    prepare(system.config.data)
    number, *music = run(system, "-c", SETUP, EMAIL, SIGN_IN, PASSWORD, str(port)).split()
    assert music
    for key in music:
        wav = write_wav(tone(MUSIC_HERTZ, 3.0))
        (system.config.prompts / f"{key}.wav").write_bytes(wav)
    return number


def run(system: System, *words: str) -> str:
    environ = {**system.environ, "DJANGO_SETTINGS_MODULE": "carillon.portal.site.settings"}
    done = subprocess.run(
        [sys.executable, *words], env=environ, check=True, timeout=120, stdout=subprocess.PIPE
    )
    return done.stdout.decode()


@contextmanager
def browser(system: System) -> Iterator[Page]:
    """Sign Ann in."""
    with sync_playwright() as play:
        flags = ["--no-sandbox", "--disable-gpu"]
        chromium = play.chromium.launch(executable_path="/usr/bin/chromium", args=flags)
        page = chromium.new_context(
            base_url=f"http://127.0.0.1:{system.config.http_port}", locale="en-GB"
        ).new_page()
        page.goto("/sign-in")
        page.get_by_label("E-mail").fill(EMAIL)
        page.get_by_label("Password", exact=True).fill(SIGN_IN)
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("heading", name="Today")).to_be_visible()
        yield page
        chromium.close()


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    """Have an outside caller talk with Ann, and Ann look at the call."""
    monkeypatch.setenv("CARILLON_WEBHOOK_HOSTS", "127.0.0.1")
    port = Softphone.free_port()
    with running(tmp_path) as system, room() as here:
        # First, so that nobody else takes its port while the company is made.
        caller = Softphone(system, "caller", TONES["caller"], outside=True, port=port)
        here.phones["caller"] = caller
        number = make_company(system, port)
        system.start("media", "portal", "switch", "worker")
        wait_for(lambda: system.switch.status().plans == 1, 20, "the plan")
        for name in ("ann", "ben"):
            here.phones[name] = Softphone(system, name, TONES[name])
        ann = here.phones["ann"]
        with browser(system) as page:
            here.music = MUSIC_HERTZ
            caller.dial(number)
            ann.talks()
            here.hear(caller={"ann"}, ann={"caller"})
            (call,) = system.switch.status().calls
            wait_for(lambda: page.goto(f"/calls/{call.call}").status == 200, 15, "the call's page")
            yield Scene(system, here, page, call.call)


def test_a_call_is_held_recorded_transferred_parked_and_taken_from_its_page(scene: Scene) -> None:
    page, here = scene.page, scene.here
    panel = page.locator("#control")
    expect(panel.locator(".parties")).to_contain_text("Ann")
    expect(panel.locator(".parties li")).to_have_count(2)

    scene.press("Put on hold")
    here.hear(caller={"music"}, ann=set())
    expect(panel).to_contain_text("on hold, hears music")
    scene.press("Take back from hold")
    here.hear(caller={"ann"}, ann={"caller"})

    scene.press("Record")
    expect(panel.locator(".pill", has_text="Recording")).to_be_visible()
    scene.press("Stop the recording")
    expect(panel.get_by_role("button", name="Record", exact=True)).to_be_visible()

    panel.get_by_label("Number or extension").fill("102")
    scene.press("Transfer")
    here.phones["ben"].talks()
    here.hear(caller={"ben"}, ben={"caller"})
    here.phones["ann"].is_over()
    expect(panel.locator(".parties")).to_contain_text("Ben")

    scene.press("Park")
    here.hear(caller={"music"})
    here.phones["ben"].is_over()
    expect(panel.locator(".pill", has_text="Parked")).to_be_visible()
    scene.press("Take this call on my phone")
    here.phones["ann"].talks(2)
    here.hear({"ann": 2}, caller={"ann"}, ann={"caller"})

    scene.press("End the call")
    here.phones["caller"].is_over()
    here.phones["ann"].is_over(2)
    expect(page.get_by_role("heading", name="What happened")).to_be_visible()
    told = page.locator(".timeline")
    wait_for(lambda: page.reload() and "quality" in told.inner_text(), 15, "how lines sounded")
    assert "PCMA" in told.inner_text()
    expect(told).to_contain_text("The call was ended from its page")


def test_the_page_of_a_call_under_way_fits_a_phone_and_axe_finds_nothing(scene: Scene) -> None:
    page = scene.page
    for width, scheme in ((1440, "light"), (390, "dark"), (320, "light")):
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        page.reload()
        expect(page.locator("#control .parties li")).to_have_count(2)
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


COUNTED = """
window.notes = window.hushed = 0;
const start = OscillatorNode.prototype.start;
OscillatorNode.prototype.start = function (at) { window.notes += 1; return start.call(this, at); };
const disconnect = GainNode.prototype.disconnect;
GainNode.prototype.disconnect = function () { window.hushed += 1; return disconnect.call(this); };
"""


def test_programs_and_an_open_page_hear_of_calls(scene: Scene) -> None:
    # One scene for all three: making a company takes longer than what is shown with it.
    with receiver() as crm:
        secret = connect_program(scene.page, crm)
        key = read_with_key(scene)
        scene.here.phones["caller"].hang_up()
        scene.here.phones["ann"].is_over()
        check_told(scene, crm, secret)
    place_with_key(scene, key)
    ring_in_the_page(scene)


def connect_program(page: Page, crm: Receiver) -> str:
    page.goto("/integrations/new")
    page.get_by_label("Name", exact=True).fill("CRM")
    page.get_by_label("Address").fill(crm.url)
    page.get_by_role("button", name="Add the webhook").click()
    secret = page.locator("#secret").inner_text()
    page.get_by_role("button", name="Send a test").click()
    expect(page.locator("#sent")).to_contain_text("Arrived", timeout=15000)
    return secret


def check_told(scene: Scene, crm: Receiver, secret: str) -> None:
    wait_for(lambda: len(crm.bodies) > 1, 15, "the end of the call, told")
    told = json.loads(crm.bodies[-1])
    assert (told["event"], told["data"]["id"]) == ("call.ended", scene.call)
    assert told["data"]["user"]["name"] == "Ann"
    given = crm.headers[-1]["Carillon-Signature"]
    at = given.partition(",")[0].removeprefix("t=")
    signed = hmac.new(secret.encode(), f"{at}.{crm.bodies[-1]}".encode(), "sha256").hexdigest()
    assert given == f"t={at},v1={signed}"


def read_with_key(scene: Scene) -> dict[str, str]:
    page = scene.page
    page.goto("/integrations/keys")
    page.get_by_label("Name").fill("CRM")
    for box in page.get_by_role("checkbox").all():
        box.check()
    page.get_by_role("button", name="Make the key").click()
    headers = {"Authorization": f"Bearer {page.locator('#secret').inner_text()}"}

    def told() -> dict[str, Any]:
        answer = page.context.request.get(f"/v1/calls/{scene.call}", headers=headers)
        found: dict[str, Any] = answer.json()["call"]
        return found

    wait_for(lambda: told()["status"] == "answered", 15, "the call, answered")
    assert "Ann picks up" in [line["text"] for line in told()["timeline"]]
    return headers


def place_with_key(scene: Scene, headers: dict[str, str]) -> None:
    here, ask = scene.here, scene.page.context.request
    users = ask.get("/v1/users", headers=headers).json()["users"]
    (ann,) = (each["id"] for each in users if each["name"] == "Ann")
    placed = ask.post(f"/v1/users/{ann}/calls", headers=headers, data={"to": "102"})
    assert placed.status == 201
    here.phones["ann"].talks(2)
    here.phones["ben"].talks()
    here.hear({"ann": 2}, ann={"ben"}, ben={"ann"})
    here.phones["ben"].hang_up()
    here.phones["ann"].is_over(2)


def ring_in_the_page(scene: Scene) -> None:
    page, here = scene.page, scene.here
    here.phones["ann"].stop()
    here.phones["ann"] = Softphone(scene.system, "ann", TONES["ann"], answers=False)
    page.add_init_script(COUNTED)
    page.goto("/me")
    page.get_by_role("link", name="Call preferences").click()
    page.get_by_role("radio", name="Marimba").check()
    page.get_by_role("button", name="Listen Marimba").click()
    wait_for(lambda: page.evaluate("window.notes") == 5, 5, "the tune, heard once")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("body[data-ringtone=marimba]")).to_be_attached()

    ben = here.phones["ben"]
    line = ben.dial("101")
    expect(page.locator("#ringing")).to_contain_text("your phone rings", timeout=15000)
    wait_for(lambda: page.evaluate("window.notes") >= 5, 10, "the page to ring")
    ben.hang_up(line)
    expect(page.locator("#ringing")).to_be_empty(timeout=15000)
    wait_for(lambda: page.evaluate("window.hushed") >= 1, 5, "the page to be silent again")

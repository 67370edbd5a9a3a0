"""The ringtones as Chromium computes them, and the page that rings with them."""

from __future__ import annotations

import functools
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
from playwright.sync_api import Page, sync_playwright

from carillon.portal.routing.personal import Ringtone
from carillon.portal.routing.preferences import RINGTONES

pytestmark = pytest.mark.system
APP = Path(__file__).parents[2] / "carillon" / "portal" / "site" / "static" / "app"
NAMES = [name for name in get_args(Ringtone) if name]
COMPOSE = """async (name) => {
  const tunes = await import("/ringtones.js");
  const context = new OfflineAudioContext(1, 44100 * 6, 44100);
  const again = tunes.compose(context, name, 0, context.destination);
  const sound = (await context.startRendering()).getChannelData(0);
  const loud = (from, to) => sound.slice(from * 44100, to * 44100).reduce(
    (most, each) => Math.max(most, Math.abs(each)), 0);
  return { again, peak: loud(0, 6), tail: loud(again - 0.1, again), crossings: Array.from(sound).filter(
    (each, at) => at && each < 0 && sound[at - 1] >= 0).length };
}"""


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    handler = functools.partial(_Quiet, directory=str(APP))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    with sync_playwright() as play:
        flags = ["--no-sandbox", "--disable-gpu"]
        chromium = play.chromium.launch(executable_path="/usr/bin/chromium", args=flags)
        opened = chromium.new_page()
        opened.goto(f"http://127.0.0.1:{server.server_address[1]}/favicon.svg")
        yield opened
        chromium.close()
    server.shutdown()
    thread.join()
    server.server_close()


def test_every_ringtone_is_heard_ends_before_it_begins_again_and_is_its_own(page: Page):
    assert [name for name, _label in RINGTONES if name] == NAMES
    found = {name: page.evaluate(COMPOSE, name) for name in NAMES}
    for name, sound in found.items():
        assert 0.1 < sound["peak"] < 0.95, f"{name}: heard, and not distorted"
        assert sound["tail"] < 0.01, f"{name}: a pause before the next round"
        assert 2 <= sound["again"] <= 5, name
    assert len({sound["crossings"] for sound in found.values()}) == len(NAMES)

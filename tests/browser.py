"""A telephone in a browser: JsSIP in Chromium, over WebSocket, ICE, DTLS-SRTP and whatever codec is asked."""

from __future__ import annotations

import contextlib
import functools
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

from carillon.media.wav import write_wav
from tests.system import PASSWORD, Samples, System, wait_for

HERE = Path(__file__).parent
VENDOR = HERE.parent / "carillon" / "portal" / "site" / "static" / "vendor"
FLAGS = [
    "--no-sandbox",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
    "--allow-loopback-in-peer-connection",
]
LOOK_SECONDS = 0.04
NEAR_HERTZ = 20.0


class BrowserPhone:
    """One page with one registered phone, that answers every call."""

    def __init__(self, page: Page, system: System) -> None:
        self.page = page
        self._system = system

    def register(self, user: str = "ann", codec: str = "", password: str = PASSWORD) -> None:
        """Sign in over WebSocket; `codec` alone is offered and answered, "": all."""
        url = f"ws://127.0.0.1:{self._system.config.sip_ws_port}/"
        wanted = [url, f"acme-{user}", password, codec]
        assert self.page.evaluate("(given) => phone.start(...given)", wanted)

    def call(self, number: str) -> None:
        """Call a number."""
        self.page.evaluate("(number) => phone.call(number)", f"sip:{number}@127.0.0.1")

    def press(self, key: str) -> None:
        """Press a key, as RFC 4733."""
        options = {"transportType": "RFC2833", "duration": 120}
        self.page.evaluate(
            "([key, options]) => phone.session.sendDTMF(key, options)", [key, options]
        )

    def do(self, name: str) -> None:
        """Hold, unhold or terminate the call."""
        self.page.evaluate("(name) => { phone.session[name](); }", name)

    def events(self) -> list[str]:
        """Return what happened to its calls, in order."""
        return [name for name, _ in self.page.evaluate("phone.events")]

    def wait_for(self, event: str, seconds: float = 15.0) -> None:
        """Wait until something happened to its call."""
        wait_for(lambda: event in self.events(), seconds, f"{event} in the browser")

    def figures(self) -> dict[str, Any]:
        """Return what Chromium says of the connection."""
        found: dict[str, Any] = self.page.evaluate("phone.figures()")
        return found

    def seconds_of(self, hertz: float) -> float:
        """Return how long one tone was the loudest of what it heard."""
        heard = self.page.evaluate("phone.heard")
        return sum(abs(each - hertz) < NEAR_HERTZ for each in heard) * LOOK_SECONDS

    def wait_to_hear(self, hertz: float, seconds: float = 1.0) -> None:
        """Wait until it has heard a tone for so long."""
        why = f"the browser to hear {hertz} Hz"
        wait_for(lambda: self.seconds_of(hertz) >= seconds, 15, why)

    def forget_sound(self) -> None:
        """Count what is heard from now on."""
        self.page.evaluate("() => { phone.heard.length = 0; }")


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextlib.contextmanager
def _served(folder: Path) -> Iterator[str]:
    """Serve a folder: only a page from this machine's own address may speak to it by WebSocket."""
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(_Quiet, directory=str(folder))
    )
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/phone.html"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextlib.contextmanager
def browser_phone(system: System, folder: Path, says: Samples) -> Iterator[BrowserPhone]:
    """Open a page whose microphone says `says` over and over."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "says.wav").write_bytes(write_wav(says))
    (library,) = VENDOR.glob("jssip-*/jssip.min.js")
    scripts = library.read_text(), (HERE / "browser_phone.js").read_text()
    page = "".join(f"<script>{script.replace('</script', '')}</script>" for script in scripts)
    (folder / "phone.html").write_text(f"<!doctype html><meta charset=utf-8>{page}")
    flags = [*FLAGS, f"--use-file-for-fake-audio-capture={folder / 'says.wav'}"]
    with _served(folder) as url, sync_playwright() as play:
        chromium = play.chromium.launch(executable_path="/usr/bin/chromium", args=flags)
        try:
            opened = chromium.new_page()
            faults: list[str] = []
            opened.on("pageerror", lambda error: faults.append(str(error)))
            opened.goto(url)
            yield BrowserPhone(opened, system)
            assert not faults, faults
        finally:
            chromium.close()

"""JsSIP in Chromium registers over WebSocket, plain and secured, is rung, leaves and comes back."""

from __future__ import annotations

import contextlib
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright

from tests.system import PASSWORD, System, acme, running, tone, wait_for

pytestmark = pytest.mark.system

JSSIP = next(
    (Path(__file__).parents[2] / "carillon/portal/site/static/vendor").glob("jssip-*/jssip.min.js")
)
PAGE = b"""<!doctype html><meta charset="utf-8"><title>phone</title><script src="/jssip.js"></script><script>
const told = [];
let phone, call;
function start(url, name, password) {
  const socket = new JsSIP.WebSocketInterface(url);
  phone = new JsSIP.UA({
    sockets: [socket], uri: `sip:${name}@127.0.0.1`, password, register: true, register_expires: 120,
    connection_recovery_min_interval: 1, connection_recovery_max_interval: 1,
  });
  for (const event of ["connected", "disconnected", "registered", "unregistered", "registrationFailed"])
    phone.on(event, () => told.push(event));
  phone.on("newRTCSession", ({session}) => {
    told.push("ring:" + session.remote_identity.uri.user);
    call = session;
    session.on("failed", ({cause}) => told.push("failed:" + cause));
  });
  phone.start();
}
</script>"""


class _Pages(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        script = self.path.endswith(".js")
        self.send_response(200)
        self.send_header("Content-Type", "text/javascript" if script else "text/html")
        self.end_headers()
        self.wfile.write(JSSIP.read_bytes() if script else PAGE)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextlib.contextmanager
def browser_page() -> Iterator[Page]:
    """Open the phone's page, really served from loopback: other pages may not connect there."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Pages)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    flags = ["--no-sandbox", "--disable-gpu", "--ignore-certificate-errors"]
    try:
        with sync_playwright() as play:
            chromium = play.chromium.launch(executable_path="/usr/bin/chromium", args=flags)
            page = chromium.new_page()
            page.goto(f"http://127.0.0.1:{server.server_port}/")
            yield page
            chromium.close()
    finally:
        server.shutdown()
        server.server_close()


class BrowserPhone:
    """Ann's phone is a browser."""

    def __init__(self, page: Page, system: System, scheme: str) -> None:
        self._page = page
        self._system = system
        config = system.config
        port = config.sip_wss_port if scheme == "wss" else config.sip_ws_port
        url = f"{scheme}://127.0.0.1:{port}"
        page.evaluate("([url, word]) => start(url, 'acme-ann', word)", [url, PASSWORD])

    def told(self) -> list[str]:
        """Return what JsSIP has told so far."""
        return list(self._page.evaluate("told"))

    def wait(self, event: str, times: int = 1) -> None:
        """Wait until it has told something so often."""
        script = f"told.filter(each => each.startsWith({event!r})).length >= {times}"
        self._page.wait_for_function(script, timeout=15000)

    def do(self, script: str) -> None:
        """Do something in the page."""
        self._page.evaluate(script)


def registrations(system: System) -> list[str]:
    return [each.device for each in system.switch.status().registrations]


@pytest.mark.parametrize("scheme", ["ws", "wss"])
def test_a_browser_registers_is_rung_leaves_and_comes_back(tmp_path: Path, scheme: str) -> None:
    parts = ("media", "switch", "sandbox")
    with running(tmp_path / "data", *parts, plan=acme()) as system, browser_page() as page:
        system.prompt("away", tone(440, 0.2))
        phone = BrowserPhone(page, system, scheme)
        phone.wait("registered")
        assert registrations(system) == ["ann-phone"]

        caller = threading.Thread(target=system.call, kwargs={"stay_seconds": 0.5})
        caller.start()
        phone.wait("ring:")
        phone.do("call.terminate({status_code: 486, reason_phrase: 'Busy Here'})")
        phone.wait("failed:")
        caller.join()
        assert system.record().number == "1"

        # A tab that goes without a word cannot be rung; the same one is back as soon as there is a switch.
        system.kill("switch")
        phone.wait("disconnected")
        system.start("switch")
        phone.wait("registered", 2)
        assert registrations(system) == ["ann-phone"]
        phone.do("phone.stop()")
        wait_for(lambda: not registrations(system), 5, "the goodbye")
        assert "registrationFailed" not in phone.told()

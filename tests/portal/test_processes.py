"""The portal's two processes stop when they are told to, with a live page open too."""

from __future__ import annotations

import http.client
import http.cookiejar
import re
import signal
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.portal.process import Portal, portal

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    with portal(tmp_path_factory.mktemp("portal"), demo=True) as made:
        yield made


def session_of(made: Portal) -> str:
    """Sign in and return the cookies as a header."""
    jar = http.cookiejar.CookieJar()
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
    opener.open(f"{made.url}/sign-in", timeout=10).close()
    token = next(cookie.value for cookie in jar if cookie.name == "carillon_csrf")
    facts = {"email": made.email, "password": made.password, "csrfmiddlewaretoken": token}
    opener.open(f"{made.url}/sign-in", urllib.parse.urlencode(facts).encode(), 10).close()
    return "; ".join(f"{cookie.name}={cookie.value}" for cookie in jar)


def test_a_live_page_is_told_of_changes_and_does_not_hold_up_the_end(running: Portal):
    process = running.start("serve")
    running.wait_until_ready()
    stream = http.client.HTTPConnection("127.0.0.1", running.port, timeout=20)
    stream.request("GET", "/live", headers={"Cookie": session_of(running)})
    answer = stream.getresponse()
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    assert answer.readline() == b"retry: 3000\n"
    said = [answer.readline() for _ in range(4)]
    assert said[2] == b"event: calls\n", "what happened before the stream began is told"
    process.send_signal(signal.SIGTERM)
    assert process.wait(5) == 0
    stream.close()


def test_static_files_collected_at_the_start_are_served(running: Portal, tmp_path: Path):
    for file in (running.data / "static").rglob("*"):
        if file.is_file():
            file.unlink()
    process = running.start("serve")
    running.wait_until_ready()
    with urllib.request.urlopen(f"{running.url}/sign-in", timeout=10) as page:
        addresses = re.findall(r'(?:href|src)="(/static/[^"#]+)', page.read().decode())
    assert len(addresses) > 5
    for address in addresses:
        with urllib.request.urlopen(running.url + address, timeout=10) as answer:
            assert "immutable" in answer.headers["Cache-Control"], address
    process.send_signal(signal.SIGTERM)
    assert process.wait(5) == 0


def test_the_worker_waits_for_a_switch_that_is_down_and_stops_when_told(running: Portal):
    process = running.start("work")
    log = running.data / "work.log"
    while b"cannot be read" not in log.read_bytes():
        assert process.poll() is None, log.read_text()
    process.send_signal(signal.SIGTERM)
    assert process.wait(5) == 0


def test_nothing_is_spoken_twice(running: Portal):
    assert running.run("prepare").startswith("0 ")


def test_a_trunk_is_added_listed_and_removed(running: Portal):
    running.run("trunk", "add", "carrier", "--host", "192.0.2.1", "--transport", "tcp")
    assert "carrier: tcp 192.0.2.1:5060" in running.run("trunk", "list")
    running.run("trunk", "remove", "carrier")
    assert running.run("trunk", "list") == ""


def test_the_data_folder_is_nobody_elses(running: Portal, tmp_path: Path):
    assert (running.data / "secret").stat().st_mode & 0o077 == 0

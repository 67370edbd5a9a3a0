"""What is published on a page reaches the switch at once, and no call that is under way."""

from __future__ import annotations

import http.cookiejar
import re
import subprocess
import threading
import time
import urllib.parse
import urllib.request
from pathlib import Path

import pytest

from carillon.schema.events import CallArrived, MessageLeft
from carillon.schema.plan import Plan, VoicemailNode, read_plan
from tests.prepared import prepare
from tests.scenarios.test_run import CARILLON, Product
from tests.system import System, tone, wait_for

pytestmark = pytest.mark.system


class Visitor:
    """Somebody who signs in and sends forms, without a browser."""

    def __init__(self, url: str) -> None:
        self._url = url
        cookies = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self._opener = urllib.request.build_opener(cookies)
        self._token = ""

    def get(self, path: str) -> str:
        page = self.download(path).decode()
        found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        self._token = found[1] if found else self._token
        return page

    def download(self, path: str) -> bytes:
        with self._opener.open(self._url + path, timeout=20) as answer:
            found: bytes = answer.read()
        return found

    def post(self, path: str, **facts: str) -> None:
        facts["csrfmiddlewaretoken"] = self._token
        body = urllib.parse.urlencode(facts).encode()
        request = urllib.request.Request(self._url + path, body, {"Referer": self._url})
        with self._opener.open(request, timeout=20):
            pass


def in_force(system: System) -> Plan:
    """Return the plan the switch has taken over."""
    (path,) = (system.config.switch_state / "plans").glob("*.plan.json")
    return read_plan(path.read_bytes())


def takes_messages(plan: Plan, number: str) -> bool:
    node = plan.nodes[f"{number}.voicemail"]
    assert isinstance(node, VoicemailNode)
    return node.box is not None


def test_a_published_change_is_in_force_within_a_second_and_spares_calls_under_way(
    tmp_path: Path,
) -> None:
    product = Product(tmp_path / "data")
    prepare(product.system.config.data)
    try:
        product.start()
        system = product.system
        told = subprocess.run(
            [*CARILLON, "demo"], env=system.environ, capture_output=True, text=True, check=True
        ).stdout
        email = re.findall(r"sign in as\s+(\S+)", told)[0]
        password = re.findall(r"password\s+(\S+)", told)[0]
        plan = wait_for(lambda: in_force(system), 20, "the demo's plan")
        number = next(each for each in plan.numbers if takes_messages(plan, each.id))
        page = f"/numbers/{number.id.removeprefix('n')}"

        visitor = Visitor(system.config.portal_url)
        visitor.get("/sign-in")
        visitor.post("/sign-in", email=email, password=password)
        visitor.get(f"{page}?step=override")
        visitor.post(f"{page}/override", state="open")
        wait_for(lambda: in_force(system).version > plan.version, 10, "the number is open")

        first = threading.Thread(
            target=lambda: system.call(number.e164, when="beep", say=tone(440, 2.0))
        )
        first.start()
        wait_for(lambda: system.switch.status().calls, 10, "a call under way")

        visitor.post(f"{page}/voicemail/unanswered")
        # Confirmed: a test of the flow that is kept may expect the message that is no longer taken.
        visitor.post(f"{page}/publish", confirmed="yes")
        published_at = time.monotonic()
        wait_for(lambda: not takes_messages(in_force(system), number.id), 10, "the change")
        assert time.monotonic() - published_at < 1.0

        first.join(90)
        system.record(0, 30)
        system.call(number.e164, stay_seconds=0.5)
        system.record(1, 30)
        arrived = [e.event for e in system.entries() if isinstance(e.event, CallArrived)]
        left = [e.event for e in system.entries() if isinstance(e.event, MessageLeft)]
        assert arrived[0].plan_version < arrived[1].plan_version
        assert [message.call for message in left] == [arrived[0].call], "the first call's alone"
    finally:
        if product.process is not None:
            product.stop()

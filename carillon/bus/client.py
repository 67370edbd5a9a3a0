"""HTTP between our own processes, with the system's secret. Blocking: call from a thread where it matters."""

from __future__ import annotations

import http.client
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from carillon.schema.commands import (
    CanaryReport,
    Command,
    CommandAnswer,
    RunningPlan,
    SwitchStatus,
)
from carillon.schema.events import JournalPage, read_page
from carillon.schema.mailbox import ChangeMailbox, Mailbox, MailboxChanged, OpenMailbox
from carillon.schema.plan import Plan, PlanIndex, read_index, read_plan
from carillon.schema.sandbox import (
    ArmWish,
    CallResult,
    CallWish,
    DialWish,
    HandsWish,
    Listened,
    OutsidePhone,
    PhoneWish,
    ResultWish,
)

T = TypeVar("T")

TIMEOUT_SECONDS = 5.0
MAX_ANSWER_BYTES = 64 << 20


class Unreachable(Exception):
    """The other process does not answer, or answers nonsense; try again later."""


class NotUnderstood(Unreachable):
    """The answer is nonsense to this release, and would be so again."""


@dataclass(slots=True)
class _Door:
    url: str
    secret: str
    timeout: float = TIMEOUT_SECONDS

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        timeout: float | None = None,
    ) -> tuple[int, bytes, str]:
        """Return status, body and ETag; `Unreachable` when there is no answer."""
        parts = urllib.parse.urlsplit(self.url)
        connection = http.client.HTTPConnection(
            parts.hostname or "127.0.0.1", parts.port, timeout=timeout or self.timeout
        )
        every = {"Authorization": f"Bearer {self.secret}", **(headers or {})}
        try:
            connection.request(method, path, body=body, headers=every)
            answer = connection.getresponse()
            return answer.status, answer.read(MAX_ANSWER_BYTES), answer.getheader("ETag") or ""
        except (OSError, http.client.HTTPException) as error:
            raise Unreachable(f"{self.url}: {error}") from error
        finally:
            connection.close()

    def expect(
        self, method: str, path: str, body: bytes | None = None, timeout: float | None = None
    ) -> bytes:
        """Return the body of a 200; `Unreachable` on anything else."""
        status, answer, _ = self.ask(method, path, body, timeout=timeout)
        if status != 200:
            raise Unreachable(f"{self.url}{path}: {status} {answer[:200]!r}")
        return answer


class SwitchClient:
    """What portal and worker ask of a switch."""

    def __init__(self, url: str, secret: str, timeout: float = TIMEOUT_SECONDS) -> None:
        self._door = _Door(url, secret, timeout)

    def events(
        self, after: int, journal: str = "", limit: int = 500, wait: float = 0.0
    ) -> JournalPage:
        """Return what happened after a cursor, waiting up to `wait` seconds for something."""
        query = urllib.parse.urlencode(
            {"after": after, "journal": journal, "limit": limit, "wait": wait}
        )
        return _read(read_page, self._door.expect("GET", f"/events?{query}", timeout=wait + 5))

    def do(self, command: Command) -> CommandAnswer:
        """Send a command."""
        answer = self._door.expect("POST", "/commands", msgspec.json.encode(command))
        return _read(lambda b: msgspec.json.decode(b, type=CommandAnswer), answer)

    def status(self) -> SwitchStatus:
        """Ask how it is."""
        answer = self._door.expect("GET", "/status")
        return _read(lambda b: msgspec.json.decode(b, type=SwitchStatus), answer)

    def plans(self) -> tuple[RunningPlan, ...]:
        """Ask which plans it serves by."""
        answer = self._door.expect("GET", "/plans")
        return _read(lambda b: msgspec.json.decode(b, type=tuple[RunningPlan, ...]), answer)


class PortalClient:
    """What the switch asks of the portal."""

    def __init__(self, url: str, secret: str, timeout: float = TIMEOUT_SECONDS) -> None:
        self._door = _Door(url, secret, timeout)

    def index(self, etag: str = "") -> tuple[PlanIndex | None, str]:
        """Return the plan index and its ETag; None when it is still the one of `etag`."""
        status, body, new_etag = self._door.ask(
            "GET", "/internal/plans", headers={"If-None-Match": etag} if etag else None
        )
        if status == 304:
            return None, etag
        if status != 200:
            raise Unreachable(f"plan index: {status}")
        return _read(read_index, body), new_etag

    def plan(self, company: str) -> Plan:
        """Return a company's newest plan."""
        return _read(read_plan, self._door.expect("GET", f"/internal/plans/{company}"))

    def open_mailbox(self, wish: OpenMailbox) -> Mailbox:
        """Have a PIN checked, and hear the messages where it is right."""
        answer = self._door.expect("POST", "/internal/pin", msgspec.json.encode(wish))
        return _read(lambda b: msgspec.json.decode(b, type=Mailbox), answer)

    def change_mailbox(self, wish: ChangeMailbox) -> MailboxChanged:
        """Do something with a message."""
        answer = self._door.expect("POST", "/internal/mailbox", msgspec.json.encode(wish))
        return _read(lambda b: msgspec.json.decode(b, type=MailboxChanged), answer)


class SandboxClient:
    """What the portal, the command line and the tests ask of the sandbox carrier."""

    def __init__(self, url: str, secret: str, timeout: float = TIMEOUT_SECONDS) -> None:
        self._door = _Door(url, secret, timeout)

    def canary(self) -> CanaryReport | None:
        """Return the last canary call, None when there was none yet."""
        answer = self._door.expect("GET", "/canary")
        return _read(lambda b: msgspec.json.decode(b, type=CanaryReport | None), answer)

    def call(self, wish: CallWish, longest_seconds: float = 600.0) -> CallResult:
        """Place a call and wait for its end."""
        answer = self._door.expect("POST", "/call", msgspec.json.encode(wish), longest_seconds)
        return _read(lambda b: msgspec.json.decode(b, type=CallResult), answer)

    def arm(self, wish: ArmWish) -> None:
        """Say how an outside number answers from now on."""
        self._door.expect("POST", "/arm", msgspec.json.encode(wish))

    def result(self, wish: ResultWish) -> CallResult:
        """Wait for the next call to an armed number to end."""
        body = msgspec.json.encode(wish)
        answer = self._door.expect("POST", "/result", body, wish.wait_seconds + 5)
        return _read(lambda b: msgspec.json.decode(b, type=CallResult), answer)

    def by_hand(self, wish: HandsWish) -> None:
        """Let calls to an outside number ring until a person answers them."""
        self._door.expect("POST", "/hands", msgspec.json.encode(wish))

    def dial(self, wish: DialWish) -> OutsidePhone:
        """Place a call that a person lives; it goes on by itself."""
        answer = self._door.expect("POST", "/dial", msgspec.json.encode(wish))
        return _read(lambda b: msgspec.json.decode(b, type=OutsidePhone), answer)

    def phones(self, number: str) -> list[OutsidePhone]:
        """Return the calls to such a number, the newest last."""
        answer = self._door.expect("POST", "/phones", msgspec.json.encode(number))
        return _read(lambda b: msgspec.json.decode(b, type=list[OutsidePhone]), answer)

    def use(self, wish: PhoneWish) -> Listened:
        """Answer such a call, listen, press keys, speak or hang up."""
        answer = self._door.expect("POST", "/phone", msgspec.json.encode(wish))
        return _read(lambda b: msgspec.json.decode(b, type=Listened), answer)


def _read(reader: Callable[[bytes], T], document: bytes) -> T:
    try:
        return reader(document)
    except (ValueError, RecursionError) as error:
        raise NotUnderstood(f"not understood: {error}") from error

"""Is the whole system well? Asked by monitors every few seconds, so that nothing here may wait long."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from django.conf import settings
from django.utils.translation import gettext, gettext_noop

from carillon.bus.client import SandboxClient, SwitchClient, Unreachable
from carillon.schema.commands import CanaryReport, SwitchStatus

FRESH_SECONDS = 75.0
TIMEOUT_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a call might not go through: a sentence of the catalogue, and what fills it."""

    text: str
    facts: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.text % self.facts

    def translated(self) -> str:
        """Return it in the reader's language."""
        return gettext(self.text) % self.facts


@dataclass(frozen=True, slots=True)
class Health:
    """What was found; healthy when `reasons` is empty."""

    reasons: tuple[Reason, ...]
    status: SwitchStatus | None
    canary: CanaryReport | None
    canary_age: float | None = field(default=None)


def look() -> Health:
    """Ask the switch and the sandbox carrier at once; each has one second."""
    with ThreadPoolExecutor(max_workers=2) as both:
        asked_switch, asked_sandbox = both.submit(_status), both.submit(_canary)
        status, canary = asked_switch.result(), asked_sandbox.result()
    return judge(status, canary, time.time())


def judge(
    status: SwitchStatus | None, canary: CanaryReport | Unreachable | None, now: float
) -> Health:
    """Say what is wrong, in words for an operator."""
    reasons: list[Reason] = []
    if status is None:
        reasons.append(Reason(gettext_noop("the switch does not answer")))
    elif not status.media_connected:
        text = gettext_noop("the media process is not connected to the switch")
        reasons.append(Reason(text))
    report = None if isinstance(canary, Unreachable) else canary
    age = now - report.at if report else None
    if isinstance(canary, Unreachable):
        reasons.append(Reason(gettext_noop("the canary’s carrier does not answer")))
    elif report is None or age is None:
        reasons.append(Reason(gettext_noop("no canary call has been placed yet")))
    elif not report.healthy:
        text = gettext_noop("the last canary call failed: %(detail)s")
        reasons.append(Reason(text, {"detail": report.detail}))
    elif age > FRESH_SECONDS:
        text = gettext_noop("the last canary call is %(age)s s old")
        reasons.append(Reason(text, {"age": f"{age:.0f}"}))
    return Health(tuple(reasons), status, report, age)


def _status() -> SwitchStatus | None:
    config = settings.CONFIG
    client = SwitchClient(config.switch_url, config.secret(), TIMEOUT_SECONDS)
    try:
        return client.status()
    except Unreachable:
        return None


def _canary() -> CanaryReport | Unreachable | None:
    config = settings.CONFIG
    client = SandboxClient(config.sandbox_url, config.secret(), TIMEOUT_SECONDS)
    try:
        return client.canary()
    except Unreachable as error:
        return error

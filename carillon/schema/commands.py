"""Please do: what the portal asks of the switch, and what the switch answers about itself."""

from __future__ import annotations

import msgspec


class ReloadPlans(msgspec.Struct, frozen=True, tag="reload-plans"):
    """Fetch the plan index now instead of at the next poll."""


class HangUpCall(msgspec.Struct, frozen=True, tag="hang-up-call"):
    """End a call in progress, whatever it is doing."""

    call: str


Command = ReloadPlans | HangUpCall


class CommandAnswer(msgspec.Struct, frozen=True):
    """`done`, or why not, in a word a program can read: no-such-call."""

    done: bool
    reason: str = ""


class Registration(msgspec.Struct, frozen=True):
    """A phone that can be rung now."""

    device: str
    address: str
    user_agent: str
    expires_in_seconds: int


class LiveCall(msgspec.Struct, frozen=True):
    """A call in progress, for the operator's page."""

    call: str
    company: str
    direction: str
    caller: str
    called: str
    started_at: float
    state: str


class SwitchStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The switch about itself."""

    started_at: float
    ready: bool
    calls: tuple[LiveCall, ...] = ()
    registrations: tuple[Registration, ...] = ()
    plans: int = 0
    media_connected: bool = False
    troubles: tuple[str, ...] = ()
    journal_cursor: int = 0


class CanaryReport(msgspec.Struct, frozen=True, kw_only=True):
    """The last canary call: placed through the carrier, answered, and heard in both directions."""

    at: float
    healthy: bool
    detail: str = ""
    setup_ms: float = 0.0
    heard_caller: bool = False
    heard_callee: bool = False


def read_command(document: bytes) -> Command:
    """Read a command; ValueError (also of msgspec, or bad UTF-8) or RecursionError when it is not one."""
    command: Command = msgspec.json.decode(document, type=Command)
    return command

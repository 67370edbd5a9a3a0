"""What the switch asks of the portal for somebody who hears their messages by telephone, and the answers.

The switch is behind the system's secret; the PIN proves who the caller is, and only the portal knows it.
"""

from __future__ import annotations

import msgspec


class OpenMailbox(msgspec.Struct, frozen=True):
    """Check a user's PIN, and tell the messages where it is right."""

    company: str
    user: str
    pin: str


class MailboxMessage(msgspec.Struct, frozen=True):
    """One message. `path` is relative to `<data>/recordings`; `caller` an E.164, an extension, anonymous.

    `team`: it is in the box of a team the user is in; `of` is the team's id in the plan.
    """

    id: int
    path: str
    at: float
    caller: str
    urgent: bool = False
    heard: bool = False
    team: bool = False
    of: str = ""


class Mailbox(msgspec.Struct, frozen=True):
    """The answer. `verdict`: ok, wrong or locked; the messages in the order they are heard in."""

    verdict: str
    messages: tuple[MailboxMessage, ...] = ()


ACTS = ("heard", "deleted", "restored", "forwarded")


class ChangeMailbox(msgspec.Struct, frozen=True):
    """Do something with a message of a user who has proved who they are; `to` is another user."""

    company: str
    user: str
    act: str
    message: int
    to: str = ""


class MailboxChanged(msgspec.Struct, frozen=True):
    """Whether it was done."""

    done: bool

"""What a flow hears and what it asks for: the words between a course and whoever runs it."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

import msgspec

from carillon.schema.mailbox import MailboxMessage
from carillon.schema.plan import Number, Plan, Prompt, Target


class World(Protocol):
    """What a flow may look at outside the plan; the switch looks at phones, the simulator pretends."""

    def availability(self, user: str) -> str:
        """Return one of `STATES` for a user id."""

    def place(self) -> tuple[int, float]:
        """Return the caller's place in the line (1: next) and how many seconds it may take, 0 if unknown."""


STATES = ("free", "busy", "acw", "tag", "dnd", "off-hours", "no-phone")
"""Whether a user can be offered a call: on another one, working after one, owing a tag for one, away."""
AWAY = frozenset({"dnd", "off-hours", "no-phone"})
"""States that do not pass by themselves: nobody waits for such a user (A23)."""


class Context(msgspec.Struct, frozen=True):
    """Where and when a step is taken."""

    plan: Plan
    language: str
    at: datetime
    world: World
    answered: bool
    """Whether the caller's leg was answered already (after that, 180 cannot be sent)."""
    caller: str = ""
    """Who calls: E.164, an extension, or "anonymous"."""
    since: float = 0.0
    """When the call began: seconds since 1970."""
    priority: int = 0
    """Of the number the caller dialled."""


# -- events: what happened to the call -----------------------------------------------------------


class Played(msgspec.Struct, frozen=True):
    """The prompt or beep asked for is over."""


class Pressed(msgspec.Struct, frozen=True):
    """The caller pressed a key."""

    digit: str


class TimerFired(msgspec.Struct, frozen=True):
    """The timer of this name ran out."""

    name: str = ""


class Offered(msgspec.Struct, frozen=True):
    """The turn has come: these users are free, and are offered no other call meanwhile."""

    users: tuple[str, ...]


class NobodyLeft(msgspec.Struct, frozen=True):
    """None of the users waited for can be reached any more."""


class Picked(msgspec.Struct, frozen=True):
    """One of the rung phones was answered, by `who`."""

    who: str


class RingingEnded(msgspec.Struct, frozen=True):
    """No phone is ringing any more and none answered. `reason`: declined or failed."""

    reason: str


class Recorded(msgspec.Struct, frozen=True):
    """The recording stopped. `reason` as in `schema.mediacontrol.RecordingStopped`."""

    reason: str
    seconds: float
    digit: str = ""


class MailboxOpened(msgspec.Struct, frozen=True):
    """The portal looked at a PIN. `verdict`: ok, wrong, locked, or down where there is no answer."""

    verdict: str
    messages: tuple[MailboxMessage, ...] = ()


class MessageChanged(msgspec.Struct, frozen=True):
    """What was asked of a message is done, or could not be."""

    act: str
    done: bool


Happening = (
    Played
    | Pressed
    | TimerFired
    | Offered
    | NobodyLeft
    | Picked
    | RingingEnded
    | Recorded
    | MailboxOpened
    | MessageChanged
)

# -- commands: what the flow asks for ------------------------------------------------------------


class Play(msgspec.Struct, frozen=True):
    """Answer the caller if need be and play; `Played` follows."""

    prompts: tuple[Prompt, ...]


class PlayBeep(msgspec.Struct, frozen=True):
    """Play the beep; `Played` follows."""


class StopPlaying(msgspec.Struct, frozen=True):
    """Fall silent: no `Played` any more."""


class PlayWaiting(msgspec.Struct, frozen=True):
    """Let the caller hear that it rings: 180 before the answer, tone or music after."""

    music: Prompt | None = None


class Ring(msgspec.Struct, frozen=True):
    """Ring these users' phones and outside numbers together; `Picked` or `RingingEnded` follows."""

    targets: tuple[Target, ...]


class StopRinging(msgspec.Struct, frozen=True):
    """Stop every phone that still rings."""


class Seek(msgspec.Struct, frozen=True):
    """Wait for one of these users to be free; `Offered` follows, again and again until `StopSeeking`.

    `queue` names the line: the team's id, or the user's. `since`: who waits longer comes first, after whoever
    has more `priority`.
    """

    queue: str
    users: tuple[str, ...]
    strategy: str
    priority: int
    since: float


class Passed(msgspec.Struct, frozen=True):
    """The users offered did not take the call; `refused`: they are not to be offered it again."""

    refused: bool


class StopSeeking(msgspec.Struct, frozen=True):
    """Leave the line."""


class RequestCallback(msgspec.Struct, frozen=True):
    """Note that `e164` wants to be called back (A25)."""

    e164: str


class SetTimer(msgspec.Struct, frozen=True):
    """`TimerFired` after so many seconds, instead of any earlier timer of the same name."""

    seconds: float
    name: str = ""


class ClearTimer(msgspec.Struct, frozen=True):
    """No `TimerFired` any more, of any name."""


class Connect(msgspec.Struct, frozen=True):
    """Let the caller and whoever picked up talk."""


class Record(msgspec.Struct, frozen=True):
    """Record the caller for a box; `Recorded` follows."""

    box: str
    max_seconds: int
    silence_seconds: int
    stop_digits: str = "#"


class PlayRecording(msgspec.Struct, frozen=True):
    """Play what was just recorded; `Played` follows."""


class DropRecording(msgspec.Struct, frozen=True):
    """Forget what was just recorded."""


class KeepMessage(msgspec.Struct, frozen=True):
    """Put what was just recorded into its box."""

    urgent: bool = False


class Decide(msgspec.Struct, frozen=True):
    """Write a line of the call's timeline; `reason` is a key of `flows.reasons`."""

    node: str
    reason: str
    facts: dict[str, str] = {}


class AskMailbox(msgspec.Struct, frozen=True):
    """Have the portal check a user's PIN; `MailboxOpened` follows."""

    user: str
    pin: str


class ChangeMessage(msgspec.Struct, frozen=True):
    """Have the portal do something with a message (`schema.mailbox.ACTS`); `MessageChanged` follows."""

    user: str
    act: str
    message: int
    to: str = ""


class PlayMessage(msgspec.Struct, frozen=True):
    """Play prompts and then a message, `path` below the recordings; `Played` follows."""

    prompts: tuple[Prompt, ...]
    path: str


class HideKeys(msgspec.Struct, frozen=True):
    """Tell no history of the keys from here on: they are a secret. Or tell them again."""

    hidden: bool


class ChooseAvailability(msgspec.Struct, frozen=True):
    """Turn a user's do-not-disturb on or off."""

    user: str
    available: bool


class BecomeNumber(msgspec.Struct, frozen=True):
    """From here on the call is one to another number of the company: its recording rules, its name."""

    number: Number


class GoTo(msgspec.Struct, frozen=True):
    """Enter another node; only a node asks for it, the course does it."""

    node: str


class End(msgspec.Struct, frozen=True):
    """Hang up on the caller."""


Asked = (
    Play
    | PlayBeep
    | StopPlaying
    | PlayWaiting
    | Ring
    | StopRinging
    | Seek
    | Passed
    | StopSeeking
    | RequestCallback
    | SetTimer
    | ClearTimer
    | Connect
    | Record
    | PlayRecording
    | DropRecording
    | KeepMessage
    | Decide
    | AskMailbox
    | ChangeMessage
    | PlayMessage
    | HideKeys
    | ChooseAvailability
    | BecomeNumber
    | GoTo
    | End
)


class Run(Protocol):
    """A node being lived through by one call."""

    def enter(self, context: Context) -> list[Asked]:
        """Begin."""

    def step(self, event: Happening, context: Context) -> list[Asked]:
        """Take what happened; an event that means nothing here asks for nothing."""

"""Please do: what the portal asks of the switch, and what the switch answers about itself."""

from __future__ import annotations

import msgspec

from carillon.schema.plan import Prompt, Target


class ReloadPlans(msgspec.Struct, frozen=True, tag="reload-plans"):
    """Fetch the plan index now instead of at the next poll."""


class HangUpCall(msgspec.Struct, frozen=True, tag="hang-up-call"):
    """End a call in progress, whatever it is doing."""

    call: str


class PlaceCall(msgspec.Struct, frozen=True, tag="place-call"):
    """Ring a user's phones (or one `device`) and, once answered, call `dialled` as if from there."""

    company: str
    user: str
    dialled: str
    device: str = ""


class HoldCall(msgspec.Struct, frozen=True, tag="hold-call"):
    """Let a leg put the others on hold (they hear music), or go on."""

    company: str
    call: str
    leg: str
    holding: bool = True


class TransferCall(msgspec.Struct, frozen=True, tag="transfer-call"):
    """Send whoever talks with `leg` to what that leg's user would reach by dialling `to`.

    With `leg` "" the caller is sent there, wherever the call is now (a redirect); then `user` dials.
    """

    company: str
    call: str
    to: str
    leg: str = ""
    user: str = ""


class JoinCalls(msgspec.Struct, frozen=True, tag="join-calls"):
    """Bring two calls of one user together: everybody but the user talks, or, `stay`, the user too."""

    company: str
    call: str
    other: str
    user: str
    stay: bool = False


class InviteParty(msgspec.Struct, frozen=True, tag="invite-party"):
    """Ring what `user` would reach by dialling `to`, and let it join the conversation."""

    company: str
    call: str
    to: str
    user: str


class DropLeg(msgspec.Struct, frozen=True, tag="drop-leg"):
    """Hang up on one party."""

    company: str
    call: str
    leg: str


class ParkCall(msgspec.Struct, frozen=True, tag="park-call"):
    """Park whoever talks with `leg`, in a `slot` ("01" to "99") or the first free one."""

    company: str
    call: str
    leg: str
    slot: str = ""


class TakeCall(msgspec.Struct, frozen=True, tag="take-call"):
    """Ring a user's phones and connect them to a call that is parked, or rings somebody else."""

    company: str
    call: str
    user: str


class CoachCall(msgspec.Struct, frozen=True, tag="coach-call"):
    """Let a user listen to a call, whisper to `to` (a leg of one of our users), or barge in.

    `mode`: listen, whisper, barge. Who is on the call already changes the mode.
    """

    company: str
    call: str
    user: str
    mode: str = "listen"
    to: str = ""


class RecordCall(msgspec.Struct, frozen=True, tag="record-call"):
    """Control the recording of a conversation. `action`: start, pause, resume, stop."""

    company: str
    call: str
    action: str
    user: str = ""


class PressKeys(msgspec.Struct, frozen=True, tag="press-keys"):
    """Send keys (0-9 * # A-D) to everybody `leg` talks with, as if pressed there."""

    company: str
    call: str
    leg: str
    keys: str


class CallOut(msgspec.Struct, frozen=True, tag="call-out"):
    """Let the system itself call somebody (R15, R69) and say `prompts`, `times` times over, then hang up.

    `to`: E.164, or a user's extension. Shown is `number` (an id), or the company's first. `purpose` ("code",
    "dictation"…) keeps the call out of the history people see. With a `ticket`, a beep follows the prompts
    and what is said is recorded, with the menu behind #: `MessageLeft` tells it, box `prompt:<ticket>`.
    """

    company: str
    to: str
    prompts: tuple[Prompt, ...]
    purpose: str
    number: str = ""
    language: str = "fr"
    times: int = 1
    ticket: str = ""


class PlaceCallback(msgspec.Struct, frozen=True, tag="place-callback"):
    """Put somebody who asked to be called back into the queue, with the place held since `since`.

    When the turn comes the agent is rung first, then `to`. `step` targets are those of the number's flow.
    """

    company: str
    callback: str
    number: str
    to: str
    since: float
    targets: tuple[Target, ...]


class ReleaseAgent(msgspec.Struct, frozen=True, tag="release-agent"):
    """A user has tagged the last call, or ends the after-call work early."""

    company: str
    user: str


class HoldAgent(msgspec.Struct, frozen=True, tag="hold-agent"):
    """A user owes `call` a tag and gets no other until `ReleaseAgent`: told again to a switch begun anew."""

    company: str
    user: str
    call: str


class TellMessages(msgspec.Struct, frozen=True, tag="tell-messages"):
    """How many messages wait in users' boxes, for the lamps of their phones: user to (new, old)."""

    company: str
    counts: dict[str, tuple[int, int]]


CallCommand = (
    HoldCall
    | TransferCall
    | JoinCalls
    | InviteParty
    | DropLeg
    | ParkCall
    | TakeCall
    | CoachCall
    | RecordCall
    | PressKeys
)
Command = (
    ReloadPlans
    | HangUpCall
    | PlaceCall
    | CallOut
    | PlaceCallback
    | ReleaseAgent
    | HoldAgent
    | TellMessages
    | CallCommand
)


class CommandAnswer(msgspec.Struct, frozen=True):
    """`done`, or why not, in a word a program can read (`REFUSALS`).

    `call` is the call that was begun, `slot` where one was parked.
    """

    done: bool
    reason: str = ""
    call: str = ""
    slot: str = ""


REFUSALS = (
    "no-such-call",
    "no-such-leg",
    "no-such-user",
    "no-phone",
    "not-talking",
    "not-possible-now",
    "bad-number",
    "slot-taken",
    "full",
    "not-allowed",
)
"""Never renamed: programs read them."""


class Registration(msgspec.Struct, frozen=True):
    """A phone that can be rung now."""

    device: str
    address: str
    user_agent: str
    expires_in_seconds: int


class LiveLeg(msgspec.Struct, frozen=True):
    """One party of a call in progress.

    `state`: calling (in the flow), ringing, talking, holding, waiting (put on hold or parked), listening,
    whispering.
    """

    leg: str
    who: str
    user: str | None
    state: str


class LiveCall(msgspec.Struct, frozen=True):
    """A call in progress. `recording`: on, paused or off."""

    call: str
    company: str
    direction: str
    caller: str
    called: str
    started_at: float
    state: str
    legs: tuple[LiveLeg, ...] = ()
    recording: str = "off"
    slot: str = ""


class SwitchStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The switch about itself."""

    started_at: float
    ready: bool
    calls: tuple[LiveCall, ...] = ()
    registrations: tuple[Registration, ...] = ()
    plans: int = 0
    media_connected: bool = False
    media_late_ms: float = 0.0
    """By how much a tick of sound was late at most, in the last few seconds."""
    tasks: int = 0
    turned_away: int = 0
    """Messages of new calls that were refused for being too many, since the start."""
    troubles: tuple[str, ...] = ()
    journal_cursor: int = 0


class RunningPlan(msgspec.Struct, frozen=True):
    """The plan a switch serves a company by; version 0: none. `refused`: why it took no newer one."""

    company: str
    version: int
    refused: str = ""


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

"""What happened, in the past tense. The switch writes events to its journal; the portal reads them.

Every event of a call carries `call` (its id), `seq` (1, 2, 3… within the call: a repeated pair is the
same event) and `at` (seconds since 1970, UTC). Events about the system itself have no call.
"""

from __future__ import annotations

import msgspec

SHOWN_PURPOSES = ("", "callback")


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """What every event of a call says."""

    call: str
    seq: int
    at: float


class CallArrived(Event, frozen=True, kw_only=True, tag="call-arrived"):
    """A call began. `direction`: inbound, outbound, internal. `number` is the company's number id."""

    company: str
    plan_version: int
    direction: str
    caller: str
    called: str
    caller_name: str = ""
    number: str | None = None
    user: str | None = None
    """The user who placed it, when it came from one of our phones."""
    trunk: str | None = None
    purpose: str = ""
    """Why the system itself called: code, dictation, callback. Only `SHOWN_PURPOSES` are shown to people."""
    callback: str = ""
    """The request it answers, as the portal names it."""


class Decided(Event, frozen=True, kw_only=True, tag="decided"):
    """The flow took a step. `reason` is a key of `carillon.flows.reasons`, `facts` fill its text."""

    node: str
    reason: str
    facts: dict[str, str] = {}


class LegStarted(Event, frozen=True, kw_only=True, tag="leg-started"):
    """We began to ring somebody. One of `user` with `device`, or `e164` with `trunk`."""

    leg: str
    user: str | None = None
    device: str | None = None
    e164: str | None = None
    trunk: str | None = None


class LegRang(Event, frozen=True, kw_only=True, tag="leg-rang"):
    """The far phone says it is ringing."""

    leg: str


class LegAnswered(Event, frozen=True, kw_only=True, tag="leg-answered"):
    """Somebody picked up, or the system itself answered the caller (leg "a")."""

    leg: str


class LegEnded(Event, frozen=True, kw_only=True, tag="leg-ended"):
    """A leg is over. `status` is SIP's (0 when it ended after an answer).

    How it sounded to whoever heard it: `mos` is 1.0 to 4.5, 0 where nothing was heard; `round_trip_ms` -1
    where the far end never said. `secured`: dtls, sdes or "" for plain.
    """

    leg: str
    status: int = 0
    cause: str = ""
    packets_received: int = 0
    packets_lost: int = 0
    jitter_ms: float = 0.0
    round_trip_ms: float = -1.0
    mos: float = 0.0
    codec: str = ""
    secured: str = ""


class DigitPressed(Event, frozen=True, kw_only=True, tag="digit-pressed"):
    """A key, from RFC 4733 or SIP INFO."""

    leg: str
    digit: str


class RecordingStarted(Event, frozen=True, kw_only=True, tag="recording-started"):
    """Sound is being written. `kind`: call or voicemail. `path` is relative to `<data>/recordings`."""

    recording: str
    kind: str
    path: str
    box: str | None = None


class RecordingEnded(Event, frozen=True, kw_only=True, tag="recording-ended"):
    """The file is complete, or `partial` with the reason why (disk-full, media-lost, switch-lost)."""

    recording: str
    seconds: float
    partial: bool = False
    reason: str = ""


class MessageLeft(Event, frozen=True, kw_only=True, tag="message-left"):
    """A voicemail message was kept; its sound is the recording of the same id."""

    box: str
    recording: str
    seconds: float
    urgent: bool = False
    partial: bool = False


class CallbackRequested(Event, frozen=True, kw_only=True, tag="callback-requested"):
    """The caller pressed star while waiting (A25): `e164` wants to be called, and holds the place."""

    number: str
    e164: str


class CallEnded(Event, frozen=True, kw_only=True, tag="call-ended"):
    """The last event of a call.

    `outcome`: answered, voicemail, missed, closed, refused, failed, abandoned, interrupted, callback (the
    caller asked for one), blocked.
    `by`: caller, callee, system.
    """

    outcome: str
    by: str = "system"
    detail: str = ""


class DeviceRegistered(msgspec.Struct, frozen=True, kw_only=True, tag="device-registered"):
    """A phone came on line, or answers again (told once, not at each refresh)."""

    at: float
    company: str
    device: str
    address: str
    user_agent: str = ""


class DeviceLost(msgspec.Struct, frozen=True, kw_only=True, tag="device-lost"):
    """A phone's registration ended or ran out, or it stopped answering."""

    at: float
    company: str
    device: str


class AvailabilityChosen(msgspec.Struct, frozen=True, kw_only=True, tag="availability-chosen"):
    """A user turned do-not-disturb on or off from a phone."""

    at: float
    company: str
    user: str
    available: bool


class HoursOverridden(msgspec.Struct, frozen=True, kw_only=True, tag="hours-overridden"):
    """A user opened or closed the whole company from a phone until `until` (0: no end), or took that back."""

    at: float
    company: str
    user: str
    open: bool | None
    until: float = 0.0


CALLERS_FLOOD = "callers-flood:"
"""The kind of trouble that a caller makes who calls without end; the company follows."""


class TroubleBegan(msgspec.Struct, frozen=True, kw_only=True, tag="trouble-began"):
    """Something the administrator should know. `kind`: recordings-disk-full, media-lost, plan-refused."""

    at: float
    kind: str
    detail: str = ""


class TroubleEnded(msgspec.Struct, frozen=True, kw_only=True, tag="trouble-ended"):
    """It is over."""

    at: float
    kind: str


CallEvent = (
    CallArrived
    | Decided
    | LegStarted
    | LegRang
    | LegAnswered
    | LegEnded
    | DigitPressed
    | RecordingStarted
    | RecordingEnded
    | MessageLeft
    | CallbackRequested
    | CallEnded
)
SystemEvent = (
    DeviceRegistered
    | DeviceLost
    | AvailabilityChosen
    | HoursOverridden
    | TroubleBegan
    | TroubleEnded
)
AnyEvent = CallEvent | SystemEvent


class JournalEntry(msgspec.Struct, frozen=True):
    """An event and its place in one switch's journal. Cursors only grow."""

    cursor: int
    event: AnyEvent


class JournalPage(msgspec.Struct, frozen=True):
    """The answer to "what happened after cursor N?". `journal` names the journal the cursors count."""

    journal: str
    entries: tuple[JournalEntry, ...] = ()


def write_entry(entry: JournalEntry) -> bytes:
    """Write one entry as one line of JSON, newline included."""
    return msgspec.json.encode(entry) + b"\n"


def read_entry(line: bytes) -> JournalEntry:
    """Read one line; ValueError (also of msgspec, or bad UTF-8) when it is torn or unknown."""
    return msgspec.json.decode(line, type=JournalEntry)


def read_page(document: bytes) -> JournalPage:
    """Read the answer of the switch's `/events`; raises as `read_entry` does."""
    return msgspec.json.decode(document, type=JournalPage)


def write_page(page: JournalPage) -> bytes:
    """Write the answer of the switch's `/events`."""
    return msgspec.json.encode(page)

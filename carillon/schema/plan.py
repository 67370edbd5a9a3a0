"""A company's routing, compiled: what the switch needs to place its calls, and nothing else.

The portal compiles one `Plan` per company; the switch keeps the newest on its own disk, and a call
keeps the plan it began with. A plan is immutable: a change makes a new version.
"""

from __future__ import annotations

import msgspec

PLAN_FORMAT = 1
"""Raised when a switch of the previous release could not read a plan any more."""


class Prompt(msgspec.Struct, frozen=True):
    """Something to be played: `key` names `<data>/prompts/<key>.wav` (8 kHz, 16 bit, mono)."""

    key: str
    text: str = ""
    seconds: float = 0.0


class Slot(msgspec.Struct, frozen=True):
    """Open from `start_minute` to `end_minute` of the local day, on `days` (0 = Monday).

    A slot that ends at or before its start runs into the next day.
    """

    days: tuple[int, ...]
    start_minute: int
    end_minute: int


class Hours(msgspec.Struct, frozen=True):
    """When a number is open, in its own time zone."""

    timezone: str
    always_open: bool = True
    slots: tuple[Slot, ...] = ()


class UserTarget(msgspec.Struct, frozen=True, tag="user"):
    """Ring every phone of one user."""

    user: str


class TeamTarget(msgspec.Struct, frozen=True, tag="team"):
    """Ring every available member of a team at once."""

    team: str


class OutsideTarget(msgspec.Struct, frozen=True, tag="outside"):
    """Ring a phone of the outside world, over a trunk; an `emergency` number is sent as it is."""

    e164: str
    emergency: bool = False


Target = UserTarget | TeamTarget | OutsideTarget


class RingStep(msgspec.Struct, frozen=True):
    """One line of "Sonne chez" (A18): whom, and for how long."""

    target: Target
    ring_seconds: int = 20


class HoursNode(msgspec.Struct, frozen=True, tag="hours"):
    """Fork on opening hours (A18)."""

    id: str
    hours: Hours
    open: str
    closed: str


class GreetingNode(msgspec.Struct, frozen=True, tag="greeting"):
    """Answer, play a prompt, go on; no prompt is passed over."""

    id: str
    prompt: Prompt | None
    then: str


class RingNode(msgspec.Struct, frozen=True, tag="ring"):
    """Ring the steps in order until somebody answers (A18).

    `respect_waiting_time` is A23: on, the full seconds pass even when nobody can be rung.
    """

    id: str
    steps: tuple[RingStep, ...]
    then: str
    respect_waiting_time: bool = False
    music: Prompt | None = None


class VoicemailNode(msgspec.Struct, frozen=True, tag="voicemail"):
    """Play a message, beep and record (R68); with no box, only the message and then the end."""

    id: str
    prompt: Prompt | None
    box: str | None
    max_seconds: int = 180


class HangUpNode(msgspec.Struct, frozen=True, tag="hangup"):
    """End the call."""

    id: str


Node = HoursNode | GreetingNode | RingNode | VoicemailNode | HangUpNode


class Number(msgspec.Struct, frozen=True):
    """A DID: who dials `e164` enters the flow at `entry`."""

    id: str
    e164: str
    name: str
    entry: str
    language: str = "fr"
    record_inbound: bool = False
    record_outbound: bool = False
    record_by_key: bool = True
    """Whether our people may record by pressing star 1 while talking, and pause by star 2."""
    music: tuple[Prompt, ...] = ()
    """What its callers hear on hold; the company's where there is none."""


class Device(msgspec.Struct, frozen=True):
    """A phone that registers. `ha1_*` are digests of username:realm:password, never the password."""

    id: str
    user: str
    username: str
    ha1_md5: str
    ha1_sha256: str
    label: str = ""


class User(msgspec.Struct, frozen=True):
    """A person in the company. `available` is false in do-not-disturb (A45)."""

    id: str
    name: str
    extension: str
    available: bool = True
    default_number: str | None = None
    box: str | None = None
    language: str = "fr"
    call_waiting: bool = False
    """Whether a second call may ring while the user talks."""
    may_coach: bool = False
    """Whether the user may listen to colleagues' calls from a phone."""


class Team(msgspec.Struct, frozen=True):
    """Users rung together."""

    id: str
    name: str
    members: tuple[str, ...] = ()


class Box(msgspec.Struct, frozen=True):
    """A voicemail box, of a number or a user."""

    id: str
    name: str
    greeting: Prompt | None = None


class DialRules(msgspec.Struct, frozen=True):
    """How the company's country writes numbers: French `0` and `00`, code 33."""

    country_code: str = "33"
    national_prefix: str = "0"
    international_prefix: str = "00"
    emergency: tuple[str, ...] = ("112",)
    """Numbers that are never refused and go out as dialled."""


class Limits(msgspec.Struct, frozen=True):
    """What the company's calls to the outside may not exceed, so that a stolen password costs little.

    `countries`: E.164 prefixes that may be called ("33", "44"…), none: every country. `denied` prefixes are
    refused whatever else is allowed (premium numbers). Zero: no bound.
    """

    outside_calls: int = 0
    calls_per_hour: int = 0
    countries: tuple[str, ...] = ()
    denied: tuple[str, ...] = ()


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """One company's routing at one version. Ids are strings, unique within the plan."""

    format: int = PLAN_FORMAT
    company: str
    version: int
    name: str
    language: str = "fr"
    timezone: str = "Europe/Paris"
    dial_rules: DialRules = DialRules()
    limits: Limits = Limits()
    numbers: tuple[Number, ...] = ()
    nodes: dict[str, Node] = {}
    users: tuple[User, ...] = ()
    teams: tuple[Team, ...] = ()
    devices: tuple[Device, ...] = ()
    boxes: tuple[Box, ...] = ()
    music: tuple[Prompt, ...] = ()
    """What somebody on hold hears, over and over."""
    system_prompts: dict[str, Prompt] = {}
    """By `<language>.<name>`: the sentences the system itself speaks, see `flows.sentences`."""


class Trunk(msgspec.Struct, frozen=True):
    """A link to a carrier: calls from `host`:`port` are its own; calls out are sent there.

    `accept_any_port` lets a carrier send from other ports of the same host. `host` may be a name, looked up
    now and then. Calls out take the trunk of the lowest `priority` that works and has room. `registers`:
    we tell the carrier where we are, with `username` and `password`.

    `number_format` is how numbers are written to it: plus (+33…), bare (33…), prefix (0033…) or national
    (01…, with the rules of `country_code`). `caller_id`: what it wants to hear of who calls: from (in
    From alone), asserted (also in P-Asserted-Identity) or username (From is our account).
    `max_calls` and `calls_per_second` bound what it may send us and we send it, 0: no bound of its own.
    `hears_inband`: it cannot send keys as events, so they are listened for.
    """

    id: str
    name: str
    host: str
    port: int = 5060
    transport: str = "udp"
    username: str = ""
    password: str = ""
    accept_any_port: bool = False
    sandbox: bool = False
    priority: int = 10
    registers: bool = False
    number_format: str = "plus"
    country_code: str = "33"
    caller_id: str = "asserted"
    max_calls: int = 0
    calls_per_second: int = 0
    hears_inband: bool = False


class PlanRef(msgspec.Struct, frozen=True):
    """One row of the index: this company's newest version."""

    company: str
    version: int


class PlanIndex(msgspec.Struct, frozen=True):
    """What the switch asks for first: which plans exist, and the trunks of the whole system."""

    plans: tuple[PlanRef, ...] = ()
    trunks: tuple[Trunk, ...] = ()


def write_plan(plan: Plan) -> bytes:
    """Write a plan as JSON, keys in order, so that equal plans are equal bytes."""
    return msgspec.json.encode(plan, order="sorted")


def read_plan(document: bytes) -> Plan:
    """Read a plan; `msgspec.ValidationError` or `msgspec.DecodeError` when it is not one."""
    return msgspec.json.decode(document, type=Plan)


def read_index(document: bytes) -> PlanIndex:
    """Read a plan index; raises as `read_plan` does."""
    return msgspec.json.decode(document, type=PlanIndex)

"""A company's routing, compiled: what the switch needs to place its calls, and nothing else.

The portal compiles one `Plan` per company; the switch keeps the newest on its own disk, and a call
keeps the plan it began with. A plan is immutable: a change makes a new version.
"""

from __future__ import annotations

import msgspec

from carillon.schema.emergency import ELSEWHERE

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


class SpecialDay(msgspec.Struct, frozen=True):
    """From `first` to `last` (ISO dates, both included) the weekly slots do not count.

    Open in `slots` (minutes of the day, from and to), closed all day where there are none.
    """

    first: str
    last: str
    name: str
    slots: tuple[tuple[int, int], ...] = ()
    public_holiday: bool = False


class Override(msgspec.Struct, frozen=True):
    """Somebody opened or closed for a while, whatever the hours say. `until`: epoch seconds, 0: no end."""

    open: bool
    until: float = 0.0
    by: str = ""


class Hours(msgspec.Struct, frozen=True):
    """When a number is open, in its own time zone.

    One order decides: the override, then special days (the first that fits), then the weekly slots.
    """

    timezone: str
    always_open: bool = True
    slots: tuple[Slot, ...] = ()
    special: tuple[SpecialDay, ...] = ()
    override: Override | None = None


class UserTarget(msgspec.Struct, frozen=True, tag="user"):
    """Ring every phone of one user."""

    user: str


class DeviceTarget(msgspec.Struct, frozen=True, tag="device"):
    """Ring one phone of a user."""

    device: str


class TeamTarget(msgspec.Struct, frozen=True, tag="team"):
    """Ring a team's available members, as its strategy says."""

    team: str


class OutsideTarget(msgspec.Struct, frozen=True, tag="outside"):
    """Ring a phone of the outside world, over a trunk; an `emergency` number is sent as it is.

    `confirm`: whoever picks up must press 1 to take the call, so that no voicemail swallows it.
    `show_caller`: the caller's number is shown there (A49), not the company's.
    """

    e164: str
    emergency: bool = False
    confirm: bool = False
    show_caller: bool = False


Target = UserTarget | DeviceTarget | TeamTarget | OutsideTarget


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


class Callback(msgspec.Struct, frozen=True):
    """A waiting caller may press star to be called back (A25).

    `confirm`: the number is read out, and another may be typed. `automatic`: the system calls back when the
    turn comes, up to `tries` times with `pause_minutes` between them; otherwise a person does.
    """

    confirm: bool = False
    automatic: bool = False
    tries: int = 3
    pause_minutes: int = 15


class Waiting(msgspec.Struct, frozen=True):
    """What waiting callers are told every `every_seconds`: their `position`, an `estimate` of the wait."""

    position: bool = False
    estimate: bool = False
    every_seconds: int = 30


class RingNode(msgspec.Struct, frozen=True, tag="ring"):
    """Ring the steps in order until somebody answers (A18).

    `respect_waiting_time` is A23: on, the full seconds pass even when nobody can be rung. `queue`: whoever is
    busy may become free within a step's seconds, and then takes the caller who waited longest.
    `together`: every step at once, each for its own seconds (R71).
    """

    id: str
    steps: tuple[RingStep, ...]
    then: str
    respect_waiting_time: bool = False
    music: Prompt | None = None
    queue: bool = False
    together: bool = False
    callback: Callback | None = None
    waiting: Waiting | None = None


class MenuNode(msgspec.Struct, frozen=True, tag="menu"):
    """A phone menu (A29, A36-A38) or the company's attendant (R48, R49).

    `greeting` is heard once, `prompt` again after `seconds` of silence, `replays` times; then the way is
    `then`. `keys` leads from 0-9 * # to nodes. `extensions`: a whole extension may be dialled at any moment.
    Without `prompt` and `greeting` the menu does not work (A36): the way is `then` at once.
    """

    id: str
    greeting: Prompt | None
    prompt: Prompt | None
    keys: dict[str, str]
    then: str
    extensions: bool = False
    seconds: float = 5.0
    replays: int = 1


class DirectoryNode(msgspec.Struct, frozen=True, tag="directory"):
    """Dial by name (R37, R49): the letters of a name on the keys; star, or nobody found: `then`."""

    id: str
    then: str


class UserNode(msgspec.Struct, frozen=True, tag="user-entry"):
    """Go on as if the user's extension had been dialled; `then` when the user is gone."""

    id: str
    user: str
    then: str


class NumberNode(msgspec.Struct, frozen=True, tag="number-entry"):
    """Go on in another number's flow, in its language; `then` when the number is gone."""

    id: str
    number: str
    then: str


class MailboxNode(msgspec.Struct, frozen=True, tag="mailbox"):
    """Voicemail and settings by phone (R24), behind the user's PIN; without `user` the extension is asked."""

    id: str
    user: str | None = None


class VoicemailNode(msgspec.Struct, frozen=True, tag="voicemail"):
    """Play a message, beep and record (R68); with no box, only the message and then the end.

    `dictation`: one of our own people records a prompt; nothing is said before, and nothing is urgent.
    """

    id: str
    prompt: Prompt | None
    box: str | None
    max_seconds: int = 180
    dictation: bool = False


class AnnounceNode(msgspec.Struct, frozen=True, tag="announce"):
    """Say something, `times` times with a pause between them, to whoever was called for it (R15, R69)."""

    id: str
    prompts: tuple[Prompt, ...]
    then: str
    times: int = 1
    pause_seconds: float = 1.5


class HangUpNode(msgspec.Struct, frozen=True, tag="hangup"):
    """End the call."""

    id: str


Node = (
    HoursNode
    | GreetingNode
    | RingNode
    | VoicemailNode
    | HangUpNode
    | MenuNode
    | DirectoryNode
    | UserNode
    | NumberNode
    | MailboxNode
    | AnnounceNode
)


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
    """Whether our people may record calls from outside by pressing star 1 while talking, pause by star 2."""
    record_outbound_by_key: bool = True
    """The same of the calls they make."""
    record_announcement: Prompt | None = None
    """What a caller hears before somebody is rung, and whoever is called on picking up, where it records."""
    kind: str = "classic"
    """classic, menu or attendant."""
    priority: int = 0
    """Callers of a number with more of it are served before those of others."""
    mandatory_tag: bool = False
    """Whether a call must be tagged before its user gets another (A26)."""
    music: tuple[Prompt, ...] = ()
    """What its callers hear on hold; the company's where there is none."""
    shown_by: tuple[str, ...] | None = None
    """The users whose calls to the outside may show it (A20, A31); None: everybody's."""


class Device(msgspec.Struct, frozen=True):
    """A phone that registers. `ha1_*` are digests of username:realm:password, never the password.

    `encryption` of its sound: "automatic" (keys are offered over TLS, plain sound where it will not have
    them), "required" (no call without), "off" (none is offered; a browser has it always).
    """

    id: str
    user: str
    username: str
    ha1_md5: str
    ha1_sha256: str
    label: str = ""
    encryption: str = "automatic"


class Address(msgspec.Struct, frozen=True):
    """Where help is sent in an emergency (R58)."""

    name: str
    street: str
    city: str
    postcode: str
    country: str
    unit: str = ""
    state: str = ""


class User(msgspec.Struct, frozen=True):
    """A person in the company. `available` is false in do-not-disturb (A45).

    `hours`: outside them the user is not rung (A45 "auto"). `entry`: the node where calls to the extension
    begin, "" for plain ringing and then the voicemail.
    """

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
    may_override: bool = False
    """Whether the user may open or close the company from a phone."""
    hours: Hours | None = None
    entry: str = ""
    after_call_seconds: int = 0
    """So long after a call of a number no other is offered (A49)."""
    listed: bool = True
    """Whether the dial-by-name directory has the user."""
    spoken: Prompt | None = None
    """The name, spoken."""
    address: Address | None = None
    """Where this user's phone is, when not at the company's address."""


STRATEGIES = ("all", "in-turn", "longest-idle", "round-robin")


class Team(msgspec.Struct, frozen=True):
    """Users rung together, or, by any `strategy` but "all", one after the other for `member_seconds` each."""

    id: str
    name: str
    members: tuple[str, ...] = ()
    strategy: str = "all"
    member_seconds: int = 15


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
    emergency: tuple[str, ...] = ELSEWHERE
    """Numbers that are never refused and go out as dialled."""


class Limits(msgspec.Struct, frozen=True):
    """What the company's calls to the outside may not exceed, so that a stolen password costs little.

    `countries`: E.164 prefixes that may be called ("33", "44"…), none: every country. `denied` prefixes are
    refused whatever else is allowed (premium numbers). `same_caller_a_minute` bounds what one caller from
    outside may do to the company. Zero: no bound.
    """

    outside_calls: int = 0
    calls_per_hour: int = 0
    countries: tuple[str, ...] = ()
    denied: tuple[str, ...] = ()
    same_caller_a_minute: int = 20


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
    address: Address | None = None
    blocked: tuple[str, ...] = ()
    """Callers who are hung up on (A68): E.164, or the beginning of one and a star."""
    block_anonymous: bool = False
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
    `hears_inband`: it cannot send keys as events, so they are listened for. `takes_location`: emergency calls
    bring it the caller's address (RFC 6442).
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
    takes_location: bool = False


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

"""A company's routing, compiled: what the switch needs to place its calls, and nothing else.

The portal compiles one `Plan` per company; the switch keeps the newest on its own disk, and a call
keeps the plan it began with. A plan is immutable: a change makes a new version.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property
from typing import TypeVar

import msgspec

from carillon.schema.carriers import (
    PlanIndex as PlanIndex,
)
from carillon.schema.carriers import (
    PlanRef as PlanRef,
)
from carillon.schema.carriers import (
    Trunk as Trunk,
)
from carillon.schema.carriers import (
    read_index as read_index,
)
from carillon.schema.emergency import ELSEWHERE
from carillon.schema.hours import (
    Hours as Hours,
)
from carillon.schema.hours import (
    Override as Override,
)
from carillon.schema.hours import (
    Slot as Slot,
)
from carillon.schema.hours import (
    SpecialDay as SpecialDay,
)
from carillon.schema.nodes import (
    AnnounceNode as AnnounceNode,
)
from carillon.schema.nodes import (
    Callback as Callback,
)
from carillon.schema.nodes import (
    DeviceTarget as DeviceTarget,
)
from carillon.schema.nodes import (
    DirectoryNode as DirectoryNode,
)
from carillon.schema.nodes import (
    GreetingNode as GreetingNode,
)
from carillon.schema.nodes import (
    HangUpNode as HangUpNode,
)
from carillon.schema.nodes import (
    HoursNode as HoursNode,
)
from carillon.schema.nodes import (
    MailboxNode as MailboxNode,
)
from carillon.schema.nodes import (
    MenuNode as MenuNode,
)
from carillon.schema.nodes import (
    Node as Node,
)
from carillon.schema.nodes import (
    NumberNode as NumberNode,
)
from carillon.schema.nodes import (
    OutsideTarget as OutsideTarget,
)
from carillon.schema.nodes import (
    Prompt as Prompt,
)
from carillon.schema.nodes import (
    RingNode as RingNode,
)
from carillon.schema.nodes import (
    RingStep as RingStep,
)
from carillon.schema.nodes import (
    Target as Target,
)
from carillon.schema.nodes import (
    TeamTarget as TeamTarget,
)
from carillon.schema.nodes import (
    UserNode as UserNode,
)
from carillon.schema.nodes import (
    UserTarget as UserTarget,
)
from carillon.schema.nodes import (
    VoicemailNode as VoicemailNode,
)
from carillon.schema.nodes import (
    Waiting as Waiting,
)

T = TypeVar("T")

PLAN_FORMAT = 1
"""Raised when a switch of the previous release could not read a plan any more."""


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
    dial_rules: DialRules | None = None
    """How this user writes numbers (A49); None: as the company does."""


STRATEGIES = ("all", "in-turn", "longest-idle", "round-robin")


class Team(msgspec.Struct, frozen=True):
    """Users rung together, or, by any `strategy` but "all", one after the other for `member_seconds` each."""

    id: str
    name: str
    members: tuple[str, ...] = ()
    strategy: str = "all"
    member_seconds: int = 15
    spoken: Prompt | None = None
    """Its name, for whoever hears a message that was left for it."""


class Box(msgspec.Struct, frozen=True):
    """A voicemail box, of a number, a team or a user."""

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


class Plan(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """One company's routing at one version. Ids are strings, unique within the plan.

    Whoever is asked for by an id is found in an index that is made when first asked, once for each plan.
    """

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
    """By `<language>.<name>`: the sentences the system itself speaks, see `sentence`."""

    def user(self, id: str | None) -> User | None:
        """Return a user, None when they are gone."""
        return self._users.get(id or "")

    def colleague(self, extension: str) -> User | None:
        """Return whoever has an extension."""
        return self._extensions.get(extension)

    def team(self, id: str) -> Team | None:
        """Return a team, None when it is gone."""
        return self._teams.get(id)

    def device(self, id: str) -> Device | None:
        """Return a phone, None when it is gone."""
        return self._devices.get(id)

    def box(self, id: str | None) -> Box | None:
        """Return a voicemail box."""
        return self._boxes.get(id or "")

    def number(self, id: str) -> Number | None:
        """Return a number, None when it is gone."""
        return self._numbers.get(id)

    def own_number(self, e164: str) -> Number | None:
        """Return the number the world dials so, None when it is not this company's."""
        return self._e164s.get(e164)

    @cached_property
    def _users(self) -> dict[str, User]:
        return _by(self.users, lambda each: each.id)

    @cached_property
    def _extensions(self) -> dict[str, User]:
        return _by((each for each in self.users if each.extension), lambda each: each.extension)

    @cached_property
    def _teams(self) -> dict[str, Team]:
        return _by(self.teams, lambda each: each.id)

    @cached_property
    def _devices(self) -> dict[str, Device]:
        return _by(self.devices, lambda each: each.id)

    @cached_property
    def _boxes(self) -> dict[str, Box]:
        return _by(self.boxes, lambda each: each.id)

    @cached_property
    def _numbers(self) -> dict[str, Number]:
        return _by(self.numbers, lambda each: each.id)

    @cached_property
    def _e164s(self) -> dict[str, Number]:
        return _by(self.numbers, lambda each: each.e164)

    def sentence(self, language: str, name: str) -> Prompt | None:
        """Return one of the system's own sentences; None where it does not exist."""
        return self.system_prompts.get(f"{language}.{name}")

    def sentences(self, language: str, *names: str) -> tuple[Prompt, ...]:
        """Return several of them, without those that do not exist."""
        found = (self.sentence(language, name) for name in names)
        return tuple(prompt for prompt in found if prompt is not None)


def _by(rows: Iterable[T], key: Callable[[T], str]) -> dict[str, T]:
    """Return the rows by a key; the first of two with the same is meant."""
    found: dict[str, T] = {}
    for row in rows:
        found.setdefault(key(row), row)
    return found


def write_plan(plan: Plan) -> bytes:
    """Write a plan as JSON, keys in order, so that equal plans are equal bytes."""
    return msgspec.json.encode(plan, order="sorted")


def read_plan(document: bytes) -> Plan:
    """Read a plan; `msgspec.ValidationError` or `msgspec.DecodeError` when it is not one."""
    return msgspec.json.decode(document, type=Plan)

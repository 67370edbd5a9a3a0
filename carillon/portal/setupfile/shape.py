"""What the file holds: names in place of ids, so that people can read it and another company can use it.

People are named by their extension, teams by their name, numbers as +33…, messages by their words.
"""

from __future__ import annotations

from typing import Any

import msgspec
import yaml

FORMAT = 1
LARGEST_FILE = 1_000_000
MOST_ENTRIES = 5000
# The compiled one writes a thousand people three times as fast; a machine may lack it.
_DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class CompanyEntry(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """What the whole company shares. `music` on hold is written as messages are."""

    name: str
    language: str = "fr"
    timezone: str = "Europe/Paris"
    country: str | None = None
    music: list[str] | None = None
    block_anonymous: bool | None = None
    main_number: str | None = None
    fax: str | None = None


class LimitsEntry(msgspec.Struct, forbid_unknown_fields=True):
    """What the company's phones may call."""

    outside_calls: int
    calls_per_hour: int
    everywhere_allowed: bool = False
    countries: list[str] = []
    denied: list[str] = []


class DayEntry(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """Days on which the whole company is closed, or open in `slots`: minutes of the day, from and to."""

    first: str
    last: str
    name: str
    slots: list[tuple[int, int]] = []


class BlockedEntry(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """A caller who is hung up on."""

    pattern: str
    note: str = ""


class TagEntry(msgspec.Struct, forbid_unknown_fields=True):
    """A label for calls."""

    name: str
    colour: str


class PhoneEntry(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """A phone; it gets a password of its own where it is made."""

    label: str
    encryption: str = "automatic"


class PersonEntry(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """Somebody with an extension. `shows`: the number shown when calling out, "" for any.

    `reached`: a document of `routing.personal` with names for ids; a phone's is its place in `phones`.
    """

    extension: str
    name: str
    email: str = ""
    language: str = ""
    call_waiting: bool = False
    role: str | None = None
    available: bool | None = None
    phones: list[PhoneEntry] | None = None
    shows: str | None = None
    greeting: str | None = None
    reached: dict[str, Any] | None = None


class TeamEntry(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """People rung together; `members` by extension."""

    name: str
    members: list[str] = []
    strategy: str | None = None
    member_seconds: int | None = None


class TestEntry(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """A call to be tried, on a `weekday` (0: Monday) or a `date`, and what must come of it.

    `expects` is one of `outcome`, `person` (an extension), `team` (a name) and `outside` (+33…).
    """

    name: str
    time: str
    expects: dict[str, str]
    weekday: int | None = None
    date: str | None = None
    caller: str = ""
    keys: str = ""
    everybody: str = "silent"


class IntegrationEntry(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """A webhook. Its secret is in no file: one that is made gets a new one, seen on its page by "New secret".

    `numbers`: those it takes, none given: all.
    """

    name: str
    url: str
    events: list[str]
    active: bool = True
    numbers: list[str] | None = None


class NumberEntry(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """A number the company has, and its flow: a document of `routing.documents` with names for ids."""

    number: str
    name: str
    language: str = "fr"
    flow: dict[str, Any] = {}
    tests: list[TestEntry] | None = None


class SetupFile(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """The whole file. What it does not mention stays; `days`, `blocked` and `tests` are taken whole."""

    carillon: int
    company: CompanyEntry | None = None
    limits: LimitsEntry | None = None
    days: list[DayEntry] | None = None
    blocked: list[BlockedEntry] | None = None
    tags: list[TagEntry] = []
    people: list[PersonEntry] = []
    teams: list[TeamEntry] = []
    numbers: list[NumberEntry] = []
    integrations: list[IntegrationEntry] = []


class Unreadable(ValueError):
    """The file is not a set-up; the text says where."""


class _Loader(yaml.SafeLoader):
    """Plain values only: an alias may stand for a file of any size."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.events.AliasEvent):
            raise yaml.constructor.ConstructorError(None, None, "no aliases", None)
        return super().compose_node(parent, index)


def write(setup: SetupFile) -> str:
    """Write a set-up as YAML."""
    found = msgspec.to_builtins(setup)
    text: str = yaml.dump(found, Dumper=_DUMPER, allow_unicode=True, sort_keys=False, width=100)
    return text


def read(document: bytes) -> SetupFile:
    """Read a set-up; `Unreadable` with words for people when it is not one."""
    if len(document) > LARGEST_FILE:
        raise Unreadable("1 MB")
    try:
        found = yaml.load(document.decode("utf-8"), Loader=_Loader)
        setup = msgspec.convert(found, type=SetupFile)
    except (yaml.YAMLError, msgspec.ValidationError, UnicodeDecodeError, RecursionError) as error:
        raise Unreadable(" ".join(str(error).split())[:300]) from error
    except (ValueError, OverflowError) as error:  # dates and numbers that are none
        raise Unreadable(str(error)[:300]) from error
    if setup.carillon != FORMAT:
        raise Unreadable(f"carillon: {setup.carillon}")
    lists: tuple[list[Any] | None, ...] = (setup.people, setup.teams, setup.numbers, setup.tags)
    lists += (setup.days, setup.blocked, setup.integrations)
    if max(len(each or ()) for each in lists) > MOST_ENTRIES:
        raise Unreadable("5000")
    return setup

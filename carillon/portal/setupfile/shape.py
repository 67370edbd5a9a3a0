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


class CompanyEntry(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """What the whole company shares."""

    name: str
    language: str = "fr"
    timezone: str = "Europe/Paris"


class PersonEntry(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """Somebody with an extension."""

    extension: str
    name: str
    email: str = ""
    language: str = ""
    call_waiting: bool = False


class TeamEntry(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """People rung together; `members` by extension."""

    name: str
    members: list[str] = []


class NumberEntry(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """A number the company has, and its flow: a document of `routing.documents` with names for ids."""

    number: str
    name: str
    language: str = "fr"
    flow: dict[str, Any] = {}


class SetupFile(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """The whole file. What it does not mention stays as it is."""

    carillon: int
    company: CompanyEntry | None = None
    people: list[PersonEntry] = []
    teams: list[TeamEntry] = []
    numbers: list[NumberEntry] = []


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
    text: str = yaml.safe_dump(found, allow_unicode=True, sort_keys=False, width=100)
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
    if max(len(setup.people), len(setup.teams), len(setup.numbers)) > MOST_ENTRIES:
        raise Unreadable("5000")
    return setup

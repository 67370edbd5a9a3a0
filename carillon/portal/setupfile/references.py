"""Ids in a flow's document <-> what people call them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from carillon.portal.companies.models import Company
from carillon.portal.extensions.models import Person, Team
from carillon.portal.refused import Refused
from carillon.portal.routing.documents import NumberFlow, read_flow, write_flow
from carillon.portal.routing.messages import keep_text
from carillon.portal.routing.models import Number, Prompt, SystemPrompt
from carillon.portal.routing.personal import PersonalFlow, read_personal, write_personal

MESSAGES = frozenset({"greeting", "message", "announcement"})
PIECE = "music-"
GONE = "?"
"""Whoever a flow names and who is no more: callers pass them over, there as here."""
Swap = Callable[[str, Any], Any]


@dataclass(frozen=True, slots=True)
class Book:
    """A company's people, teams, numbers and sounds, both ways round."""

    company: Company
    people: dict[int, str]
    teams: dict[int, str]
    numbers: dict[int, str]
    prompts: dict[str, Prompt]
    pieces: dict[str, str]
    """Built-in music: key -> name."""

    def named(self, flow: NumberFlow) -> dict[str, Any]:
        """Return a flow with names for ids; what is gone is named `GONE`."""
        document = msgspec.json.decode(write_flow(flow))
        found = self._walk(document, self._name, self._words)
        return dict(found)

    def numbered(self, document: dict[str, Any], language: str) -> NumberFlow:
        """Return the flow a document with names means; `Refused` names what does not exist."""
        found = self._walk(document, self._id, lambda key, value: self._key(key, value, language))
        try:
            return read_flow(msgspec.json.encode(found).decode())
        except msgspec.ValidationError as error:
            raise Refused("bad-flow", str(error)) from error

    def reached(self, flow: PersonalFlow, devices: list[int]) -> dict[str, Any]:
        """Return how somebody is reached with names for ids; a phone that is gone is left out."""
        places = {pk: place for place, pk in enumerate(devices, 1)}
        document = msgspec.json.decode(write_personal(flow))
        document["entries"] = [
            {**each, "device": places[each["device"]]} if each["type"] == "phone" else each
            for each in document["entries"]
            if each["type"] != "phone" or each["device"] in places
        ]
        return dict(self._walk(document, self._name, self._words))

    def personal(self, document: dict[str, Any], devices: list[int]) -> PersonalFlow:
        """Return what a document with names means; `Refused` names what does not exist."""
        found = self._walk(document, self._id, lambda key, value: value)
        entries = found.get("entries")
        for entry in entries if isinstance(entries, list) else ():
            if isinstance(entry, dict) and entry.get("type") == "phone":
                place = entry.get("device")
                if not isinstance(place, int) or not 1 <= place <= len(devices):
                    raise Refused("no-such", f"device: {place}")
                entry["device"] = devices[place - 1]
        try:
            return read_personal(msgspec.json.encode(found).decode())
        except (msgspec.ValidationError, TypeError) as error:
            raise Refused("bad-flow", str(error)) from error

    def words(self, key: str) -> str:
        """Return what a sound is called in the file, "" where it has no name."""
        return str(self._words("", key))

    def key(self, words: str, language: str) -> str:
        """Return the key of what the file calls so."""
        return self._key("message", words, language)

    def id_of(self, kind: str, name: str) -> int:
        """Return the id of a person, team or number by its name; 0 of one that is gone."""
        return int(self._id(kind, name))

    def _walk(self, value: Any, swap: Swap, message: Swap) -> Any:
        if isinstance(value, list):
            return [self._walk(each, swap, message) for each in value]
        if not isinstance(value, dict):
            return value
        kind = value.get("type", "")
        found: dict[str, Any] = {}
        for key, each in value.items():
            if key == "id" and isinstance(kind, str):
                found[key] = swap(kind, each)
            elif key in MESSAGES and not (isinstance(each, dict) and "type" in each):
                found[key] = message(key, each)
            elif key == "music":
                found[key] = self._music(each, message)
            else:
                found[key] = self._walk(each, swap, message)
        return found

    def _music(self, value: Any, message: Swap) -> Any:
        if isinstance(value, list):
            return [message("music", each) for each in value]
        return message("music", value)

    # -- out -------------------------------------------------------------------------------------

    def _name(self, kind: str, value: Any) -> Any:
        known = {"person": self.people, "team": self.teams, "number": self.numbers}.get(kind, {})
        return known.get(value, GONE)

    def _words(self, key: str, value: Any) -> Any:
        if value in self.pieces:
            return f"piece: {self.pieces[value]}"
        row = self.prompts.get(value)
        if row is None or not value:
            return ""
        return row.text if row.source == Prompt.Source.SPEECH else f"file: {row.key}"

    # -- in --------------------------------------------------------------------------------------

    def _id(self, kind: str, value: Any) -> Any:
        if value == GONE:
            return 0
        known = {"person": self.people, "team": self.teams, "number": self.numbers}.get(kind)
        found = next((pk for pk, name in (known or {}).items() if name == str(value)), None)
        if found is None:
            raise Refused("no-such", f"{kind}: {value}")
        return found

    def _key(self, key: str, value: Any, language: str) -> str:
        text = value if isinstance(value, str) else ""
        kind, _colon, rest = text.partition(": ")
        if kind == "piece":
            found = next((k for k, name in self.pieces.items() if name == rest), "")
            if not found:
                raise Refused("no-such", f"{key}: {rest}")
            return found
        if kind == "file":
            if rest not in self.prompts:
                raise Refused("no-such", f"{key}: {rest}")
            return rest
        return keep_text(self.company, text, language) if text.strip() else ""


def load_book(company: Company) -> Book:
    """Read a company's names; call inside `within(company)`."""
    pieces = SystemPrompt.objects.filter(name__startswith=PIECE)
    return Book(
        company=company,
        people=dict(Person.objects.values_list("pk", "extension")),
        teams=dict(Team.objects.values_list("pk", "name")),
        numbers=dict(Number.objects.values_list("pk", "e164")),
        prompts={row.key: row for row in Prompt.objects.order_by("id")},
        pieces={row.key: row.name.removeprefix(PIECE) for row in pieces},
    )

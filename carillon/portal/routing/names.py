"""What the ids and keys in a flow's document stand for: names for people, rows for messages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from django.utils.translation import gettext as _

from carillon.portal.extensions.models import Person, Team
from carillon.portal.routing.documents import (
    OPERATOR_EXTENSION,
    Action,
    HangUp,
    NumberFlow,
    Say,
    Target,
    ToDirectory,
    ToExtension,
    ToMailbox,
    ToMenu,
    ToNumber,
    ToOperator,
    ToOutside,
    ToPerson,
    ToTeam,
    ToVoicemail,
    Whose,
)
from carillon.portal.routing.models import MusicPiece, Number, Prompt, SystemPrompt
from carillon.portal.words import phone


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of music: `row` is what plays it."""

    name: str
    row: SystemPrompt | Prompt
    own: bool

    @property
    def is_default(self) -> bool:
        """Say whether it is what is heard where nothing was chosen."""
        return isinstance(self.row, SystemPrompt) and self.row.name == "music-calm"


@dataclass(frozen=True, slots=True)
class Names:
    """Everybody and everything a company's flows may name."""

    people: Mapping[int, Person] = field(default_factory=dict)
    teams: Mapping[int, Team] = field(default_factory=dict)
    numbers: Mapping[int, Number] = field(default_factory=dict)
    prompts: Mapping[str, Prompt] = field(default_factory=dict)
    music: Mapping[str, Piece] = field(default_factory=dict)
    """The built-in pieces and the company's own, by key."""

    def exists(self, action: Action) -> bool:
        """Say whether what an action leads to is still there."""
        match action:
            case ToPerson(id):
                return id in self.people
            case ToTeam(id):
                return id in self.teams
            case ToNumber(id):
                return id in self.numbers
            case ToVoicemail(box):
                return box is None or self.exists(box)
            case _:
                return True

    def target(self, action: Action) -> str:
        """Return the name of what an action leads to."""
        match action:
            case ToPerson(id):
                return self.people[id].name if id in self.people else _("somebody who is gone")
            case ToTeam(id):
                return self.teams[id].name if id in self.teams else _("a team that is gone")
            case ToNumber(id):
                return self.numbers[id].name if id in self.numbers else _("a number that is gone")
            case ToOutside(e164):
                return phone(e164)
            case ToMenu():
                return _("another menu")
            case ToDirectory():
                return _("the directory by name")
            case ToExtension():
                return _("an extension to be dialled")
            case ToMailbox():
                return _("voicemail by phone")
            case ToOperator():
                return _("the operator")
            case Say(message):
                return _("a message: %(text)s") % {"text": self.message(message)}
            case HangUp():
                return _("goodbye and the end of the call")
            case ToVoicemail(box):
                return self.box(box) or _("voicemail")

    def box(self, whose: Whose | None) -> str:
        """Name a box that is not the number's own; "" for the number's."""
        if whose is None:
            return ""
        if not self.exists(whose):
            return _("the number’s box (the one chosen is gone)")
        if isinstance(whose, ToTeam):
            return _("the box of the team %(name)s") % {"name": self.target(whose)}
        return _("the box of %(name)s") % {"name": self.target(whose)}

    def message(self, key: str) -> str:
        """Return what a message says, or the name of its file; "" for none."""
        row = self.prompts.get(key)
        return str(row) if row else ""

    def operator(self, flow: NumberFlow) -> Target | None:
        """Return the operator of a flow; whoever has extension 101 where no other was chosen."""
        if flow.operator is not None:
            return flow.operator
        found = (p for p in self.people.values() if p.extension == OPERATOR_EXTENSION)
        return next((ToPerson(person.pk) for person in found), None)


def load_names() -> Names:
    """Read the names of the current company."""
    return Names(
        people={person.pk: person for person in Person.objects.order_by("extension")},
        teams={team.pk: team for team in Team.objects.order_by("name")},
        numbers={number.pk: number for number in Number.objects.defer("draft").order_by("name")},
        prompts={prompt.key: prompt for prompt in Prompt.objects.order_by("id")},
        music=_music(),
    )


def _music() -> dict[str, Piece]:
    titles = {
        "music-calm": _("Calm"),
        "music-morning": _("Morning"),
        "music-evening": _("Evening"),
    }
    found = {
        row.key: Piece(titles.get(row.name, row.name.removeprefix("music-")), row, False)
        for row in SystemPrompt.objects.filter(language="", name__startswith="music-").order_by(
            "name"
        )
    }
    for piece in MusicPiece.objects.select_related("prompt").order_by("title", "id"):
        found[piece.prompt.key] = Piece(piece.title, piece.prompt, True)
    return found

"""The directory node: dial by name on a telephone's keys (R37, R49).

prompt --three letters, or fewer and #--> matches offered by their spoken names --1-8--> the user
  ^                                            | 9: the next ones     * anywhere: back
  +--nobody has that name, at most 3 times-----+
"""

from __future__ import annotations

import unicodedata

from carillon.flows.extensions import user_entry
from carillon.flows.saying import sentence
from carillon.flows.steps import (
    Asked,
    ClearTimer,
    Context,
    Decide,
    GoTo,
    Happening,
    Play,
    Played,
    Pressed,
    SetTimer,
    StopPlaying,
    TimerFired,
)
from carillon.schema.plan import DirectoryNode, Plan, Prompt, User

KEYS = {
    letter: key
    for key, letters in {
        "2": "abc",
        "3": "def",
        "4": "ghi",
        "5": "jkl",
        "6": "mno",
        "7": "pqrs",
        "8": "tuv",
        "9": "wxyz",
    }.items()
    for letter in letters
}
"""ITU-T E.161."""
UNFOLDED = str.maketrans({"œ": "oe", "æ": "ae", "ß": "ss", "ø": "o", "ł": "l", "đ": "d", "ı": "i"})
"""Letters that no decomposition takes apart."""
LETTERS = 3
MOST_OFFERED = 8
NEXT = "9"
PAUSE_SECONDS = 4.0
WAIT_SECONDS = 6.0
MOST_TRIES = 3


def spell(name: str) -> str:
    """Return a name as it is dialled: é is an e, whatever is no Latin letter is left out."""
    plain = unicodedata.normalize("NFKD", name.casefold().translate(UNFOLDED))
    return "".join(KEYS.get(letter, "") for letter in plain)


def matches(plan: Plan, dialled: str) -> list[User]:
    """Return the listed users one of whose names (first, last, any part) is dialled like this."""

    def has(user: User) -> bool:
        parts = user.name.replace("-", " ").split()
        # "Le Goff" may be dialled as LEG, or as GOF.
        rests = (" ".join(parts[place:]) for place in range(len(parts)))
        return any(spell(rest).startswith(dialled) for rest in rests)

    found = [user for user in plan.users if user.listed and user.extension and has(user)]
    return sorted(found, key=lambda user: (user.name.split()[-1:], user.name))


class DirectoryRun:
    """One caller looking for somebody."""

    def __init__(self, node: DirectoryNode) -> None:
        self._node = node
        self._dialled = ""
        self._found: list[User] = []
        self._tries = 0

    def enter(self, context: Context) -> list[Asked]:
        """Ask for the letters."""
        prompt = sentence(context, "directory")
        if prompt is None or not any(user.listed for user in context.plan.users):
            return [Decide(self._node.id, "directory.none"), GoTo(self._node.then)]
        return [Decide(self._node.id, "directory.play"), Play((prompt,))]

    def step(self, event: Happening, context: Context) -> list[Asked]:
        """Follow the picture above."""
        match event:
            case Pressed("*"):
                return self._back("directory.back")
            case Pressed(digit):
                return self._chosen(digit, context) if self._found else self._typed(digit, context)
            case Played():
                return [SetTimer(WAIT_SECONDS)]
            case TimerFired() if self._dialled and not self._found:
                return self._search(context)
            case TimerFired():
                return self._again(context, "directory.silence")
            case _:
                return []

    def _back(self, reason: str) -> list[Asked]:
        node = self._node
        return [ClearTimer(), StopPlaying(), Decide(node.id, reason), GoTo(node.then)]

    def _typed(self, digit: str, context: Context) -> list[Asked]:
        if digit == "#":
            return self._search(context) if self._dialled else []
        self._dialled += digit
        if len(self._dialled) < LETTERS:
            return [StopPlaying(), SetTimer(PAUSE_SECONDS)]
        return self._search(context)

    def _search(self, context: Context) -> list[Asked]:
        self._found = matches(context.plan, self._dialled)
        self._dialled = ""
        if not self._found:
            return self._again(context, "directory.nobody", "directory-nobody")
        facts = {"count": str(len(self._found))}
        return [ClearTimer(), Decide(self._node.id, "directory.found", facts), self._offer(context)]

    def _again(self, context: Context, reason: str, *first: str) -> list[Asked]:
        """Say what went wrong and begin anew, or give up."""
        self._tries += 1
        self._found = []
        if self._tries >= MOST_TRIES:
            return self._back(reason)
        said = (sentence(context, name) for name in (*first, "directory"))
        prompts = tuple(each for each in said if each is not None)
        return [ClearTimer(), Decide(self._node.id, reason), Play(prompts)]

    def _offer(self, context: Context) -> Asked:
        said: list[Prompt | None] = []
        for place, user in enumerate(self._found[:MOST_OFFERED], 1):
            said += [sentence(context, "for"), *spoken_name(context, user)]
            said += [sentence(context, "press"), sentence(context, f"digit-{place}")]
        if len(self._found) > MOST_OFFERED:
            said.append(sentence(context, "directory-next"))
        prompts = tuple(each for each in said if each is not None)
        return Play(prompts) if prompts else SetTimer(WAIT_SECONDS)

    def _chosen(self, digit: str, context: Context) -> list[Asked]:
        if digit == NEXT and len(self._found) > MOST_OFFERED:
            self._found = self._found[MOST_OFFERED:]
            return [ClearTimer(), self._offer(context)]
        place = "12345678".find(digit)
        if not 0 <= place < min(len(self._found), MOST_OFFERED):
            return []
        user = self._found[place]
        chosen = Decide(self._node.id, "directory.chosen", {"who": user.name})
        return [ClearTimer(), StopPlaying(), chosen, GoTo(user_entry(context.plan, user))]


def spoken_name(context: Context, user: User) -> list[Prompt | None]:
    """Return what names a user: the spoken name, else the extension, digit by digit."""
    if user.spoken is not None:
        return [user.spoken]
    digits = [sentence(context, f"digit-{digit}") for digit in user.extension]
    return [sentence(context, "extension"), *digits]

"""The articles: which there are, their text in each language, and finding words in them.

A text's first line is its title. `## ` begins a heading, `- ` a point, `1. ` a step; other lines are
paragraphs. A file per article and language lies in `articles/`.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "articles"
LANGUAGES = ("en", "fr")


@dataclass(frozen=True, slots=True)
class About:
    """What an article is about: `url` is the page where it is done, for whoever has the right `to`."""

    slug: str
    icon: str
    url: str = ""
    to: str = "see-own"


ARTICLES = (
    About("guide", "list-check", "wizard"),
    About("sign-in", "key"),
    About("secrets", "lock", "security"),
    About("call-handling", "route", "numbers", "see"),
    About("hours", "clock", "numbers", "see"),
    About("emergency-address", "alert-triangle", "wizard-emergency"),
    About("voicemail-greeting", "microphone", "wizard-voicemail"),
    About("voicemail-by-phone", "record-mail", "voicemail"),
    About("forwarding", "phone-outgoing", "me"),
    About("phone", "headset", "phone"),
    About("call-preferences", "settings", "me"),
    About("callback", "phone-call", "callbacks"),
    About("recording", "player-record", "numbers", "see"),
    About("apps", "phone", "me"),
    About("desk-phone", "device-landline-phone", "me"),
    About("programs", "link", "integrations", "edit"),
    About("browsers", "device-desktop"),
    About("trouble", "phone-off", "calls"),
)


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of an article. `kind`: heading, text, points, steps."""

    kind: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Article:
    """One article in one language."""

    about: About
    title: str
    blocks: tuple[Block, ...]
    folded: str
    """All its words in lower case without accents, for searching."""

    @property
    def first(self) -> str:
        """Return the first sentence, to show below the title."""
        return self.blocks[0].lines[0]


@cache
def articles(language: str) -> tuple[Article, ...]:
    """Return the articles in a language, English where there is none."""
    folder = FOLDER / (language if language in LANGUAGES else "en")
    return tuple(
        _read(about, (folder / f"{about.slug}.txt").read_text("utf-8")) for about in ARTICLES
    )


def find(language: str, words: str) -> list[Article]:
    """Return the articles with every word, those with one in the title first."""
    wanted = fold(words).split()[:10]
    found = [each for each in articles(language) if all(word in each.folded for word in wanted)]
    return sorted(found, key=lambda each: not any(word in fold(each.title) for word in wanted))


def fold(text: str) -> str:
    """Write a text in lower case without accents."""
    plain = unicodedata.normalize("NFKD", text.lower())
    return "".join(sign for sign in plain if not unicodedata.combining(sign)).replace("\u2019", "'")


def _read(about: About, text: str) -> Article:
    title, *lines = text.strip().split("\n")
    return Article(about, title, blocks(lines), fold(text))


def blocks(lines: list[str]) -> tuple[Block, ...]:
    """Return what lines make: headings, paragraphs, points, steps."""
    found: list[Block] = []
    for line in lines:
        kind, words = _kind(line)
        if found and kind == found[-1].kind and kind in ("points", "steps"):
            found[-1] = Block(kind, (*found[-1].lines, words))
        else:
            found.append(Block(kind, (words,)))
    return tuple(found)


def _kind(line: str) -> tuple[str, str]:
    if line.startswith("## "):
        return "heading", line[3:]
    if line.startswith("- "):
        return "points", line[2:]
    step = re.match(r"\d{1,2}\. ", line)
    return ("steps", line[step.end() :]) if step else ("text", line)

"""What a password, a PIN and an answer must be (R21, R23, R26): the page and the server ask this one file.

Pure: nothing here reads a clock, a file or the database. Where the guide leaves words open we read them so:

- "consecutive" and "repeated" are runs of three: aaa, 777, abc, 321, up or down;
- a passphrase (three words or more, 16 characters or more) needs no digit and no capital, may be long, and
  only runs of four count in it, as words have runs of their own (first, student).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from itertools import pairwise

SHORTEST_PASSWORD, LONGEST_PASSWORD, LONGEST_PASSPHRASE = 8, 32, 128
SHORTEST_PASSPHRASE, FEWEST_WORDS = 16, 3
SHORTEST_PIN, LONGEST_PIN = 6, 10
FEWEST_ANSWER_LETTERS = 4
LONGEST_INPUT = 200
SHORTEST_FACT = 4
"""A shorter name or number is found in too many good passwords by chance."""

PASSWORD = ("letter", "digit", "runs", "account", "capital", "length", "common")
PIN = ("digits", "repeated", "consecutive", "length")


def judge_password(password: str, facts: Iterable[str], *, common: bool) -> dict[str, bool]:
    """Say which of `PASSWORD` are met. `facts`: names, addresses, numbers; `common`: others' favourite."""
    password = password[:LONGEST_INPUT]
    phrase = is_passphrase(password)
    longest = LONGEST_PASSPHRASE if phrase else LONGEST_PASSWORD
    return {
        "letter": any(c.isascii() and c.isalpha() for c in password),
        "digit": phrase or any(c in "0123456789" for c in password),
        "runs": bool(password) and not has_run(password, 4 if phrase else 3),
        "account": bool(password) and not _tells(password, facts),
        "capital": phrase or any(c.isupper() or not (c.isalnum() or c.isspace()) for c in password),
        "length": SHORTEST_PASSWORD <= len(password) <= longest,
        "common": bool(password) and not common,
    }


def judge_pin(pin: str) -> dict[str, bool]:
    """Say which of `PIN` are met."""
    pin = pin[:LONGEST_INPUT]
    digits = bool(pin) and all(c in "0123456789" for c in pin)
    return {
        "digits": digits,
        "repeated": digits and not has_run(pin, 3, steps=(0,)),
        "consecutive": digits and not has_run(pin, 3, steps=(1, -1)),
        "length": SHORTEST_PIN <= len(pin) <= LONGEST_PIN,
    }


def judge_answer(answer: str) -> bool:
    """Say whether an answer has four letters or more, of any alphabet."""
    return sum(c.isalpha() for c in answer[:LONGEST_INPUT]) >= FEWEST_ANSWER_LETTERS


def is_passphrase(password: str) -> bool:
    """Say whether it is several words instead of one."""
    words = {word for word in password.lower().split() if word.isalpha()}
    return len(password) >= SHORTEST_PASSPHRASE and len(words) >= FEWEST_WORDS


def has_run(text: str, longest: int, steps: tuple[int, ...] = (0, 1, -1)) -> bool:
    """Say whether `longest` characters follow each other by one of `steps`: 0 same, 1 up, -1 down."""
    codes = [ord(c) for c in text.lower()]
    for step in steps:
        run = 1
        for before, after in pairwise(codes):
            # A sequence is of letters or digits: ()* is three keys, not a series.
            counts = after - before == step and (step == 0 or chr(after).isalnum())
            run = run + 1 if counts else 1
            if run >= longest:
                return True
    return False


def plain(text: str) -> str:
    """Return letters and digits only, without accents and capitals."""
    spread = unicodedata.normalize("NFKD", text.casefold())
    return "".join(c for c in spread if c.isalnum())


def _tells(password: str, facts: Iterable[str]) -> bool:
    said = plain(password)
    parts = {plain(part) for fact in facts for part in _parts(fact)}
    return any(part in said for part in parts if len(part) >= SHORTEST_FACT)


def _parts(fact: str) -> Iterable[str]:
    """Yield what of a fact must not be told: its words, an e-mail's name and house, a number's end."""
    yield fact
    digits = "".join(c for c in fact if c.isdigit())
    # A telephone number is recognised without its country code, too.
    yield digits[-8:] if len(digits) > 8 else ""
    yield from "".join(c if c.isalnum() else " " for c in fact).split()

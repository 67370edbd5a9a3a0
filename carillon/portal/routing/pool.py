"""The numbers the sandbox carrier can give: ranges that telephone authorities keep for fiction and tests."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from django.utils.translation import gettext_noop


@dataclass(frozen=True, slots=True)
class Range:
    """A country's numbers: `prefix` and then `digits` more."""

    country: str
    name: str
    prefix: str
    digits: int
    language: str
    timezone: str


RANGES: dict[str, Range] = {
    r.country: r
    for r in (
        Range("FR", gettext_noop("France"), "+3319900", 4, "fr", "Europe/Paris"),
        Range("BE", gettext_noop("Belgium"), "+322555", 4, "fr", "Europe/Brussels"),
        Range("GB", gettext_noop("United Kingdom"), "+442079460", 3, "en", "Europe/London"),
        Range("US", gettext_noop("United States"), "+120255501", 2, "en", "America/New_York"),
    )
}


def country_of(e164: str) -> str | None:
    """Return whose range a number is in; None for one the sandbox carrier cannot give."""
    for found in RANGES.values():
        rest = e164.removeprefix(found.prefix)
        if e164.startswith(found.prefix) and len(rest) == found.digits and _is_digits(rest):
            return found.country
    return None


def _is_digits(text: str) -> bool:
    return text.isascii() and text.isdigit()


def candidates(country: str, seed: str) -> Iterator[str]:
    """Yield every number of a country once, in an order that depends on `seed` only."""
    found = RANGES[country]
    order = list(range(10**found.digits))
    random.Random(f"{seed}:{country}").shuffle(order)
    for rest in order:
        yield f"{found.prefix}{rest:0{found.digits}d}"

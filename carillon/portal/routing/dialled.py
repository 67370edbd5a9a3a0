"""How numbers are dialled in each country: what stands before a national and an international one."""

from __future__ import annotations

from functools import cache

import phonenumbers

from carillon.portal.countries import NAMES
from carillon.schema import plan as p
from carillon.schema.emergency import ELSEWHERE, NUMBERS

DIAL_RULES: dict[str, p.DialRules] = {
    "FR": p.DialRules("33", "0", "00", NUMBERS["FR"]),
    "BE": p.DialRules("32", "0", "00", NUMBERS["BE"]),
    "GB": p.DialRules("44", "0", "00", NUMBERS["GB"]),
    "US": p.DialRules("1", "1", "011", NUMBERS["US"]),
}
"""Of the countries a company may be in."""


def country_code(country: str) -> str:
    """Return what numbers of a country begin with, "" where it has none."""
    found = phonenumbers.country_code_for_region(country)
    return str(found) if found else ""


@cache
def rules_of(country: str) -> p.DialRules | None:
    """Return how numbers are dialled in any country; None for what is no country."""
    known = DIAL_RULES.get(country)
    code = country_code(country) if country in NAMES else ""
    if known is not None or not code:
        return known
    facts = phonenumbers.PhoneMetadata.metadata_for_region(country)
    emergency = NUMBERS.get(country, ELSEWHERE)
    if facts is None:
        return p.DialRules(code, "", "00", emergency)
    # Several ways out of the country stand there as a pattern: one of them is preferred, or it is 00.
    abroad = facts.preferred_international_prefix or facts.international_prefix or ""
    abroad = abroad.replace("~", "")
    abroad = abroad if abroad.isdigit() else "00"
    return p.DialRules(code, facts.national_prefix or "", abroad, emergency)

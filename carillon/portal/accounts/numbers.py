"""Telephone numbers as people type them -> as we keep them."""

from __future__ import annotations

LONGEST_TYPED = 40


def e164_of(typed: str, country: str) -> str:
    """Return +33612345678 of 06 12 34 56 78 in France; "" when it is no telephone number."""
    import phonenumbers

    try:
        parsed = phonenumbers.parse(typed[:LONGEST_TYPED], country)
    except phonenumbers.NumberParseException:
        return ""
    if parsed.extension or not phonenumbers.is_possible_number(parsed):
        return ""
    return str(phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164))


def is_extension(typed: str) -> bool:
    """Say whether it is dialled inside a company."""
    return typed.isascii() and typed.isdigit() and typed[0] != "0" and len(typed) <= 6


def masked(e164: str) -> str:
    """Return a number that its owner recognises and others cannot use: only the last two digits."""
    from carillon.portal.words import phone

    shown, left = [], 2
    for character in reversed(phone(e164)):
        hide = character.isdigit() and left <= 0
        left -= character.isdigit()
        shown.append("•" if hide else character)
    return "".join(reversed(shown))

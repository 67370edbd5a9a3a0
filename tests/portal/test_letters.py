"""Every e-mail, in both languages, as text and as HTML: whole, translated, its facts no more than text."""

from __future__ import annotations

import copy
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.conf import LazySettings
from django.conf import settings as django_settings
from django.utils.html import escape

import carillon.portal
from carillon.portal.mail.compose import render

PORTAL = Path(carillon.portal.__file__).parent
FOUND = {
    path.stem for path in PORTAL.glob("*/templates/mail/*.txt") if not path.name.startswith("_")
}
NOBODY, LINK = "<b>Zoé & O’Neil</b>", "https://phones.example.com/there?a=1&b=2"
AT = datetime(2026, 5, 4, 12, 30, tzinfo=UTC)
CALL = {
    "who": NOBODY,
    "caller": "+33 6 12 34 56 78",
    "number": SimpleNamespace(name=NOBODY),
    "at": AT,
    "zone": "Europe/Paris",
    "twelve_hours": False,
    "link": LINK,
    "settings": LINK,
}
LETTERS: dict[str, dict[str, Any]] = {
    "activation": {
        "sign_up": SimpleNamespace(name=NOBODY, company=NOBODY, e164="+33199001234"),
        "link": LINK,
    },
    "appointment": {
        "who": NOBODY,
        "company": NOBODY,
        "email": "zoe@acme.example",
        "mobile": "+33612345678",
        "begins": AT,
    },
    "attention": {
        "count": 2,
        "first": NOBODY,
        "company": NOBODY,
        "troubles": [
            (
                SimpleNamespace(
                    found=SimpleNamespace(title=NOBODY, advice="…"),
                    row=SimpleNamespace(began_at=AT),
                    met=2,
                ),
                LINK,
            )
        ],
        "more": 1,
        "zone": "Europe/Paris",
        "link": LINK,
    },
    "emergency": {
        "company": NOBODY,
        "number": "112",
        "who": NOBODY,
        "phone": "desk",
        "address": NOBODY,
        "at": AT,
        "zone": "Europe/Paris",
        "link": LINK,
    },
    "invitation": {"name": NOBODY, "by": NOBODY, "company": NOBODY, "link": LINK},
    "lost-call": CALL,
    "new-message": {**CALL, "urgent": True, "seconds": 12.0, "attached": True},
    "reset": {"name": NOBODY, "link": LINK},
    "sign-up-known": {"name": NOBODY, "sign_in": LINK},
    "test": {"by": NOBODY},
    "webhook-failing": {"name": NOBODY, "url": LINK, "answer": "500", "link": LINK},
}
MISSING = "!!nothing here!!"


@pytest.fixture(autouse=True)
def loud(settings: LazySettings) -> None:
    """Let a fact a letter lacks be seen in it."""
    templates = copy.deepcopy(django_settings.TEMPLATES)
    templates[0]["OPTIONS"]["string_if_invalid"] = MISSING
    settings.TEMPLATES = templates


def test_every_letter_has_a_line_here_and_both_forms():
    assert set(LETTERS) == FOUND
    for kind in FOUND:
        (text,) = PORTAL.glob(f"*/templates/mail/{kind}.txt")
        assert text.with_suffix(".html").is_file(), kind


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("kind", sorted(LETTERS))
def test_a_letter_is_whole_in_each_language_and_what_people_typed_is_text(kind: str, language: str):
    subject, text, html = render(kind, language, LETTERS[kind])
    assert subject and "\n" not in subject
    assert len(text.split()) >= 8
    for form in (subject, text, html):
        assert MISSING not in form
        assert "{{" not in form and "{%" not in form
    assert NOBODY in subject + text
    assert "&amp;" not in text and "&#" not in text
    assert NOBODY not in html
    assert escape(NOBODY) in html
    assert f'lang="{language}"' in html
    facts = str(LETTERS[kind])
    if LINK in facts:
        assert LINK in text
        assert escape(LINK) in html


@pytest.mark.parametrize("kind", sorted(LETTERS))
def test_a_letter_speaks_the_readers_language(kind: str):
    french, english = (render(kind, language, LETTERS[kind]) for language in ("fr", "en"))
    assert all(a != b for a, b in zip(french, english, strict=True))

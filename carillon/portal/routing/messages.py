"""Messages of a company: texts read aloud and files of its own, kept as `Prompt` rows and named by key."""

from __future__ import annotations

import logging

from carillon.portal.companies.models import Company
from carillon.portal.refused import Refused
from carillon.portal.routing import speaking
from carillon.portal.routing.models import Prompt

log = logging.getLogger(__name__)

ATTENDANT = {
    "fr": (
        "Merci d'avoir appelé {company}. Si vous connaissez le numéro d'extension de votre "
        "destinataire, vous pouvez le composer à tout moment. Pour l'opérateur, appuyez sur 0. "
        "Pour le répertoire de composition par nom, appuyez sur 9."
    ),
    "en": (
        "Thank you for calling {company}. If you know the extension of the person you are calling, "
        "you may dial it at any time. For the operator, press 0. For the dial-by-name directory, "
        "press 9."
    ),
}
"""What callers of the company's attendant hear where nobody wrote anything else (R48)."""


def keep_text(company: Company, text: str, language: str) -> str:
    """Let a text be read aloud; return its key."""
    key, seconds = speaking.speak(text, language)
    facts = {"text": text, "language": language, "seconds": seconds}
    _keep(company, key, Prompt.Source.SPEECH, facts)
    return key


def keep_file(company: Company, filename: str, sound: bytes, language: str) -> str:
    """Keep an uploaded file; return its key."""
    key, seconds = speaking.keep_upload(sound)
    facts = {"filename": filename[-160:], "language": language, "seconds": seconds}
    _keep(company, key, Prompt.Source.UPLOAD, facts)
    return key


def attendant_greeting(company: Company, language: str) -> str:
    """Return the key of R48's greeting with the company's name; "" when it cannot be spoken."""
    text = ATTENDANT.get(language, ATTENDANT["en"]).format(company=company.name)
    try:
        return keep_text(company, text, language)
    except Refused as refused:
        log.warning("The attendant has no greeting yet: %s", refused)
        return ""


def _keep(company: Company, key: str, source: str, facts: dict[str, object]) -> None:
    # Equal sounds have equal keys: one row for each, with the newest words for it.
    row = Prompt.objects.filter(key=key).order_by("-id").first()
    if row is None:
        Prompt.everywhere.create(company=company, key=key, source=source, **facts)
        return
    Prompt.objects.filter(pk=row.pk).update(source=source, **facts)

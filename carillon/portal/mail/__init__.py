"""Messages by e-mail. Other apps need three names: `mail.send`, `mail.Attachment`, `mail.absolute`.

A kind is a pair of templates, `templates/mail/<kind>.txt` and `<kind>.html`, in any app. The text's first
line is the subject; the HTML extends `mail/letter.html`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from carillon.portal.mail.models import MailMessage


class Attachment(NamedTuple):
    """A file to send along."""

    name: str
    content_type: str
    content: bytes


def send(
    kind: str,
    to: str,
    language: str,
    context: Mapping[str, Any],
    attachments: Iterable[Attachment] = (),
) -> MailMessage:
    """Write a message in `language`; it leaves once the caller's transaction is certain.

    Attachments beyond 10 MB in all are left out: the text must say where else they are.
    """
    # Late: Django loads this package before models may be.
    from carillon.portal.mail.compose import write

    return write(kind, to, language, context, attachments)


def absolute(path: str) -> str:
    """Return a page's whole address: the configured one, never what a request claims its host is."""
    from django.conf import settings

    return f"{settings.CONFIG.public_url}{path}"

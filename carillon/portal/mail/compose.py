"""Writing messages: rendered in the reader's language, stored in the transaction of what they tell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.conf import settings
from django.template.loader import render_to_string
from django.utils import timezone, translation

from carillon.portal.mail import Attachment
from carillon.portal.mail.models import MailAttachment, MailMessage

LONGEST_SUBJECT = 200
MOST_ATTACHED_BYTES = 10 << 20


def write(
    kind: str,
    to: str,
    language: str,
    context: Mapping[str, Any],
    attachments: Iterable[Attachment] = (),
) -> MailMessage:
    """Write a message; see `mail.send`."""
    subject, text, html = render(kind, language, context)
    due = timezone.now() if settings.CONFIG.smtp else None
    message = MailMessage.objects.create(
        to=to, kind=kind, language=language, subject=subject, text=text, html=html, next_try_at=due
    )
    room = MOST_ATTACHED_BYTES
    for file in attachments:
        room -= len(file.content)
        if room >= 0:
            MailAttachment.objects.create(message=message, **file._asdict())
    return message


def render(kind: str, language: str, context: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return subject, text and HTML."""
    with translation.override(language):
        facts: dict[str, Any] = {
            **context,
            "site": settings.CONFIG.public_url,
            "language": language,
        }
        whole = render_to_string(f"mail/{kind}.txt", facts).strip()
        subject, _, text = whole.partition("\n")
        facts["subject"] = " ".join(subject.split())[:LONGEST_SUBJECT]
        html = render_to_string(f"mail/{kind}.html", facts)
    return facts["subject"], text.strip() + "\n", html

"""Sending what was written, over SMTP; what cannot be sent is tried again for two days, then given up."""

from __future__ import annotations

import ipaddress
import logging
import smtplib
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db import OperationalError, close_old_connections
from django.utils import timezone

from carillon.bus.config import Smtp
from carillon.portal.mail.models import MailMessage

log = logging.getLogger(__name__)

TIMEOUT_SECONDS = 20.0
ROUND_SECONDS = 2.0
MOST_PER_ROUND = 50
DELAYS = tuple(timedelta(minutes=m) for m in (1, 5, 15, 60, 240, 720, 1440))
"""How long after each failure in vain a message is tried again; after the last it is given up."""
KEPT = timedelta(days=30)
"""How long messages can be read in the outbox."""


def follow() -> None:
    """Deliver for ever, in a thread of its own: a slow server must not delay the history."""
    threading.Thread(target=_run, name="mail", daemon=True).start()


def _run() -> None:
    pause = threading.Event()
    while True:
        try:
            deliver()
        except OperationalError as error:
            log.warning("No mail is sent now: %s", error)
        except Exception:
            log.exception("a fault of ours while sending mail")
        close_old_connections()
        pause.wait(ROUND_SECONDS)


def deliver() -> int:
    """Send what is due over one connection; return how many left."""
    smtp: Smtp | None = settings.CONFIG.smtp
    if smtp is None:
        return 0
    due = list(
        MailMessage.objects.filter(next_try_at__lte=timezone.now()).order_by("id")[:MOST_PER_ROUND]
    )
    if not due:
        return 0
    sent = 0
    try:
        with _connected(smtp) as server:
            for message in due:
                sent += _send(server, smtp, message)
    except (OSError, smtplib.SMTPException) as error:
        # The server itself is at fault: what was not tried yet waits as well.
        for message in due:
            if message.sent_at is None and message.next_try_at is not None:
                _put_off(message, _told(error))
    return sent


def _send(server: smtplib.SMTP, smtp: Smtp, message: MailMessage) -> int:
    try:
        server.sendmail(smtp.envelope_from, [message.to], written(message, smtp))
    except smtplib.SMTPServerDisconnected:
        raise
    except (smtplib.SMTPRecipientsRefused, smtplib.SMTPResponseException) as error:
        code = _code(error)
        if 400 <= code < 500:
            _put_off(message, _told(error))
        else:
            _give_up(message, _told(error))
        return 0
    except (UnicodeError, ValueError) as error:
        _give_up(message, f"cannot be written as mail: {error}")
        return 0
    message.sent_at, message.next_try_at, message.error = timezone.now(), None, ""
    message.tries += 1
    message.save(update_fields=["sent_at", "next_try_at", "error", "tries"])
    message.attachments.all().delete()
    return 1


def written(message: MailMessage, smtp: Smtp) -> bytes:
    """Return the message as MIME: text, HTML, attachments."""
    headers = {
        "Content-Language": message.language,
        # RFC 3834 §5: no automatic answer to an automatic message.
        "Auto-Submitted": "auto-generated",
    }
    mail = EmailMultiAlternatives(
        message.subject, message.text, smtp.sender, [message.to], headers=headers
    )
    mail.attach_alternative(message.html, "text/html")
    for file in message.attachments.order_by("id"):
        mail.attach(file.name, bytes(file.content), file.content_type)
    # `sendmail` leaves bytes as they are: SMTP's line ends are ours to write.
    return mail.message().as_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


@contextmanager
def _connected(smtp: Smtp) -> Iterator[smtplib.SMTP]:
    """Open a connection, secured wherever the server can; a password never leaves it unsecured."""
    server: smtplib.SMTP
    if smtp.implicit_tls:
        context = ssl.create_default_context()
        server = smtplib.SMTP_SSL(smtp.host, smtp.port, timeout=TIMEOUT_SECONDS, context=context)
    else:
        server = smtplib.SMTP(smtp.host, smtp.port, timeout=TIMEOUT_SECONDS)
    with server:
        server.ehlo()
        secured = smtp.implicit_tls
        if not secured and server.has_extn("starttls") and not _is_here(smtp.host):
            server.starttls(context=ssl.create_default_context())
            server.ehlo()
            secured = True
        if smtp.username:
            if not secured and not _is_here(smtp.host):
                raise smtplib.SMTPException("the server offers no TLS: the password is not sent")
            server.login(smtp.username, smtp.password)
        yield server


def _is_here(host: str) -> bool:
    """Say whether the server is on this machine, where nobody listens in between."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _put_off(message: MailMessage, error: str) -> None:
    if message.tries >= len(DELAYS):
        _give_up(message, error)
        return
    message.next_try_at = timezone.now() + DELAYS[message.tries]
    message.tries += 1
    message.error = error
    message.save(update_fields=["next_try_at", "tries", "error"])


def _give_up(message: MailMessage, error: str) -> None:
    log.warning("Mail %s to %s cannot be sent: %s", message.kind, message.to, error)
    message.next_try_at, message.error = None, error
    message.tries += 1
    message.save(update_fields=["next_try_at", "tries", "error"])


def _code(error: smtplib.SMTPException) -> int:
    """Return the server's code; 4xx is worth another try (RFC 5321 §4.2.1)."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return next(iter(error.recipients.values()), (550, b""))[0]
    return error.smtp_code if isinstance(error, smtplib.SMTPResponseException) else 550


def _told(error: Exception) -> str:
    """Return an error as the operator reads it."""
    said: bytes | str
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, said = next(iter(error.recipients.values()), (550, b""))
    elif isinstance(error, smtplib.SMTPResponseException):
        code, said = error.smtp_code, error.smtp_error
    else:
        return (str(error) or type(error).__name__)[:300]
    text = said.decode(errors="replace") if isinstance(said, bytes) else said
    return f"{code} {text}"[:300]

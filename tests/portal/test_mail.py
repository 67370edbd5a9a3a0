"""Mail as a real server receives it, and as the outbox shows it."""

from __future__ import annotations

import dataclasses
import email.policy
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from email.message import EmailMessage
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, Session
from django.db import transaction
from django.test import Client
from django.utils import timezone

from carillon.bus.config import BadSetting, Smtp, read_config
from carillon.portal import mail
from carillon.portal.mail.delivery import DELAYS, deliver
from carillon.portal.mail.models import MailMessage
from carillon.portal.routing.trunks import add_trunk
from tests.portal.conftest import Cast
from tests.ports import claim

pytestmark = pytest.mark.django_db


class PostOffice:
    """What a server keeps; answers what it is told to, once each."""

    def __init__(self) -> None:
        self.received: list[EmailMessage] = []
        self.envelopes: list[Envelope] = []
        self.answers: list[str] = []

    async def handle_DATA(self, server: object, session: Session, envelope: Envelope) -> str:
        if self.answers:
            return self.answers.pop(0)
        content = envelope.original_content or b""
        found = email.message_from_bytes(content, policy=email.policy.default)
        self.received.append(found)  # type: ignore[arg-type]
        self.envelopes.append(envelope)
        return "250 OK"


@contextmanager
def post_office(**options: Any) -> Iterator[tuple[PostOffice, int]]:
    office, port = PostOffice(), claim((0,))
    server = Controller(office, hostname="127.0.0.1", port=port, **options)
    server.start()
    try:
        yield office, port
    finally:
        server.stop()


@pytest.fixture
def office(settings: Any) -> Iterator[PostOffice]:
    with post_office() as (made, port):
        smtp = Smtp("127.0.0.1", port, False, "", "", "Carillon <phones@acme.example>")
        settings.CONFIG = dataclasses.replace(settings.CONFIG, smtp=smtp)
        yield made


def test_a_message_arrives_as_text_and_html_in_the_readers_language(office: PostOffice):
    mail.send("test", "zoe@acme.example", "fr", {"by": "Op & fils <b>"})
    assert deliver() == 1
    (letter,) = office.received
    assert letter["To"] == "zoe@acme.example"
    assert letter["From"] == "Carillon <phones@acme.example>"
    assert letter["Content-Language"] == "fr"
    assert "fonctionne" in letter["Subject"]
    text, html = (letter.get_body((kind,)) for kind in ("plain", "html"))
    assert text is not None
    assert html is not None
    assert "Op & fils <b>" in text.get_content()
    assert "Op &amp; fils &lt;b&gt;" in html.get_content()
    assert office.envelopes[0].mail_from == "phones@acme.example"
    assert deliver() == 0, "nothing is sent twice"


def test_attachments_go_along_and_are_kept_no_longer(office: PostOffice):
    sound = mail.Attachment("message.mp3", "audio/mpeg", b"\x00\xff" * 1000)
    huge = mail.Attachment("huge.wav", "audio/wav", bytes(10 << 20))
    written = mail.send("test", "zoe@acme.example", "en", {"by": "Op"}, [sound, huge])
    deliver()
    (file,) = office.received[0].iter_attachments()
    assert (file.get_filename(), file.get_content()) == ("message.mp3", b"\x00\xff" * 1000)
    assert not written.attachments.exists()


def test_a_message_of_a_change_that_failed_is_never_sent(office: PostOffice):
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        mail.send("test", "zoe@acme.example", "en", {"by": "Op"})
        raise ZeroDivisionError
    assert deliver() == 0


def test_a_busy_server_is_tried_again_later_and_at_last_given_up(office: PostOffice):
    mail.send("test", "zoe@acme.example", "en", {"by": "Op"})
    office.answers = ["451 4.3.0 later"] * (len(DELAYS) + 1)
    for delay in DELAYS:
        assert deliver() == 0
        message = MailMessage.objects.get()
        assert message.next_try_at is not None
        assert abs(message.next_try_at - timezone.now() - delay) < timedelta(seconds=30)
        assert message.error == "451 4.3.0 later"
        assert deliver() == 0, "not before its time"
        MailMessage.objects.update(next_try_at=timezone.now())
    deliver()
    assert MailMessage.objects.get().next_try_at is None


def test_an_address_the_server_refuses_does_not_hold_up_the_next(office: PostOffice):
    mail.send("test", "nobody@acme.example", "en", {"by": "Op"})
    mail.send("test", "zoe@acme.example", "en", {"by": "Op"})
    office.answers = ["550 5.1.1 no such user"]
    assert deliver() == 1
    lost = MailMessage.objects.get(to="nobody@acme.example")
    assert (lost.sent_at, lost.next_try_at, lost.error) == (None, None, "550 5.1.1 no such user")


def test_a_server_that_is_away_costs_a_try_and_no_message(settings: Any):
    smtp = Smtp("127.0.0.1", claim((0,)), False, "", "", "a@b.example")
    settings.CONFIG = dataclasses.replace(settings.CONFIG, smtp=smtp)
    mail.send("test", "zoe@acme.example", "en", {"by": "Op"})
    assert deliver() == 0
    message = MailMessage.objects.get()
    assert message.tries == 1
    assert "refused" in message.error


def test_the_operators_name_and_password_are_used(settings: Any):
    seen = []

    def check(server: object, session: Session, envelope: Envelope, kind: str, data: Any) -> Any:
        seen.append((data.login, data.password))
        return AuthResult(success=True)

    with post_office(authenticator=check, auth_require_tls=False) as (office, port):
        smtp = Smtp("127.0.0.1", port, False, "carillon", "s3cret", "a@b.example")
        settings.CONFIG = dataclasses.replace(settings.CONFIG, smtp=smtp)
        mail.send("test", "zoe@acme.example", "en", {"by": "Op"})
        assert deliver() == 1
    assert seen == [(b"carillon", b"s3cret")]
    assert len(office.received) == 1


def test_the_operator_reads_every_message_without_a_server(cast: Cast):
    mail.send("test", "zoe@acme.example", "en", {"by": "<script>alert(1)</script>"})
    pk = MailMessage.objects.get().pk
    client = cast.client("staff")
    assert "zoe@acme.example" in client.get("/outbox").content.decode()
    shown = client.get(f"/outbox/{pk}").content.decode()
    assert "<script>alert" not in shown
    assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in shown


def test_in_the_sandbox_people_read_their_own_mail_and_nobody_elses(cast: Cast):
    own = mail.send("test", "ben@acme.example", "en", {"by": "Op"})
    other = mail.send("test", "ann@acme.example", "en", {"by": "Op"})
    client = cast.client("user")
    assert client.get(f"/outbox/{own.pk}").status_code == 200
    assert client.get(f"/outbox/{other.pk}").status_code == 404
    assert Client().get(f"/outbox/{own.pk}").status_code == 404
    add_trunk("carrier", host="192.0.2.1")
    assert client.get(f"/outbox/{own.pk}").status_code == 404


def test_the_operator_is_told_what_failed_and_tries_again(office: PostOffice, cast: Cast):
    cast.client("staff").post("/outbox/test")
    office.answers = ["550 5.7.1 go away"]
    deliver()
    client = cast.client("staff")
    shown = client.get("/outbox").content.decode()
    assert "550 5.7.1 go away" in shown
    client.post(f"/outbox/{MailMessage.objects.get().pk}/again")
    assert deliver() == 1


@pytest.mark.parametrize(
    "url", ["mail.example.com", "http://mail.example.com", "smtp://:99999", "smtp://h:port"]
)
def test_an_address_of_a_server_that_is_none_stops_the_start(url: str):
    with pytest.raises(BadSetting, match="CARILLON_SMTP_URL"):
        read_config({"CARILLON_SMTP_URL": url, "CARILLON_MAIL_FROM": "a@b.example"})


def test_a_server_needs_a_sender():
    with pytest.raises(BadSetting, match="CARILLON_MAIL_FROM"):
        read_config({"CARILLON_SMTP_URL": "smtp://mail.example.com"})


def test_a_servers_name_and_password_may_have_any_letters():
    environ = {
        "CARILLON_SMTP_URL": "smtps://a%40b:p%2Fw@mail.example.com",
        "CARILLON_MAIL_FROM": "A <a@b.example>",
    }
    smtp = read_config(environ).smtp
    assert smtp is not None
    assert (smtp.username, smtp.password, smtp.port) == ("a@b", "p/w", 465)

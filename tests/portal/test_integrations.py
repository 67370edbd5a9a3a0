"""Integrations: what is told to whom, signed, again after failures, and shown."""

from __future__ import annotations

import dataclasses
import hashlib
import hmac
import json
import re
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.urls import reverse
from django.utils import timezone
from msgspec import structs

from carillon.bus.config import BadSetting, read_config
from carillon.portal.companies.models import AuditRow
from carillon.portal.companies.scope import within
from carillon.portal.integrations import actions, delivery
from carillon.portal.integrations.models import Delivery, Event, Integration
from carillon.portal.integrations.writing import MOST_WAITING
from carillon.portal.journal.apply import apply_page
from carillon.portal.mail.models import MailMessage
from carillon.portal.routing.actions import add_number
from carillon.schema import events as e
from tests.portal.conftest import Cast
from tests.portal.receiver import Receiver, receiver
from tests.portal.story import NOON, answered_call, message_call, page

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def local(settings: Any, own_data: object) -> None:
    """Let webhooks reach this machine, as an operator may."""
    hosts = ("127.0.0.1",)
    settings.CONFIG = dataclasses.replace(django_settings.CONFIG, webhook_hosts=hosts)


@pytest.fixture
def crm() -> Iterator[Receiver]:
    with receiver() as made:
        yield made


def add(cast: Cast, url: str, **facts: Any) -> tuple[Integration, str]:
    given = {"name": "CRM", "url": url, "events": list(Event.values), "numbers": []}
    with within(cast.acme):
        wanted = {**given, "all_numbers": "numbers" not in facts, **facts}
        return actions.add_integration(cast.acme, **wanted, by=cast.users["owner"])


def recent(events: list[e.CallEvent], ago: float = 100.0) -> list[e.CallEvent]:
    shift = time.time() - ago - NOON
    return [structs.replace(event, at=event.at + shift) for event in events]


def talk(cast: Cast, call: str = "call-1", first: int = 1) -> None:
    events = answered_call(cast.acme, cast.number, cast.people["user"], call)
    apply_page(page(recent(events), first=first))


def test_a_call_is_told_from_its_beginning_to_its_end_and_signed(cast: Cast, crm: Receiver):
    integration, secret = add(cast, crm.url + "?from=carillon")
    talk(cast)
    assert delivery.due() == {integration.pk}
    assert delivery.tell(integration.pk) == 3
    told = [json.loads(body) for body in crm.bodies]
    assert [each["event"] for each in told] == ["call.created", "call.answered", "call.ended"]
    assert {each["data"]["id"] for each in told} == {"call-1"}
    ended = told[-1]["data"]
    assert (ended["outcome"], ended["user"]["name"]) == ("answered", "Ben")
    assert ended["number"]["e164_digits"] == cast.number.e164
    assert crm.paths[0] == "/calls?from=carillon"
    for body, headers, each in zip(crm.bodies, crm.headers, told, strict=True):
        at, signed = re.fullmatch(
            r"t=(\d+),v1=([0-9a-f]{64})", headers["Carillon-Signature"]
        ).groups()  # type: ignore[union-attr]
        known = hmac.new(secret.encode(), f"{at}.{body}".encode(), hashlib.sha256)
        assert signed == known.hexdigest()
        assert abs(int(at) - time.time()) < 60
        assert headers["Carillon-Delivery"] == each["id"]
        assert headers["Content-Type"].startswith("application/json")
    assert len({each["id"] for each in told}) == 3
    assert delivery.due() == set()


def test_messages_and_callbacks_are_told(cast: Cast, crm: Receiver):
    integration, _ = add(cast, crm.url, events=["voicemail.left", "callback.requested"])
    events = recent(message_call(cast.acme, cast.number, "call-2"))
    asked = e.CallbackRequested(
        call="call-2", seq=7, at=time.time(), number=cast.number.key, e164="+33688000001"
    )
    apply_page(page([*events, asked]))
    delivery.tell(integration.pk)
    voicemail, callback = (json.loads(body) for body in crm.bodies)
    assert voicemail["data"]["message"]["seconds"] == 9
    assert callback["data"]["callback"]["e164_digits"] == "+33688000001"


def test_only_the_events_and_numbers_it_takes_are_told(cast: Cast, crm: Receiver):
    with within(cast.acme):
        other = add_number(cast.acme, "Other", "FR", by=None)
    chosen, _ = add(cast, crm.url, events=["call.ended"], numbers=[cast.number])
    add(cast, crm.url, numbers=[other])
    paused, _ = add(cast, crm.url)
    with within(cast.acme):
        actions.pause_integration(paused, False, by=None)
    talk(cast)
    assert delivery.due() == {chosen.pk}
    assert delivery.tell(chosen.pk) == 1
    assert not Delivery.everywhere.exclude(integration=chosen).exists()


def test_a_strangers_integration_is_told_nothing(cast: Cast, crm: Receiver):
    facts = {"name": "Theirs", "url": crm.url, "events": list(Event.values), "numbers": []}
    with within(cast.globex):
        actions.add_integration(cast.globex, **facts, all_numbers=True, by=None)
    talk(cast)
    assert delivery.due() == set()


def test_the_same_page_twice_and_what_is_long_past_are_not_told(cast: Cast, crm: Receiver):
    add(cast, crm.url, events=["call.ended"])
    talk(cast)
    talk(cast)
    assert Delivery.everywhere.count() == 1
    events = answered_call(cast.acme, cast.number, cast.people["user"], "old")
    apply_page(page(recent(events, ago=25 * 3600), first=100))
    assert Delivery.everywhere.count() == 1


def test_what_fails_is_tried_for_a_day_and_then_administrators_are_told_once(cast: Cast):
    with receiver((500, {}, b"no\0 such\n table" + b"x" * 900)) as crm:
        integration, _ = add(cast, crm.url, events=["call.ended"])
        talk(cast)
        tries, waited = 0, timezone.now()
        while delivery.tell(integration.pk) == 0 and tries < 30:
            tries += 1
            row = Delivery.everywhere.get()
            assert (row.status, row.answer[:14], len(row.answer)) == (500, "no such tablex", 200)
            if row.next_try_at is None:
                break
            waited += row.next_try_at - timezone.now()
            Delivery.everywhere.update(next_try_at=timezone.now())
        hours = (waited - timezone.now()).total_seconds() / 3600
        assert 23 < hours < 24.5
        assert len(crm.bodies) == tries
        assert {json.loads(body)["id"] for body in crm.bodies} == {
            crm.headers[0]["Carillon-Delivery"]
        }
    integration.refresh_from_db()
    assert integration.failing_since is not None
    letters = MailMessage.objects.filter(kind="webhook-failing")
    assert {each.to for each in letters} == {"ann@acme.example", "adam@acme.example"}
    assert "CRM" in letters[0].subject
    html = cast.client("owner").get(reverse("integrations")).content.decode()
    assert "Not reached" in html


def test_what_arrives_again_ends_the_failure(cast: Cast, crm: Receiver):
    integration, _ = add(cast, crm.url, events=["call.ended"])
    Integration.everywhere.update(failing_since=timezone.now())
    talk(cast)
    assert delivery.tell(integration.pk) == 1
    integration.refresh_from_db()
    assert integration.failing_since is None


def test_a_failure_leaves_the_others_waiting_in_order(cast: Cast):
    with receiver((503, {}, b""), (200, {}, b"")) as crm:
        integration, _ = add(cast, crm.url)
        talk(cast)
        assert delivery.tell(integration.pk) == 0
        assert len(crm.bodies) == 1, "the others wait as long as the one that failed"
        assert delivery.due() == set()
        Delivery.everywhere.update(next_try_at=timezone.now())
        assert delivery.tell(integration.pk) == 3
        events = [json.loads(body)["event"] for body in crm.bodies[1:]]
        assert events == ["call.created", "call.answered", "call.ended"]


def test_nothing_grows_without_end(cast: Cast, crm: Receiver):
    integration, _ = add(cast, crm.url, events=["call.ended"])
    with within(cast.acme):
        Delivery.objects.bulk_create(
            Delivery(company=cast.acme, integration=integration, event="call.ended", body="{}")
            for _ in range(80)
        )
    talk(cast)
    assert delivery.tell(integration.pk) == 1
    assert Delivery.everywhere.count() == delivery.KEPT
    Delivery.everywhere.all().delete()
    later = timezone.now() + timedelta(hours=1)
    with within(cast.acme):
        Delivery.objects.bulk_create(
            Delivery(company=cast.acme, integration=integration, next_try_at=later)
            for _ in range(MOST_WAITING)
        )
    talk(cast, "call-2", first=100)
    assert Delivery.everywhere.count() == MOST_WAITING


def test_the_secret_is_shown_once_and_kept_encrypted(cast: Cast, crm: Receiver):
    client = cast.client("administrator")
    facts = {"name": "CRM", "url": crm.url, "events": ["call.ended"], "which": "all"}
    made = client.post(reverse("new-integration"), facts).content.decode()
    (secret,) = re.findall(r"whsec_[\w-]{43}(?=</code>)", made)
    row = Integration.everywhere.get()
    assert secret not in row.secret_encrypted
    url = reverse("integration", args=[row.pk])
    assert "whsec_" not in client.get(url).content.decode()
    again = client.post(reverse("integration-secret", args=[row.pk])).content.decode()
    (other,) = re.findall(r"whsec_[\w-]{43}(?=</code>)", again)
    assert other != secret
    assert secret not in str(list(AuditRow.everywhere.values("before", "after")))


@pytest.mark.parametrize(
    "url",
    [
        *("http://crm.example/", "https://10.0.0.1/", "https://localhost/", "https://[::1]/"),
        *("https://nas.local/", "https://169.254.169.254/latest", "javascript:alert(1)", "crm"),
    ],
)
def test_an_address_that_cannot_be_is_refused_where_it_is_typed(cast: Cast, url: str):
    facts = {"name": "CRM", "url": url, "events": ["call.ended"], "which": "all"}
    answer = cast.client("owner").post(reverse("new-integration"), facts)
    assert answer.status_code == 422
    assert not Integration.everywhere.exists()


def test_a_test_is_sent_looked_at_and_sent_again(cast: Cast, crm: Receiver):
    integration, _ = add(cast, crm.url)
    client, url = cast.client("owner"), reverse("integration", args=[integration.pk])
    client.post(reverse("integration-test", args=[integration.pk]))
    sent = reverse("integration-sent", args=[integration.pk])
    assert "every 2s" in client.get(sent).content.decode()
    delivery.tell(integration.pk)
    html = client.get(sent).content.decode()
    assert "every 2s" not in html
    assert "Arrived" in html
    assert "thanks" in html
    row = Delivery.everywhere.get()
    client.post(reverse("resend", args=[row.pk]))
    assert delivery.tell(integration.pk) == 1
    assert crm.bodies[0] == crm.bodies[1]
    assert json.loads(crm.bodies[0])["event"] == "test"
    for _ in range(9):
        client.post(reverse("integration-test", args=[integration.pk]))
    assert Delivery.everywhere.filter(tries=0).count() == actions.MOST_TESTS_WAITING
    assert url in client.get(reverse("integrations")).content.decode()


def test_a_secret_that_cannot_be_read_is_said_and_mended(cast: Cast, crm: Receiver):
    integration, _ = add(cast, crm.url, events=["call.ended"])
    Integration.everywhere.update(secret_encrypted="of another system")
    talk(cast)
    assert delivery.tell(integration.pk) == 0
    assert "make a new one" in Delivery.everywhere.get().answer
    cast.client("owner").post(reverse("integration-secret", args=[integration.pk]))
    Delivery.everywhere.update(next_try_at=timezone.now())
    assert delivery.tell(integration.pk) == 1


def test_what_is_removed_is_told_nothing_more(cast: Cast, crm: Receiver):
    integration, _ = add(cast, crm.url)
    talk(cast)
    cast.client("owner").post(reverse("remove-integration", args=[integration.pk]))
    assert delivery.due() == set()
    assert delivery.tell(integration.pk) == 0
    assert crm.bodies == []


@pytest.mark.parametrize("kind", ["classic", "attendant", "menu"])
def test_a_numbers_page_names_its_integrations_and_adds_it_to_others(cast: Cast, kind: str):
    client = cast.client("owner")
    with within(cast.acme):
        number = add_number(cast.acme, "Reception", "FR", kind=kind, by=None)
    chosen, _ = add(cast, "https://crm.example/", name="Chooser", numbers=[cast.number])
    everywhere, _ = add(cast, "https://crm.example/", name="Everywhere")
    page_of, url = f"/numbers/{number.pk}", reverse("number-integrations", args=[number.pk])
    settings_step = client.get(page_of, {"step": "settings"}).content.decode()
    assert "Everywhere" in settings_step
    assert "Chooser" not in settings_step
    assert url in settings_step
    assert "Chooser" in client.get(url).content.decode()
    client.post(url, {"integrations": [chosen.pk]})
    assert "Chooser" in client.get(page_of, {"step": "settings"}).content.decode()
    with within(cast.acme):
        assert {each.pk for each in chosen.numbers.all()} == {cast.number.pk, number.pk}
        said = AuditRow.objects.order_by("-id").first()
        assert said is not None
        assert (said.action, said.object_name) == ("integration-changed", "Chooser")
    client.post(url, {})
    assert "Chooser" not in client.get(page_of, {"step": "settings"}).content.decode()
    with within(cast.acme):
        assert everywhere.numbers.count() == 0


def test_the_operators_hosts_are_read_from_the_settings():
    read = read_config({"CARILLON_WEBHOOK_HOSTS": "CRM.lan 10.0.0.7 ::1"})
    assert read.webhook_hosts == ("crm.lan", "10.0.0.7", "::1")
    for wrong in ("http://crm.lan", "crm.lan:80"):
        with pytest.raises(BadSetting, match="CARILLON_WEBHOOK_HOSTS"):
            read_config({"CARILLON_WEBHOOK_HOSTS": wrong})

"""Every page of the portal with a company of 1,000 people: 95 of 100 answers within 150 ms at the server.

CPU time of one request through every layer of Django, database included (it is in the process). A page is
asked for thirty times after a first one that fills caches, as its first reader of the day does. Addresses
that only take what is sent, or lead on, show nothing and are passed over; one that fails is a fault.
"""

from __future__ import annotations

import dataclasses
import os
import tempfile
import time
from typing import Any

from bench.addresses import addresses
from bench.compile_plan import USERS, _company
from bench.result import Result, at_most

ROUNDS = 30
CALLS, MESSAGES = 5000, 500
TARGET_MS = 150.0
FILE_TARGET_MS = 1000.0
SLOWEST = 12
"""So many are told of by name."""


def run() -> list[Result]:
    """Make the company in a database of its own, and ask for its pages."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["CARILLON_DATA"] = folder
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "carillon.portal.site.settings")
        import django

        django.setup()
        from django.conf import settings
        from django.core.management import call_command

        settings.CONFIG.make_folders()
        call_command("migrate", verbosity=0)
        call_command("collectstatic", interactive=False, verbosity=0)
        return _measure()


def _measure() -> list[Result]:
    from django.test import Client
    from django.urls import reverse

    from carillon.portal.accounts.models import User
    from carillon.portal.site.memory import settle

    company, owner = _company(), User.objects.get()
    owner.is_staff = True
    owner.save(update_fields=["is_staff"])
    things = _things(company, owner)
    settle()
    stranger, reader = Client(SERVER_NAME="127.0.0.1"), Client(SERVER_NAME="127.0.0.1")
    reader.force_login(owner)
    took: list[tuple[float, str]] = []
    for path in dict.fromkeys(addresses(things).values()):
        clients = [_program(company)] if path.startswith("/v1/") else [reader, stranger]
        shown = next((each for each in clients if _shows(each, path)), None)
        if shown is not None:
            took.append((_slow(shown, path), path))
    took.sort(reverse=True)
    file = reverse("download-setup")
    return [
        *(_row(place, *each, len(took)) for place, each in enumerate(took[:SLOWEST], 1)),
        at_most(
            f"file, {USERS} people: the set-up, p95", _slow(reader, file), "ms", FILE_TARGET_MS
        ),
    ]


def _row(place: int, slow: float, path: str, count: int) -> Result:
    name = f"page, {USERS} people: slowest of all, p95"
    if place > 1:
        name = f"page, {USERS} people: number {place} of the slow ones, p95"
    note = f"{path}, of {count}" if place == 1 else path
    return dataclasses.replace(at_most(name, slow, "ms", TARGET_MS), note=note)


def _shows(client: Any, path: str) -> bool:
    """Whether there is something to look at; what fails is a fault."""
    status = client.get(path).status_code
    # 404: theirs alone, or not there yet; 405: takes what is sent; 410: a link that ran out.
    if status not in {200, 204, 302, 404, 405, 410}:
        raise RuntimeError(f"{path} answers {status}")
    return bool(status == 200)


def _slow(client: Any, path: str) -> float:
    took = []
    for _ in range(ROUNDS):
        began = time.thread_time()
        answer = client.get(path)
        took.append(1000 * (time.thread_time() - began))
        if answer.status_code != 200:
            raise RuntimeError(f"{path} answers {answer.status_code}")
    return sorted(took)[int(0.95 * ROUNDS)]


def _things(company: Any, owner: Any) -> dict[str, Any]:
    """Return one of everything that has an address."""
    from carillon.portal import mail
    from carillon.portal.api.keys import create_key
    from carillon.portal.companies.scope import within
    from carillon.portal.extensions.models import Device, Person, Team
    from carillon.portal.followup.actions import create_tag
    from carillon.portal.integrations.actions import add_integration
    from carillon.portal.routing.models import Number
    from carillon.portal.routing.trunks import add_trunk

    with within(company):
        person, number, team = Person.objects.first(), Number.objects.first(), Team.objects.first()
        assert person is not None and number is not None and team is not None
        person.user = owner
        person.save(update_fields=["user"])
        _calls(company, number)
        key, _secret = create_key(company, "CRM", ["calls", "directory"], by=None)
        hook = {"name": "CRM", "url": "https://crm.example/", "events": ["call.ended"]}
        integration, _secret = add_integration(
            company, **hook, all_numbers=True, numbers=[], by=owner
        )
        tag = create_tag(company, "Support", "blue", by=None)
        device = Device.objects.filter(person=person).first()
    trunk = add_trunk("carrier", host="192.0.2.1")
    letter = mail.send("test", owner.email, "en", {"by": "Op"})
    return {
        "people": person.pk,
        "numbers": number.pk,
        "number": number.pk,
        "teams": team.pk,
        "calls": "call-0",
        "integrations": integration.pk,
        "revoke-key": key.pk,
        "tags": tag.pk,
        "operator": trunk.pk,
        "outbox": letter.pk,
        "help": "forwarding",
        "phone-colleagues": person.pk,
        "my-phone": device.pk if device else 1,
        "check": "pin",
        "sentence-sound": "en",
        "v1-call": "call-0",
        "v1-user": person.pk,
        "v1-number": number.pk,
        "v1-team": team.pk,
    }


def _program(company: Any) -> Any:
    """Return another program, with a key of its own: each may ask so often only."""
    from django.test import Client

    from carillon.portal.api.keys import create_key
    from carillon.portal.companies.scope import within

    with within(company):
        _key, secret = create_key(company, "Program", ["calls", "directory"], by=None)
    return Client(SERVER_NAME="127.0.0.1", headers={"Authorization": f"Bearer {secret}"})


def _calls(company: Any, number: Any) -> None:
    from datetime import timedelta

    from django.utils import timezone

    from carillon.portal.calls.models import Call
    from carillon.portal.voicemail.models import Message

    now = timezone.now()
    calls = Call.everywhere.bulk_create(
        Call(
            id=f"call-{n}",
            company=company,
            number=number,
            direction="inbound",
            caller=f"+3361234{n % 10000:04d}",
            called=number.e164,
            started_at=now - timedelta(minutes=3 * n),
            outcome="missed" if n % 5 == 0 else "answered",
        )
        for n in range(CALLS)
    )
    Message.everywhere.bulk_create(
        Message(
            company=company,
            box=number.box,
            recording=f"message-{call.pk}",
            call=call,
            at=call.started_at,
        )
        for call in calls[:MESSAGES]
    )

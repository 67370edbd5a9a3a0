"""The portal's main pages with a company of 1,000 people: 95 of 100 answers within 150 ms at the server.

CPU time of one request through every layer of Django, database included (it is in the process). A page is
asked for thirty times after a first one that fills caches, as its first reader of the day does.
"""

from __future__ import annotations

import gc
import os
import tempfile
import time

from bench.compile_plan import USERS, _company
from bench.result import Result, at_most

ROUNDS = 30
CALLS = 5000
TARGET_MS = 150.0


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

    from carillon.portal.accounts.models import User
    from carillon.portal.companies.scope import within
    from carillon.portal.extensions.models import Person
    from carillon.portal.routing.models import Number

    company, owner = _company(), User.objects.get()
    with within(company):
        person, number = Person.objects.first(), Number.objects.first()
        assert person is not None and number is not None
        person.user = owner
        person.save(update_fields=["user"])
        _calls(company, number)
    pages = {
        "home": "/",
        "people": "/people",
        "numbers": "/numbers",
        "number": f"/numbers/{number.pk}",
        "who a number rings": f"/numbers/{number.pk}?step=ring",
        "calls": "/calls",
        "set-up, users": "/set-up/users",
        "set-up, operator": "/set-up/operator",
        "set-up, review": "/set-up/review",
        "how somebody is reached": f"/people/{person.pk}/reach",
        "one's own start page": "/me",
        "help": "/help?q=forwarding",
    }
    # As the server does once it is loaded.
    gc.collect()
    gc.freeze()
    client = Client(SERVER_NAME="127.0.0.1")
    client.force_login(owner)
    return [_page(client, name, path) for name, path in pages.items()]


def _page(client, name: str, path: str) -> Result:  # type: ignore[no-untyped-def]  # Django's, imported late
    took = []
    for _ in range(ROUNDS + 1):
        began = time.thread_time()
        answer = client.get(path)
        took.append(1000 * (time.thread_time() - began))
        if answer.status_code != 200:
            raise RuntimeError(f"{path} answers {answer.status_code}")
    slow = sorted(took[1:])[int(0.95 * ROUNDS)]
    return at_most(f"page, {USERS} people: {name}, p95", slow, "ms", TARGET_MS)


def _calls(company, number) -> None:  # type: ignore[no-untyped-def]
    from datetime import timedelta

    from django.utils import timezone

    from carillon.portal.calls.models import Call

    now = timezone.now()
    Call.everywhere.bulk_create(
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

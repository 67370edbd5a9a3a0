"""What changes integrations: one transaction each, with its audit row."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from carillon.portal.accounts.models import User
from carillon.portal.cipher import encrypt
from carillon.portal.companies import audit
from carillon.portal.companies.models import Company
from carillon.portal.integrations.models import Delivery, Integration
from carillon.portal.integrations.writing import write_test
from carillon.portal.refused import Refused
from carillon.portal.routing.models import Number

MOST_INTEGRATIONS = 50
MOST_TESTS_WAITING = 5


@transaction.atomic
def add_integration(company: Company, *, by: User | None, **facts: Any) -> tuple[Integration, str]:
    """Add a webhook; return it with its secret, shown now and never again. `facts`: as in its form."""
    if Integration.objects.count() >= MOST_INTEGRATIONS:
        text = _("A company has at most 50 integrations. Remove some first.")
        raise Refused("too-many-integrations", text)
    numbers, secret = facts.pop("numbers"), _secret()
    facts = {**facts, "secret_encrypted": encrypt(secret), "created_by": by}
    row: Integration = Integration.objects.create(**facts)
    row.numbers.set([] if row.all_numbers else numbers)
    audit.write(company, by, "integration-added", _thing(row), after=_facts(row))
    return row, secret


@transaction.atomic
def change_integration(row: Integration, *, by: User | None, **facts: Any) -> None:
    """Change a webhook's name, address, events or numbers."""
    before, numbers = _facts(row), facts.pop("numbers")
    for name, value in facts.items():
        setattr(row, name, value)
    row.save(update_fields=list(facts))
    row.numbers.set([] if row.all_numbers else numbers)
    after = _facts(row)
    if before != after:
        changed = [name for name in after if before[name] != after[name]]
        audit.write(
            row.company,
            by,
            "integration-changed",
            _thing(row),
            {name: before[name] for name in changed},
            {name: after[name] for name in changed},
        )


@transaction.atomic
def pause_integration(row: Integration, active: bool, *, by: User | None) -> None:
    """Tell it nothing for a while, or again; what waited is told then."""
    if row.active == active:
        return
    row.active = active
    row.save(update_fields=["active"])
    before, after = {"active": not active}, {"active": active}
    audit.write(row.company, by, "integration-changed", _thing(row), before, after)


@transaction.atomic
def remove_integration(row: Integration, *, by: User | None) -> None:
    """Remove a webhook with everything that still waits for it."""
    audit.write(row.company, by, "integration-removed", _thing(row), _facts(row))
    row.delete()


@transaction.atomic
def renew_secret(row: Integration, *, by: User | None) -> str:
    """Sign with another secret from now on, and return it."""
    secret = _secret()
    row.secret_encrypted = encrypt(secret)
    row.save(update_fields=["secret_encrypted"])
    audit.write(row.company, by, "integration-secret", _thing(row))
    return secret


@transaction.atomic
def test_integration(row: Integration) -> Delivery:
    """Send something, to see whether it arrives."""
    waiting = Delivery.objects.filter(integration=row, event="test", next_try_at__isnull=False)
    if waiting.count() >= MOST_TESTS_WAITING:
        raise Refused("too-many-tests", _("Some tests are still waiting: look at them first."))
    return write_test(row)


@transaction.atomic
def send_again(row: Delivery) -> None:
    """Send something once more, whether it arrived or not."""
    row.next_try_at, row.tries, row.arrived_at = timezone.now(), 0, None
    row.save(update_fields=["next_try_at", "tries", "arrived_at"])


@transaction.atomic
def take_number(number: Number, chosen: Iterable[Integration], *, by: User | None) -> None:
    """Let these integrations take a number's calls, and of those that choose, no others."""
    wanted = {each.pk for each in chosen}
    for row in Integration.objects.filter(all_numbers=False).prefetch_related("numbers"):
        numbers = {each.pk for each in row.numbers.all()}
        if (row.pk in wanted) == (number.pk in numbers):
            continue
        before = _facts(row)
        if row.pk in wanted:
            row.numbers.add(number)
        else:
            row.numbers.remove(number)
        after = _facts(Integration.objects.get(pk=row.pk))
        said = {"numbers": before["numbers"]}, {"numbers": after["numbers"]}
        audit.write(number.company, by, "integration-changed", _thing(row), *said)


def _secret() -> str:
    return f"whsec_{secrets.token_urlsafe(32)}"


def _facts(row: Integration) -> dict[str, Any]:
    numbers = row.numbers.order_by("e164").values_list("e164", flat=True)
    return {
        "name": row.name,
        "url": row.url,
        "events": ", ".join(row.events),
        "numbers": "all" if row.all_numbers else ", ".join(numbers),
    }


def _thing(row: Integration) -> tuple[str, str]:
    return row.key, row.name

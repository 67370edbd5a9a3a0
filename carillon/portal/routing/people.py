"""What changes how somebody is reached: one transaction each, with its audit row and a new plan."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import transaction

from carillon.portal.accounts.models import User
from carillon.portal.companies import audit
from carillon.portal.companies.publish import bump_plan
from carillon.portal.extensions.models import Person, Voice
from carillon.portal.routing.models import PersonalRow, Prompt
from carillon.portal.routing.personal import PersonalFlow, write_personal

Change = Callable[[PersonalFlow], PersonalFlow]


def flow_of(person: Person) -> PersonalFlow:
    """Return how somebody is reached now."""
    row = PersonalRow.objects.filter(person=person).first()
    return row.flow if row else PersonalFlow()


@transaction.atomic
def change_personal(person: Person, change: Change, *, by: User | None) -> None:
    """Change how somebody is reached; the next call follows it."""
    before = flow_of(person)
    after = change(before)
    if before == after:
        return
    PersonalRow.everywhere.update_or_create(
        person=person,
        defaults={"document": write_personal(after)},
        create_defaults={"document": write_personal(after), "company": person.company},
    )
    was, now = _facts(before), _facts(after)
    changed = [name for name in now if was[name] != now[name]]
    audit.write(
        person.company,
        by,
        "forwarding-changed",
        (person.key, person.name),
        {name: was[name] for name in changed},
        {name: now[name] for name in changed},
    )
    bump_plan(person.company)


@transaction.atomic
def set_greeting(person: Person, key: str, *, by: User | None) -> None:
    """Let callers hear this before the beep, "" for the system's own words."""
    row = Prompt.objects.filter(key=key).order_by("-id").first() if key else None
    facts = {"greeting_key": key, "greeting_seconds": row.seconds if row else 0.0}
    Voice.everywhere.update_or_create(
        person=person, defaults=facts, create_defaults={**facts, "company": person.company}
    )
    after = {"message": str(row or "")}
    audit.write(person.company, by, "own-greeting-changed", (person.key, person.name), {}, after)
    bump_plan(person.company)


def _facts(flow: PersonalFlow) -> dict[str, Any]:
    return {
        "auto": flow.auto,
        "hours": str([(s.days, s.start, s.end) for s in flow.hours.slots]),
        "after_call_seconds": flow.after_call_seconds,
        "dial_country": flow.dial_country,
        "ringtone": flow.ringtone,
        "mode": flow.mode,
        "main_seconds": flow.main_seconds,
        "show_caller": flow.show_caller,
        "phones": len(flow.entries),
        "unanswered": type(flow.unanswered).__name__ if flow.unanswered else "voicemail",
    }

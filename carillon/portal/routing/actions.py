"""What changes numbers: one transaction each, with its audit row and a new plan."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from carillon.portal.accounts.models import User
from carillon.portal.companies import audit
from carillon.portal.companies.models import Company
from carillon.portal.companies.publish import bump_plan
from carillon.portal.extensions.models import Person, Team
from carillon.portal.refused import Refused
from carillon.portal.routing import pool, speaking
from carillon.portal.routing.models import Number, OutboundLine, Prompt, RingStep, Slot

MESSAGES = ("greeting", "no_answer", "closed")
MOST_STEPS = 20
Target = Person | Team | str


@transaction.atomic
def add_number(
    company: Company, name: str, country: str, *, e164: str = "", by: User | None
) -> Number:
    """Take a number of a country from the pool, or the one that is given, and open it always."""
    found = pool.RANGES[country]
    number = Number(
        company=company,
        name=name,
        country=country,
        e164=e164,
        language=company.language if country == company.country else found.language,
        timezone=company.timezone if country == company.country else found.timezone,
    )
    _take(number, [e164] if e164 else pool.candidates(country, company.slug))
    audit.write(company, by, "number-added", _thing(number), after={"e164": number.e164})
    bump_plan(company)
    return number


@transaction.atomic
def change_number(number: Number, changes: dict[str, Any], *, by: User | None) -> None:
    """Set name, language, recording or the waiting time."""
    before = {field: getattr(number, field) for field in changes}
    if before == changes:
        return
    for field, value in changes.items():
        setattr(number, field, value)
    number.save(update_fields=list(changes))
    audit.write(number.company, by, "number-changed", _thing(number), before, changes)
    bump_plan(number.company)


@transaction.atomic
def release_number(number: Number, *, by: User) -> None:
    """Give the number back to the pool: callers are told that it is not in service."""
    number.deleted_at = timezone.now()
    number.save(update_fields=["deleted_at"])
    OutboundLine.objects.filter(number=number).delete()
    audit.write(number.company, by, "number-released", _thing(number), {"e164": number.e164})
    bump_plan(number.company)


@transaction.atomic
def set_hours(
    number: Number,
    *,
    always_open: bool,
    zone: str,
    slots: Sequence[tuple[str, int, int]],
    by: User | None,
) -> None:
    """Set when a number is open. `slots`: days as digits, then start and end in minutes."""
    before = hours_facts(number)
    number.always_open, number.timezone = always_open, zone
    number.save(update_fields=["always_open", "timezone"])
    if not always_open:
        Slot.objects.filter(number=number).delete()
        Slot.everywhere.bulk_create(
            Slot(
                company=number.company, number=number, days=days, start_minute=start, end_minute=end
            )
            for days, start, end in slots
        )
    after = hours_facts(number)
    if before == after:
        return
    audit.write(number.company, by, "hours-changed", _thing(number), before, after)
    bump_plan(number.company)


def hours_facts(number: Number) -> dict[str, Any]:
    """Return a number's hours as the audit log keeps them."""
    rows = Slot.objects.filter(number=number).values_list("days", "start_minute", "end_minute")
    return {
        "always_open": number.always_open,
        "timezone": number.timezone,
        "slots": [list(row) for row in rows],
    }


@transaction.atomic
def set_spoken_message(
    number: Number, which: str, text: str, language: str, *, by: User | None
) -> None:
    """Let a text be read aloud as greeting, no_answer or closed message; an empty one takes it away."""
    if not text:
        _set_message(number, which, None, by)
        return
    key, seconds = speaking.speak(text, language)
    row = Prompt.everywhere.create(
        company=number.company,
        key=key,
        source=Prompt.Source.SPEECH,
        text=text,
        language=language,
        seconds=seconds,
    )
    _set_message(number, which, row, by)


@transaction.atomic
def set_uploaded_message(
    number: Number, which: str, filename: str, sound: bytes, *, by: User | None
) -> None:
    """Use an uploaded file as greeting, no_answer or closed message."""
    key, seconds = speaking.keep_upload(sound)
    row = Prompt.everywhere.create(
        company=number.company,
        key=key,
        source=Prompt.Source.UPLOAD,
        filename=filename[-160:],
        language=number.language,
        seconds=seconds,
    )
    _set_message(number, which, row, by)


@transaction.atomic
def switch_voicemail(number: Number, which: str, on: bool, *, by: User | None) -> None:
    """Let callers leave a message, or not. `which`: unanswered or closed."""
    field = f"voicemail_{which}"
    before = {field: getattr(number, field)}
    if before[field] == on:
        return
    setattr(number, field, on)
    number.save(update_fields=[field])
    audit.write(number.company, by, "voicemail-switched", _thing(number), before, {field: on})
    bump_plan(number.company)


@transaction.atomic
def add_step(number: Number, target: Target, ring_seconds: int, *, by: User | None) -> RingStep:
    """Ring one more person, team or outside number, after the others."""
    count = RingStep.objects.filter(number=number).count()
    if count >= MOST_STEPS:
        raise Refused("too-many-steps", _("A number rings at most 20 steps. Remove one first."))
    step = RingStep.everywhere.create(
        company=number.company,
        number=number,
        position=count,
        person=target if isinstance(target, Person) else None,
        team=target if isinstance(target, Team) else None,
        outside=target if isinstance(target, str) else "",
        ring_seconds=ring_seconds,
    )
    audit.write(number.company, by, "ring-step-added", _thing(number), after={"step": str(step)})
    bump_plan(number.company)
    return step


@transaction.atomic
def change_step(step: RingStep, ring_seconds: int, *, by: User) -> None:
    """Set how long a step rings."""
    before = {"step": str(step)}
    step.ring_seconds = ring_seconds
    step.save(update_fields=["ring_seconds"])
    after = {"step": str(step)}
    if before == after:
        return
    audit.write(step.company, by, "ring-step-changed", _thing(step.number), before, after)
    bump_plan(step.company)


@transaction.atomic
def move_step(step: RingStep, by_places: int, *, by: User) -> None:
    """Move a step up (-1) or down (1); at the end it stays where it is."""
    order = list(RingStep.objects.filter(number_id=step.number_id))
    place = next(i for i, row in enumerate(order) if row.pk == step.pk)
    wanted = place + by_places
    if not 0 <= wanted < len(order):
        return
    order[place], order[wanted] = order[wanted], order[place]
    _renumber(order)
    after = {"step": str(step), "place": wanted + 1}
    audit.write(
        step.company, by, "ring-step-moved", _thing(step.number), {"place": place + 1}, after
    )
    bump_plan(step.company)


@transaction.atomic
def remove_step(step: RingStep, *, by: User) -> None:
    """Ring this step no more."""
    audit.write(step.company, by, "ring-step-removed", _thing(step.number), {"step": str(step)})
    number = step.number
    step.delete()
    _renumber(list(RingStep.objects.filter(number=number)))
    bump_plan(number.company)


@transaction.atomic
def choose_line(person: Person, number: Number | None, *, by: User | None) -> None:
    """Choose the number a person shows when calling out; None lets the system choose."""
    line = OutboundLine.objects.filter(person=person).select_related("number").first()
    before = {"number": line.number.e164 if line else ""}
    after = {"number": number.e164 if number else ""}
    if before == after:
        return
    OutboundLine.objects.filter(person=person).delete()
    if number is not None:
        OutboundLine.everywhere.create(company=person.company, person=person, number=number)
    audit.write(person.company, by, "line-chosen", (person.key, person.name), before, after)
    bump_plan(person.company)


def _take(number: Number, candidates: Any) -> None:
    """Save the number with the first candidate nobody has: two companies may ask at once."""
    taken = set(Number.everywhere.filter(deleted_at=None).values_list("e164", flat=True))
    for e164 in candidates:
        if e164 in taken:
            continue
        number.e164 = e164
        try:
            with transaction.atomic():
                number.save()
            return
        except IntegrityError:
            continue
    raise Refused("no-number", _("No number is free in this country. Choose another country."))


def _set_message(number: Number, which: str, row: Prompt | None, by: User | None) -> None:
    assert which in MESSAGES, which
    old: Prompt | None = getattr(number, which)
    if (old and old.key) == (row and row.key):
        return
    setattr(number, which, row)
    number.save(update_fields=[which])
    before, after = {"message": str(old or "")}, {"message": str(row or "")}
    audit.write(number.company, by, f"{which}-changed", _thing(number), before, after)
    bump_plan(number.company)


def _renumber(order: list[RingStep]) -> None:
    for position, row in enumerate(order):
        row.position = position
    RingStep.everywhere.bulk_update(order, ["position"])


def _thing(number: Number) -> tuple[str, str]:
    return number.key, number.name

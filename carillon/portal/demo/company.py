"""Makes the demo company: through the same actions people use, and the same events calls make."""

from __future__ import annotations

import random
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.db import transaction
from django.utils import timezone
from msgspec.structs import replace

from carillon.portal.accounts.models import User
from carillon.portal.companies.actions import create_company
from carillon.portal.companies.models import Company
from carillon.portal.companies.scope import within
from carillon.portal.demo import cast
from carillon.portal.demo.history import write_history
from carillon.portal.demo.later import fill
from carillon.portal.extensions import actions as extensions
from carillon.portal.extensions.models import Person, Team
from carillon.portal.routing import actions as routing
from carillon.portal.routing import editing, flows, messages
from carillon.portal.routing.documents import ToPerson, ToTeam
from carillon.portal.routing.models import Number
from carillon.portal.routing.sentences import prepare_sentences

SEED = 1742
ZONE = "Europe/Paris"
DAYS = 30


@dataclass(frozen=True, slots=True)
class Demo:
    """What somebody needs to look around; `password` is new each time."""

    company: Company
    owner: User
    password: str
    numbers: tuple[Number, ...]


def create_demo(seed: int = SEED, now: datetime | None = None) -> Demo:
    """Make the demo company, or give the one that is there a new password.

    All or nothing; takes some seconds, most of them for speaking.
    """
    password = secrets.token_urlsafe(9)
    found = Company.objects.filter(demo=True).first()
    if found is None:
        prepare_sentences()
        found = _make(seed, now or timezone.now())
    owner = User.objects.get(email=cast.PEOPLE[0].email)
    owner.set_password(password)
    owner.save(update_fields=["password"])
    with within(found):
        numbers = tuple(Number.objects.order_by("id"))
    return Demo(found, owner, password, numbers)


LINES = 12


@transaction.atomic
def _make(seed: int, now: datetime) -> Company:
    owner = User.objects.create_user(
        cast.PEOPLE[0].email, name=cast.PEOPLE[0].name, language="fr", is_staff=True
    )
    company = create_company(
        cast.COMPANY,
        owner=owner,
        country="FR",
        language="fr",
        timezone=ZONE,
        demo=True,
        lines=LINES,
    )
    with within(company):
        people = _people(company, owner)
        teams = {
            name: extensions.create_team(company, name, [people[m] for m in members], by=owner)
            for name, members in cast.TEAMS.items()
        }
        for line in cast.NUMBERS:
            _number(company, line, people, teams, owner)
        first = now.astimezone(ZoneInfo(ZONE)) - timedelta(days=DAYS)
        write_history(company, first, now, random.Random(seed))
        fill(company, teams, owner, random.Random(seed + 1), now)
    return company


def _people(company: Company, owner: User) -> dict[str, Person]:
    people: dict[str, Person] = {}
    for place, somebody in enumerate(cast.PEOPLE):
        extension = str(extensions.FIRST_EXTENSION + place)
        if somebody.role == "owner":
            person = Person.objects.create(user=owner, name=somebody.name, extension=extension)
        else:
            person = extensions.add_person(
                company,
                name=somebody.name,
                extension=extension,
                email=somebody.email,
                role=somebody.role or "user",
                invite=False,
                by=owner,
            )
        if somebody.phone:
            extensions.add_device(person, somebody.phone, by=owner)
        extensions.set_availability(person, somebody.available, by=owner)
        people[somebody.name] = person
    return people


def _number(
    company: Company,
    line: cast.Line,
    people: dict[str, Person],
    teams: dict[str, Team],
    owner: User,
) -> None:
    number = routing.add_number(company, line.name, line.country, by=owner)
    flow = editing.with_week(
        number.flow, always=not line.slots, zone=number.flow.hours.zone, slots=line.slots
    )
    for name, seconds in line.steps:
        target = ToTeam(teams[name].pk) if name in teams else ToPerson(people[name].pk)
        flow = editing.with_step(flow, target, seconds)
    for which in ("greeting", "no_answer", "closed"):
        text = getattr(line, which)
        if text:
            key = messages.keep_text(company, text, number.language)
            flow = editing.with_message(flow, which, key)
    flow = editing.with_voicemail(flow, "closed", line.voicemail_closed)
    flow = replace(flow, recording=replace(flow.recording, inbound=line.recorded))
    flows.publish_flow(number, flow, by=owner)
    if line is cast.NUMBERS[0]:
        for person in people.values():
            routing.choose_line(person, number, by=owner)

"""Compiling a large company: 500 numbers, 1,000 users, from rows to what the switch reads; and once more.

CPU time: the first compile reads every document and every calendar; the second is what an edit costs, when
all but one are known. The latter is held against reading the plan's JSON, which the switch does each time.
"""

from __future__ import annotations

import os
import tempfile
import time

from bench.result import Result, at_most, compared

NUMBERS, USERS, TEAMS = 500, 1000, 50
TARGET_FIRST_S = 2.0
TARGET_EDIT_MS = 100.0
TIMES_THE_READING = 40.0
ROUNDS = 5


def run() -> list[Result]:
    """Make the company in a database of its own, compile, edit, compile."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["CARILLON_DATA"] = folder
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "carillon.portal.site.settings")
        import django

        django.setup()
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        return _measure()


def _measure() -> list[Result]:
    from carillon.portal.companies.scope import within
    from carillon.portal.routing import editing, flows
    from carillon.portal.routing.compile import compile_plan, load_rows
    from carillon.portal.routing.models import Number
    from carillon.schema.plan import read_plan, write_plan

    company = _company()
    with within(company):
        began = time.thread_time()
        written = write_plan(compile_plan(load_rows(company)))
        first = time.thread_time() - began
        edits = []
        for number in Number.objects.select_related("published").order_by("id")[:ROUNDS]:
            flows.change_flow(
                number, lambda flow: editing.with_voicemail(flow, "closed", False), by=None
            )
            began = time.thread_time()
            written = write_plan(compile_plan(load_rows(company)))
            edits.append(1000 * (time.thread_time() - began))
    began = time.thread_time()
    read_plan(written)
    reading = 1000 * (time.thread_time() - began)
    edit = sorted(edits)[len(edits) // 2]
    what = f"{NUMBERS} numbers, {USERS} users"
    return [
        at_most(f"compile a company, {what}", first, "s", TARGET_FIRST_S),
        at_most(f"compile it after an edit, {what}", edit, "ms", TARGET_EDIT_MS),
        compared("an edit's compile against reading it", edit, "ms", reading, TIMES_THE_READING),
    ]


def _company():  # type: ignore[no-untyped-def]  # Django's models are known only once it is set up
    from carillon.portal.accounts.models import User
    from carillon.portal.companies.actions import create_company
    from carillon.portal.companies.scope import within
    from carillon.portal.extensions.models import Device, Person, Team

    owner = User.objects.create_user("owner@bench.example", name="Owner")
    company = create_company("Bench", owner=owner, country="FR", language="fr")
    with within(company):
        people = Person.everywhere.bulk_create(
            Person(company=company, name=f"P {n}", extension=str(1000 + n)) for n in range(USERS)
        )
        Device.everywhere.bulk_create(
            Device(company=company, person=person, label="desk", username=f"d{person.pk}")
            for person in people
        )
        teams = Team.everywhere.bulk_create(
            Team(company=company, name=f"T {n}") for n in range(TEAMS)
        )
        for place, team in enumerate(teams):
            team.members.set(people[place * 20 : place * 20 + 20])
        _numbers(company, people, teams)
    return company


def _numbers(company, people, teams) -> None:  # type: ignore[no-untyped-def]
    from carillon.portal.routing import documents as d
    from carillon.portal.routing.models import FlowVersion, Number

    numbers = Number.everywhere.bulk_create(
        Number(company=company, e164=f"+331990{n:05d}", name=f"N {n}", country="FR")
        for n in range(NUMBERS)
    )
    week = (d.WeekSlot("01234", 540, 720), d.WeekSlot("01234", 840, 1080))
    versions = []
    for place, number in enumerate(numbers):
        person, team = people[place % USERS].pk, teams[place % TEAMS].pk
        keys: dict[str, d.Action] = {
            "1": d.ToPerson(person),
            "2": d.ToTeam(team),
            "3": d.ToNumber(numbers[(place + 1) % NUMBERS].pk),
            "0": d.ToOperator(),
        }
        flow = d.NumberFlow(
            kind="menu" if place % 3 == 0 else "classic",
            hours=d.OpeningHours(always=False, slots=week, country="FR"),
            steps=(d.Step(d.ToPerson(person), 20), d.Step(d.ToTeam(team), 25)),
            menu=d.Menu(keys=keys),
            closed=d.Ending(f"m{place}", True),
        )
        versions.append(
            FlowVersion(company=company, number=number, version=1, document=d.write_flow(flow))
        )
    for version in FlowVersion.everywhere.bulk_create(versions):
        version.number.published = version
    Number.everywhere.bulk_update(numbers, ["published"])

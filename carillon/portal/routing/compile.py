"""Rows -> Plan: the only bridge from the database to the flows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from carillon.portal.companies.models import Company, Membership
from carillon.portal.countries import prefixes
from carillon.portal.extensions.models import Device, Person, Team
from carillon.portal.routing import models as rows
from carillon.schema import plan as p

DIAL_RULES: dict[str, p.DialRules] = {
    "FR": p.DialRules(
        "33", "0", "00", ("112", "15", "17", "18", "114", "115", "116117", "119", "191", "196")
    ),
    "BE": p.DialRules("32", "0", "00", ("112", "100", "101")),
    "GB": p.DialRules("44", "0", "00", ("999", "112", "111", "101")),
    "US": p.DialRules("1", "1", "011", ("911", "933", "988")),
}


DEFAULT_MUSIC = ".music-calm"
"""What a caller on hold hears where the company has chosen nothing."""


@dataclass(frozen=True, slots=True)
class CompanyRows:
    """Everything a plan is made of, read at one moment."""

    company: Company
    people: tuple[Person, ...] = ()
    devices: tuple[Device, ...] = ()
    teams: tuple[tuple[Team, tuple[int, ...]], ...] = ()
    """Each with the ids of its members."""
    numbers: tuple[rows.Number, ...] = ()
    slots: tuple[rows.Slot, ...] = ()
    steps: tuple[rows.RingStep, ...] = ()
    lines: Mapping[int, int] | None = None
    """Person id -> number id shown on outgoing calls."""
    sentences: tuple[rows.SystemPrompt, ...] = ()
    coaches: frozenset[int] = frozenset()
    """Ids of the people who may listen to others' calls: whoever runs the company."""
    limits: rows.CallLimits | None = None


def load_rows(company: Company) -> CompanyRows:
    """Read a company's rows; call inside `within(company)` and a transaction."""
    # The version first: rows read after it are at least as new, and a newer version will follow.
    company.refresh_from_db(fields=["plan_version"])
    people = tuple(Person.objects.order_by("id"))
    alive = {person.pk for person in people}
    teams = Team.objects.order_by("id").prefetch_related("members")
    return CompanyRows(
        company=company,
        people=people,
        devices=tuple(Device.objects.filter(person_id__in=alive).order_by("id")),
        teams=tuple(
            (team, tuple(m.pk for m in team.members.all() if m.pk in alive)) for team in teams
        ),
        numbers=tuple(
            rows.Number.objects.select_related("greeting", "no_answer", "closed").order_by("id")
        ),
        slots=tuple(rows.Slot.objects.order_by("start_minute", "id")),
        steps=tuple(rows.RingStep.objects.order_by("position", "id")),
        lines=dict(rows.OutboundLine.objects.values_list("person_id", "number_id")),
        sentences=tuple(rows.SystemPrompt.objects.order_by("language", "name")),
        coaches=_coaches(company, people),
        limits=rows.CallLimits.objects.first(),
    )


def _coaches(company: Company, people: Iterable[Person]) -> frozenset[int]:
    runs = Membership.objects.filter(company=company).exclude(role=Membership.Role.USER)
    users = set(runs.values_list("user_id", flat=True))
    return frozenset(person.pk for person in people if person.user_id in users)


def compile_plan(r: CompanyRows) -> p.Plan:
    """Return the plan these rows mean. Pure: equal rows make equal plans."""
    sentences = {f"{s.language}.{s.name}": p.Prompt(s.key, s.text, s.seconds) for s in r.sentences}
    nodes: dict[str, p.Node] = {}
    for number in r.numbers:
        for node in _flow(number, r, sentences):
            nodes[node.id] = node
    return p.Plan(
        company=r.company.key,
        version=r.company.plan_version,
        name=r.company.name,
        language=r.company.language,
        timezone=r.company.timezone,
        dial_rules=DIAL_RULES.get(r.company.country, p.DialRules()),
        limits=_limits(r.limits or rows.CallLimits.usual(r.company)),
        numbers=tuple(_number(number) for number in r.numbers),
        nodes=nodes,
        users=tuple(_user(person, r) for person in r.people),
        teams=tuple(_team(team, members) for team, members in r.teams),
        devices=tuple(_device(device) for device in r.devices),
        boxes=(
            *(p.Box(number.box, number.name) for number in r.numbers),
            *(p.Box(person.box, person.name) for person in r.people),
        ),
        music=tuple(each for name, each in sentences.items() if name == DEFAULT_MUSIC),
        system_prompts=sentences,
    )


def number_hours(number: rows.Number, slots: Iterable[rows.Slot]) -> p.Hours:
    """Return when a number is open, as the flows understand it."""
    return p.Hours(
        timezone=number.timezone,
        always_open=number.always_open,
        slots=tuple(p.Slot(s.day_numbers, s.start_minute, s.end_minute) for s in slots),
    )


def _flow(
    number: rows.Number, r: CompanyRows, sentences: Mapping[str, p.Prompt]
) -> tuple[p.Node, ...]:
    """Return A18's picture: hours -> greeting -> ring -> voicemail, or the closed message."""
    name = number.key
    slots = [slot for slot in r.slots if slot.number_id == number.pk]
    nobody = sentences.get(f"{number.language}.nobody")
    unanswered = prompt(number.no_answer)
    if unanswered is None and not number.voicemail_unanswered:
        # The flows' own words for "no box" say that we are closed, and here we are not.
        unanswered = nobody
    return (
        p.HoursNode(
            f"{name}.hours", number_hours(number, slots), f"{name}.greeting", f"{name}.closed"
        ),
        p.GreetingNode(f"{name}.greeting", prompt(number.greeting), f"{name}.ring"),
        p.RingNode(
            f"{name}.ring", _steps(number, r), f"{name}.voicemail", number.respect_waiting_time
        ),
        p.VoicemailNode(
            f"{name}.voicemail", unanswered, number.box if number.voicemail_unanswered else None
        ),
        p.VoicemailNode(
            f"{name}.closed",
            prompt(number.closed),
            number.box if number.voicemail_closed else None,
        ),
    )


def _steps(number: rows.Number, r: CompanyRows) -> tuple[p.RingStep, ...]:
    people = {person.pk: person for person in r.people}
    teams = {team.pk: team for team, _ in r.teams}
    steps = []
    for step in r.steps:
        if step.number_id != number.pk:
            continue
        target: p.Target | None = None
        if step.person_id in people:
            target = p.UserTarget(people[step.person_id].key)
        elif step.team_id in teams:
            target = p.TeamTarget(teams[step.team_id].key)
        elif step.outside:
            target = p.OutsideTarget(step.outside)
        if target is not None:
            steps.append(p.RingStep(target, step.ring_seconds))
    return tuple(steps)


def prompt(row: rows.Prompt | None) -> p.Prompt | None:
    """Return a prompt as plans have it."""
    return None if row is None else p.Prompt(row.key, row.text, row.seconds)


def _number(number: rows.Number) -> p.Number:
    return p.Number(
        id=number.key,
        e164=number.e164,
        name=number.name,
        entry=f"{number.key}.hours",
        language=number.language,
        record_inbound=number.record_inbound,
        record_outbound=number.record_outbound,
    )


def _user(person: Person, r: CompanyRows) -> p.User:
    alive = {number.pk: number for number in r.numbers}
    line = alive.get((r.lines or {}).get(person.pk, 0))
    return p.User(
        id=person.key,
        name=person.name,
        extension=person.extension,
        available=person.available,
        default_number=line.key if line else None,
        box=person.box,
        language=person.language,
        call_waiting=person.call_waiting,
        may_coach=person.pk in r.coaches,
    )


def _limits(limits: rows.CallLimits) -> p.Limits:
    allowed, strangers = ((), ()) if limits.everywhere_allowed else prefixes(limits.countries)
    return p.Limits(
        outside_calls=limits.outside_calls,
        calls_per_hour=limits.calls_per_hour,
        countries=allowed,
        denied=(*(each.removeprefix("+") for each in limits.denied), *strangers),
    )


def _team(team: Team, members: tuple[int, ...]) -> p.Team:
    return p.Team(team.key, team.name, tuple(f"u{pk}" for pk in members))


def _device(device: Device) -> p.Device:
    return p.Device(
        id=device.key,
        user=f"u{device.person_id}",
        username=device.username,
        ha1_md5=device.ha1_md5,
        ha1_sha256=device.ha1_sha256,
        label=device.label,
    )

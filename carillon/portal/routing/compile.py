"""Rows -> Plan: the only bridge from the database to the flows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from msgspec import structs

from carillon.portal.companies.models import Company, Membership
from carillon.portal.countries import prefixes
from carillon.portal.extensions.models import Device, EmergencyAddress, Person, Team, Voice
from carillon.portal.routing import models as rows
from carillon.portal.routing.calendars import Calendar, flow_hours, load_calendar, week_hours
from carillon.portal.routing.dialled import DIAL_RULES as DIAL_RULES
from carillon.portal.routing.dialled import rules_of
from carillon.portal.routing.documents import NumberFlow, ToPerson, ToTeam, Whose
from carillon.portal.routing.nodes import Flow, Known
from carillon.portal.routing.personal import PersonalFlow, personal_nodes
from carillon.portal.routing.showing import people_of
from carillon.schema import plan as p

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
    """With the versions that are published."""
    prompts: tuple[tuple[str, str, float], ...] = ()
    """Key, text and seconds of every message."""
    lines: Mapping[int, int] | None = None
    """Person id -> number id shown on outgoing calls."""
    sentences: tuple[rows.SystemPrompt, ...] = ()
    coaches: frozenset[int] = frozenset()
    """Ids of the people who may listen to others' calls: whoever runs the company."""
    limits: rows.CallLimits | None = None
    voices: tuple[Voice, ...] = ()
    addresses: tuple[EmergencyAddress, ...] = ()
    calendar: Calendar = field(default_factory=Calendar)
    blocked: tuple[str, ...] = ()
    personal: Mapping[int, PersonalFlow] = field(default_factory=dict)
    """By person; whoever is not here is reached plainly."""
    sound: rows.CompanySound | None = None


def load_rows(company: Company) -> CompanyRows:
    """Read a company's rows; call inside `within(company)` and a transaction."""
    # The version first: rows read after it are at least as new, and a newer version will follow.
    company.refresh_from_db(fields=["plan_version"])
    people = tuple(Person.objects.order_by("id"))
    alive = {person.pk for person in people}
    members: dict[int, list[int]] = {}
    inside = Team.members.through.objects.filter(team__company=company).order_by("person_id")
    for team_id, person_id in inside.values_list("team_id", "person_id"):
        if person_id in alive:
            members.setdefault(team_id, []).append(person_id)
    return CompanyRows(
        company=company,
        people=people,
        devices=tuple(Device.objects.filter(person_id__in=alive).order_by("id")),
        teams=tuple(
            (team, tuple(members.get(team.pk, ()))) for team in Team.objects.order_by("id")
        ),
        numbers=_numbers(),
        prompts=tuple(rows.Prompt.objects.order_by("id").values_list("key", "text", "seconds")),
        lines=dict(rows.OutboundLine.objects.values_list("person_id", "number_id")),
        sentences=tuple(rows.SystemPrompt.objects.order_by("language", "name")),
        coaches=_coaches(company, people),
        limits=rows.CallLimits.objects.first(),
        voices=tuple(Voice.objects.order_by("id")),
        addresses=tuple(EmergencyAddress.objects.order_by("id")),
        calendar=load_calendar(company),
        blocked=tuple(
            rows.BlockedCaller.objects.order_by("pattern").values_list("pattern", flat=True)
        ),
        sound=rows.CompanySound.objects.first(),
        personal={row.person_id: row.flow for row in rows.PersonalRow.objects.order_by("id")},
    )


def _numbers() -> tuple[rows.Number, ...]:
    """Return the numbers, the main one first: it is shown by who has chosen no other."""
    found = rows.Number.objects.select_related("published").order_by("id")
    chosen = rows.CompanyNumbers.objects.values_list("main_id", flat=True).first()
    return tuple(sorted(found, key=lambda number: number.pk != chosen))


def _coaches(company: Company, people: Iterable[Person]) -> frozenset[int]:
    runs = Membership.objects.filter(company=company).exclude(role=Membership.Role.USER)
    users = set(runs.values_list("user_id", flat=True))
    return frozenset(person.pk for person in people if person.user_id in users)


def compile_plan(r: CompanyRows, drafts: Mapping[int, NumberFlow] | None = None) -> p.Plan:
    """Return the plan these rows mean. Pure: equal rows make equal plans.

    `drafts` take the place of published flows, by number: what would be if they were published.
    """
    sentences = {f"{s.language}.{s.name}": p.Prompt(s.key, s.text, s.seconds) for s in r.sentences}
    prompts = {key: p.Prompt(key, text, seconds) for key, text, seconds in r.prompts}
    prompts |= {prompt.key: prompt for prompt in sentences.values()}
    known = _known(r, prompts, sentences)
    members = {team.pk: people for team, people in r.teams}
    flows = {number.pk: number.flow for number in r.numbers} | dict(drafts or {})
    nodes: dict[str, p.Node] = {}
    for number in r.numbers:
        flow = flows[number.pk]
        hours = flow_hours(flow, r.calendar, number.pk)
        maker = Flow(number.key, number.box, number.language, flow, hours, known)
        nodes.update((node.id, node) for node in maker.compile())
    nodes.update((node.id, node) for node in _personal(r, known))
    plan = p.Plan(
        company=r.company.key,
        version=r.company.plan_version,
        name=r.company.name,
        language=r.company.language,
        timezone=r.company.timezone,
        dial_rules=DIAL_RULES.get(r.company.country, p.DialRules()),
        limits=_limits(r.limits or rows.CallLimits.usual(r.company)),
        numbers=tuple(_number(each, flows[each.pk], members, known) for each in r.numbers),
        nodes=nodes,
        users=_users(r),
        teams=tuple(_team(team, members) for team, members in r.teams),
        devices=tuple(_device(device) for device in r.devices),
        boxes=(
            *(p.Box(number.box, number.name) for number in r.numbers),
            *known.boxes.values(),
        ),
        music=_music(r, prompts, sentences),
        blocked=r.blocked,
        block_anonymous=r.sound.block_anonymous if r.sound else False,
        system_prompts=sentences,
    )
    return _with_voices(plan, r.voices)


def _with_voices(plan: p.Plan, voices: Iterable[Voice]) -> p.Plan:
    """Let people's names be heard."""
    names = {
        f"u{v.person_id}": p.Prompt(v.name_key, "", v.name_seconds) for v in voices if v.name_key
    }
    return structs.replace(
        plan, users=tuple(structs.replace(u, spoken=names.get(u.id)) for u in plan.users)
    )


def _personal(r: CompanyRows, known: Known) -> Iterator[p.Node]:
    """Return the nodes of everybody who is not reached plainly."""
    greetings = _greetings(r.voices)
    devices: dict[int, dict[int, str]] = {}
    for device in r.devices:
        devices.setdefault(device.person_id, {})[device.pk] = device.key
    for person in r.people:
        flow = r.personal.get(person.pk)
        if flow is None or flow.is_plain:
            continue
        own, greeting = devices.get(person.pk, {}), greetings.get(person.pk)
        yield from personal_nodes(person.key, person.box, flow, greeting, own, known)


def _music(
    r: CompanyRows, prompts: Mapping[str, p.Prompt], sentences: Mapping[str, p.Prompt]
) -> tuple[p.Prompt, ...]:
    """Return what is heard on hold: what the company chose and is there, or the default."""
    chosen = tuple(prompts[key] for key in (r.sound.music if r.sound else ()) if key in prompts)
    return chosen or tuple(each for name, each in sentences.items() if name == DEFAULT_MUSIC)


def _known(
    r: CompanyRows, prompts: Mapping[str, p.Prompt], sentences: Mapping[str, p.Prompt]
) -> Known:
    return Known(
        people={person.pk: person.key for person in r.people},
        extensions={person.extension: person.pk for person in r.people},
        teams={team.pk: team.key for team, _ in r.teams},
        numbers={number.pk: number.key for number in r.numbers},
        boxes=_boxes(r),
        prompts=prompts,
        sentences=sentences,
    )


def _boxes(r: CompanyRows) -> dict[Whose, p.Box]:
    """Return the boxes of people and teams."""
    greetings = _greetings(r.voices)
    found: dict[Whose, p.Box] = {
        ToPerson(row.pk): p.Box(row.box, row.name, greetings.get(row.pk)) for row in r.people
    }
    return found | {ToTeam(team.pk): p.Box(team.box, team.name) for team, _ in r.teams}


def _greetings(voices: Iterable[Voice]) -> dict[int, p.Prompt]:
    """Return what people greet with, by person."""
    return {
        v.person_id: p.Prompt(v.greeting_key, "", v.greeting_seconds)
        for v in voices
        if v.greeting_key
    }


def _number(
    number: rows.Number, flow: NumberFlow, members: Mapping[int, tuple[int, ...]], known: Known
) -> p.Number:
    rules, classic = flow.recording, flow.kind == "classic"
    prompts, alive = known.prompts, known.people
    shown_by = people_of(flow, members)
    return p.Number(
        id=number.key,
        e164=number.e164,
        name=number.name,
        entry=f"{number.key}.hours",
        language=number.language,
        # A33: a menu only passes callers on; whoever takes them records as their own number says.
        record_inbound=rules.inbound and classic,
        record_outbound=rules.outbound,
        record_by_key=rules.inbound_by_key and classic,
        record_outbound_by_key=rules.outbound_by_key,
        record_announcement=prompts.get(rules.announcement),
        kind=flow.kind,
        priority=flow.priority,
        mandatory_tag=flow.mandatory_tag,
        music=tuple(prompts[key] for key in flow.music if key in prompts),
        shown_by=None if shown_by is None else tuple(alive[pk] for pk in shown_by if pk in alive),
    )


def _users(r: CompanyRows) -> tuple[p.User, ...]:
    alive, lines = {number.pk: number.key for number in r.numbers}, r.lines or {}
    addresses = {row.person_id: _address(row) for row in r.addresses}
    return tuple(
        p.User(
            id=person.key,
            name=person.name,
            extension=person.extension,
            available=person.available,
            default_number=alive.get(lines.get(person.pk, 0)),
            box=person.box,
            language=person.language,
            call_waiting=person.call_waiting,
            may_coach=person.pk in r.coaches,
            may_override=person.pk in r.coaches,
            address=addresses.get(person.pk),
            **_reached(person, r.personal.get(person.pk)),
        )
        for person in r.people
    )


def _reached(person: Person, flow: PersonalFlow | None) -> dict[str, Any]:
    if flow is None:
        return {}
    return {
        "entry": "" if flow.is_plain else f"{person.key}.ring",
        "hours": week_hours(flow.hours) if flow.auto else None,
        "after_call_seconds": flow.after_call_seconds,
        "dial_rules": rules_of(flow.dial_country) if flow.dial_country else None,
    }


def _address(row: EmergencyAddress) -> p.Address:
    return p.Address(row.name, row.street, row.city, row.postcode, row.country, row.unit, row.state)


def _limits(limits: rows.CallLimits) -> p.Limits:
    allowed, strangers = ((), ()) if limits.everywhere_allowed else prefixes(limits.countries)
    return p.Limits(
        outside_calls=limits.outside_calls,
        calls_per_hour=limits.calls_per_hour,
        countries=allowed,
        denied=(*(each.removeprefix("+") for each in limits.denied), *strangers),
    )


def _team(team: Team, members: tuple[int, ...]) -> p.Team:
    people = tuple(f"u{pk}" for pk in members)
    spoken = p.Prompt(team.name_key, "", team.name_seconds) if team.name_key else None
    return p.Team(team.key, team.name, people, team.strategy, team.member_seconds, spoken)


def _device(device: Device) -> p.Device:
    return p.Device(
        id=device.key,
        user=f"u{device.person_id}",
        username=device.username,
        ha1_md5=device.ha1_md5,
        ha1_sha256=device.ha1_sha256,
        label=device.label,
        encryption=device.encryption,
    )

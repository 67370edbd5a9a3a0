"""The file holds all that can be set about calls: field by field, and there and back for any company."""

from __future__ import annotations

import contextlib
import json
from datetime import date, datetime
from itertools import count

import pytest
from django.apps import apps
from django.db import models, transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from carillon.portal.companies.actions import create_company
from carillon.portal.companies.models import Company
from carillon.portal.companies.scope import within
from carillon.portal.extensions.actions import (
    add_device,
    add_person,
    change_team,
    create_team,
    encrypt_device,
)
from carillon.portal.extensions.models import Device, Person, Team, Voice
from carillon.portal.followup.actions import create_tag
from carillon.portal.followup.models import Tag
from carillon.portal.integrations.actions import add_integration, pause_integration
from carillon.portal.integrations.models import Event, Integration
from carillon.portal.refused import Refused
from carillon.portal.routing import blocking, days, flows, limits, people
from carillon.portal.routing import documents as d
from carillon.portal.routing.actions import add_number, choose_line
from carillon.portal.routing.company_numbers import choose_numbers
from carillon.portal.routing.messages import keep_text
from carillon.portal.routing.models import Number, Prompt
from carillon.portal.routing.music import choose_music
from carillon.portal.routing.personal import Desk, Elsewhere, PersonalFlow
from carillon.portal.setupfile.exporting import export
from carillon.portal.setupfile.importing import apply, difference
from carillon.portal.setupfile.shape import read, write
from carillon.portal.trials.actions import keep_test
from carillon.portal.trials.models import FlowTest
from tests.portal.conftest import Cast
from tests.portal.test_compile import FLOWS

IN_THE_FILE = {
    "companies.Company": {"name", "country", "language", "timezone"},
    "companies.Membership": {"user", "role"},
    "extensions.Person": {
        "user",
        "name",
        "extension",
        "available",
        "call_waiting",
        "language",
    },
    "extensions.Voice": {"person", "greeting_key"},
    "extensions.Device": {"person", "label", "encryption"},
    "extensions.Team": {"name", "strategy", "member_seconds", "members"},
    "routing.Prompt": {"key", "source", "text", "language"},
    "routing.Number": {"e164", "name", "country", "language", "published"},
    "routing.FlowVersion": {"number", "document"},
    "routing.CompanyDay": {"first", "last", "name", "slots"},
    "routing.PersonalRow": {"person", "document"},
    "routing.BlockedCaller": {"pattern", "note"},
    "routing.CompanySound": {"music", "block_anonymous"},
    "routing.OutboundLine": {"person", "number"},
    "routing.CompanyNumbers": {"main", "fax"},
    "routing.CallLimits": {
        "outside_calls",
        "calls_per_hour",
        "everywhere_allowed",
        "countries",
        "denied",
    },
    "followup.Tag": {"name", "colour"},
    "integrations.Integration": {"name", "url", "active", "events", "all_numbers", "numbers"},
    "trials.FlowTest": {
        "number",
        "name",
        "weekday",
        "on_date",
        "time",
        "caller",
        "keys",
        "everybody",
        "expects",
        "expected",
    },
}
MOMENT = "what happened, or holds for the moment, is no set-up"
SECRET = "secrets are in no file"
SOUND = "sounds are files of their own: the file names them, and they stay where they are"
COUNTED = "counted or written by the system itself"
LEFT_OUT = {
    "companies.Company": {
        "slug": COUNTED,
        "demo": COUNTED,
        "plan": "what was ordered is paid for, not set",
        "lines": "what was ordered is paid for, not set",
        "plan_version": COUNTED,
        "calls_version": COUNTED,
        "created_at": COUNTED,
    },
    "companies.AuditRow": MOMENT,
    "extensions.Person": {"plan_line": "handed out as people come", "deleted_at": MOMENT},
    "extensions.Pin": SECRET,
    "extensions.Voice": {
        "greeting_seconds": SOUND,
        "name_key": SOUND,
        "name_seconds": SOUND,
        "name_text": SOUND,
    },
    "extensions.EmergencyAddress": "somebody must accept what it means, on its page",
    "extensions.Device": {
        "username": SECRET,
        "browser": "made anew when somebody turns the phone in their browser on",
        "password_encrypted": SECRET,
        "ha1_md5": SECRET,
        "ha1_sha256": SECRET,
        "registered_at": MOMENT,
        "address": MOMENT,
        "user_agent": MOMENT,
        "deleted_at": MOMENT,
    },
    "extensions.SetUpLink": SECRET,
    "extensions.Team": {
        "name_key": SOUND,
        "name_seconds": SOUND,
        "name_text": SOUND,
        "deleted_at": MOMENT,
    },
    "routing.Prompt": {"filename": SOUND, "seconds": SOUND, "created_at": COUNTED},
    "routing.Number": {
        "draft": "what nobody meets yet",
        "draft_by": "what nobody meets yet",
        "draft_at": "what nobody meets yet",
        "deleted_at": MOMENT,
    },
    "routing.FlowVersion": {
        "version": COUNTED,
        "published_at": COUNTED,
        "published_by": COUNTED,
        "note": COUNTED,
    },
    "routing.Rung": COUNTED,
    "routing.HoursOverride": MOMENT,
    "routing.BlockedCaller": {"by": COUNTED, "at": COUNTED},
    "routing.MusicPiece": SOUND,
    "routing.Dictation": MOMENT,
    "routing.HolidayYear": COUNTED,
    "routing.SystemPrompt": "the system's own, not a company's",
    "routing.Trunk": "the system's own, not a company's",
    "followup.Tag": {"system": COUNTED, "deleted_at": MOMENT},
    "followup.CallTag": MOMENT,
    "followup.OwedTag": MOMENT,
    "followup.Callback": MOMENT,
    "integrations.Integration": {
        "secret_encrypted": SECRET,
        "failing_since": MOMENT,
        "created_at": COUNTED,
        "created_by": COUNTED,
    },
    "integrations.Delivery": MOMENT,
    "trials.FlowTest": {"created_at": COUNTED},
}


def fields_of(model: type[models.Model]) -> set[str]:
    own = (*model._meta.fields, *model._meta.many_to_many)
    return {field.name for field in own} - {"id", "company"}


@pytest.mark.parametrize(
    "model",
    [
        model
        for app in ("companies", "extensions", "routing", "followup", "integrations", "trials")
        for model in apps.get_app_config(app).get_models()
    ],
    ids=lambda model: model._meta.label,
)
def test_every_field_is_in_the_file_or_left_out_for_a_reason(model: type[models.Model]) -> None:
    label = model._meta.label
    reasons = LEFT_OUT.get(label, {})
    if isinstance(reasons, str):
        assert label not in IN_THE_FILE
        return
    known = IN_THE_FILE.get(label, set())
    assert fields_of(model) == known | set(reasons), "say whether the file has it, or why not"
    assert not known & set(reasons)


# -- there and back ------------------------------------------------------------------------------

TEXTS = ("Good morning.", "Please wait.")
SECONDS = st.integers(5, 120)
E164 = st.integers(100000000, 999999999).map(lambda n: f"+33{n}")
PEOPLE = 4
PERSONAL = st.builds(
    PersonalFlow,
    auto=st.booleans(),
    hours=st.just(d.OpeningHours(always=False, slots=(d.WeekSlot("01234", 540, 1080),))),
    after_call_seconds=st.integers(0, 60),
    mode=st.sampled_from(["sequence", "together"]),
    main_seconds=st.integers(0, 60),
    show_caller=st.booleans(),
    entries=st.lists(
        st.one_of(st.builds(Elsewhere, E164, SECONDS, st.booleans()), st.builds(Desk, st.just(0))),
        max_size=4,
    ).map(tuple),
)
DAYS = st.lists(
    st.tuples(
        st.dates(date(2026, 1, 1), date(2027, 12, 31)),
        st.lists(st.tuples(st.integers(0, 700), st.integers(701, 1440)), max_size=2),
    ),
    max_size=3,
)


def random_company(cast: Cast, data: st.DataObject) -> None:
    """Set whatever can be set, by the actions people use."""
    by, acme = cast.users["owner"], cast.acme
    nth = count(1)
    add = [add_person(acme, name=f"P{n}", extension=str(300 + n), by=by) for n in range(PEOPLE)]
    someone = st.sampled_from([*add, *cast.people.values()])
    for person in data.draw(st.lists(someone, max_size=3), "phones"):
        encryption = data.draw(st.sampled_from(Device.Encryption.values))
        encrypt_device(add_device(person, "desk", by=by), encryption, by=by)
    members = st.lists(someone, unique_by=lambda p: p.pk, max_size=4)
    for strategy in data.draw(st.lists(st.sampled_from(Team.Strategy.values), max_size=2)):
        create_team(
            acme,
            f"Team {next(nth)}",
            data.draw(members),
            strategy=strategy,
            member_seconds=data.draw(SECONDS),
            by=by,
        )
    change_team(cast.team, "Sales", data.draw(members), by=by)
    for first, slots in data.draw(DAYS):
        special = d.Special(first.isoformat(), first.isoformat(), f"Day {next(nth)}", tuple(slots))
        days.add_company_day(acme, special, by=by)
    for e164 in data.draw(st.lists(E164, max_size=3, unique=True)):
        blocking.block(acme, data.draw(st.sampled_from([e164, f"{e164[:6]}*"])), "rude", by=by)
    blocking.block_anonymous(acme, data.draw(st.booleans()), by=by)
    if data.draw(st.booleans()):
        changes = {"outside_calls": 3, "denied": ["+3389"], "countries": ["FR", "JP"]}
        limits.change_limits(acme, changes, by=by)
    for colour in data.draw(st.lists(st.sampled_from(Tag.Colour.values), max_size=3)):
        create_tag(acme, f"Tag {next(nth)}", colour, by=by)
    random_ways(cast, data, list(add))
    second = add_number(acme, "Second", "FR", by=by)
    random_checks(cast, data, second)
    main = data.draw(st.sampled_from([cast.number, second]))
    choose_numbers(
        acme, main.pk, data.draw(st.sampled_from(["", second.e164, "+33123456789"])), by=by
    )


def random_checks(cast: Cast, data: st.DataObject, second: Number) -> None:
    """Keep tests, and tell other programs."""
    by, acme = cast.users["owner"], cast.acme
    rung = [f"u{cast.people['user'].pk}", f"t{cast.team.pk}", "u0", "+33639981234"]
    expected = st.sampled_from(
        ["outcome:voicemail", "outcome:closed", *(f"rings:{r}" for r in rung)]
    )
    for at in data.draw(st.lists(st.datetimes(datetime(2026, 1, 1)), max_size=3), "tests"):
        keep_test(
            data.draw(st.sampled_from([cast.number, second])),
            data.draw(st.sampled_from(["Nights", "Sunday 22:00", "Ä"])),
            at.replace(second=0, microsecond=0),
            data.draw(expected),
            every_week=data.draw(st.booleans()),
            caller=data.draw(st.sampled_from(["", "+33612345678"])),
            keys=data.draw(st.sampled_from(["", "1", "9#"])),
            people=data.draw(st.sampled_from(FlowTest.Everybody.values)),
            by=by,
        )
    some = st.lists(st.sampled_from([cast.number, second]), unique_by=lambda row: row.pk)
    events = st.lists(st.sampled_from(Event.values), min_size=1, unique=True)
    for name in data.draw(st.lists(st.sampled_from(["CRM", "Board"]), max_size=3), "integrations"):
        facts = {"url": f"https://{name.lower()}.example.com/", "events": data.draw(events)}
        numbers, everything = data.draw(some), data.draw(st.booleans())
        row, _secret = add_integration(
            acme, name=name, **facts, all_numbers=everything, numbers=numbers, by=by
        )
        pause_integration(row, data.draw(st.booleans()), by=by)


def random_ways(cast: Cast, data: st.DataObject, add: list[Person]) -> None:
    """Set flows, music, and how people are reached."""
    by, acme = cast.users["owner"], cast.acme
    keys = [*Prompt.objects.order_by("id").values_list("key", flat=True)]
    flow = among_us(data.draw(FLOWS, "a flow"), cast, keys)
    with contextlib.suppress(Refused):  # a loop
        flows.change_flow(cast.number, lambda _now: flow, by=by)
    key = st.sampled_from(["", *keys])
    choose_music(acme, data.draw(st.lists(st.sampled_from(keys), max_size=2)), by=by)
    for person in add:
        if not data.draw(st.booleans()):
            continue
        wanted = data.draw(PERSONAL)
        own = list(Device.objects.filter(person=person).values_list("pk", flat=True))
        entries = tuple(
            replace(each, device=own[0]) if isinstance(each, Desk) else each
            for each in wanted.entries
            if own or not isinstance(each, Desk)
        )
        instead = data.draw(
            st.sampled_from([None, d.ToTeam(cast.team.pk), d.ToOutside("+33639981234")])
        )
        wanted = replace(wanted, entries=entries, unanswered=instead)
        people.change_personal(person, lambda _now, flow=wanted: flow, by=by)
        people.set_greeting(person, data.draw(key), by=by)
        number = Number.objects.select_related("published").get(pk=cast.number.pk)
        choose_line(person, data.draw(st.sampled_from([None, number])), by=by)


def among_us(flow: d.NumberFlow, cast: Cast, keys: list[str]) -> d.NumberFlow:
    """Return a flow that names our people, teams and messages; some of them are gone."""
    ours = {
        "person": [row.pk for row in cast.people.values()],
        "team": [cast.team.pk],
        "number": [cast.number.pk],
    }
    text = d.write_flow(flow).replace('"k1"', f'"{keys[0]}"').replace('"k2"', f'"{keys[1]}"')

    def walk(value: object) -> object:
        if isinstance(value, list):
            return [walk(each) for each in value]
        if not isinstance(value, dict):
            return value
        found = {name: walk(each) for name, each in value.items()}
        known = ours.get(str(value.get("type")))
        if known is not None:
            found["id"] = known[value["id"]] if value["id"] < len(known) else 0
        return found

    document = json.loads(text.replace('"gone"', '""'))
    return d.read_flow(json.dumps(walk(document)))


@pytest.mark.django_db
@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_any_company_written_and_read_into_an_empty_one_is_the_same(
    cast: Cast, data: st.DataObject
) -> None:
    by = cast.users["owner"]
    with transaction.atomic():
        Company.objects.update(lines=50)
        cast.acme.refresh_from_db()
        with within(cast.acme):
            for text in TEXTS:
                keep_text(cast.acme, text, "en")
            random_company(cast, data)
            wanted = write(export(cast.acme))
            assert difference(cast.acme, read(wanted.encode()), by=by) == []
            Number.objects.update(deleted_at=timezone.now())
        empty = create_company("Empty", owner=by, country="GB", language="fr", lines=50)
        with within(empty):
            apply(empty, read(wanted.encode()), by=by)
            assert write(export(empty)) == wanted
            assert difference(empty, read(wanted.encode()), by=by) == []
        transaction.set_rollback(True)


TESTED = "numbers: [{number: 'OURS', name: Main line, tests: [%s]}]"


@pytest.mark.django_db
@pytest.mark.parametrize(
    "text",
    [
        "limits: {outside_calls: -1, calls_per_hour: 0}",
        "limits: {outside_calls: 1, calls_per_hour: 0, everywhere_allowed: true, denied: [x]}",
        "days: [{first: '2026-02-30', last: '2026-03-01', name: x}]",
        "days: [{first: '2026-03-02', last: '2026-03-01', name: x}]",
        "days: [{first: '2026-03-02', last: '2026-03-02', name: x, slots: [[0, 9999]]}]",
        "blocked: [{pattern: everybody}]",
        "tags: [{name: x, colour: beige}]",
        "integrations: [{name: x, url: 'http://127.0.0.1/', events: [call.ended]}]",
        "integrations: [{name: x, url: 'https://crm.example/', events: [nothing]}]",
        "integrations: [{name: x, url: 'https://crm.example/', events: []}]",
        "integrations: [{name: x, url: 'https://crm.example/', events: [call.ended], numbers: ['+1']}]",
        TESTED % "{name: x, time: '25:00', weekday: 1, expects: {outcome: missed}}",
        TESTED % "{name: x, time: '10:00', weekday: 7, expects: {outcome: missed}}",
        TESTED % "{name: x, time: '10:00', expects: {outcome: missed}}",
        TESTED
        % "{name: x, time: '10:00', weekday: 1, date: '2026-01-01', expects: {outcome: missed}}",
        TESTED % "{name: x, time: '10:00', date: '2026-02-30', expects: {outcome: missed}}",
        TESTED % "{name: x, time: '10:00', weekday: 1, expects: {outcome: nonsense}}",
        TESTED % "{name: x, time: '10:00', weekday: 1, expects: {person: '999'}}",
        TESTED % "{name: x, time: '10:00', weekday: 1, expects: {}}",
        TESTED % "{name: x, time: '10:00', weekday: 1, keys: abc, expects: {outcome: missed}}",
        TESTED % "{name: '', time: '10:00', weekday: 1, expects: {outcome: missed}}",
        "company: {name: Acme, country: ZZ}",
        "company: {name: Acme, music: ['file: nowhere']}",
        "people: [{extension: '104', name: Ben, role: king}]",
        "people: [{extension: '104', name: Ben, shows: '+33199999999'}]",
        "people: [{extension: '104', name: Ben, phones: [{label: a, encryption: maybe}]}]",
        "people: [{extension: '104', name: Ben, reached: {entries: [{type: phone, device: 7}]}}]",
        "people: [{extension: '104', name: Ben, reached: {entries: [{type: outside, e164: '1'}]}}]",
        "people: [{extension: '104', name: Ben, reached: {main_seconds: 9999}}]",
        "people: [{extension: '104', name: Ben, reached: {entries: 3}}]",
        "people: [{extension: '104', name: Ben, reached: {unanswered: {type: team, id: Moon}}}]",
        "company: {name: Acme, main_number: '+33199999999'}",
        "company: {name: Acme, fax: '12'}",
        "teams: [{name: Sales, strategy: loudest}]",
        "teams: [{name: Sales, member_seconds: 1}]",
        "numbers: [{number: '+33612345678', name: Mobile}]",
    ],
)
def test_what_a_page_would_not_take_no_file_brings_in(cast: Cast, text: str) -> None:
    before = None
    with within(cast.acme):
        before = write(export(cast.acme))
        with pytest.raises(Refused):
            whole = f"carillon: 1\n{text.replace('OURS', cast.number.e164)}"
            apply(cast.acme, read(whole.encode()), by=cast.users["owner"])
        cast.acme.refresh_from_db()
        assert write(export(cast.acme)) == before


@pytest.mark.django_db
def test_what_a_file_does_not_mention_stays(cast: Cast) -> None:
    with within(cast.acme):
        by = cast.users["owner"]
        create_team(cast.acme, "Night", [], strategy="round-robin", member_seconds=20, by=by)
        blocking.block(cast.acme, "+33612345678", "", by=by)
        before = write(export(cast.acme))
        text = "carillon: 1\ncompany: {name: Acme, language: en}\nteams: [{name: Night}]"
        assert difference(cast.acme, read(text.encode()), by=by) == []
        apply(cast.acme, read(b"carillon: 1\nblocked: []"), by=by)
        assert write(export(cast.acme)) != before, "lists of callers are taken whole"


@pytest.mark.django_db
def test_tests_are_taken_whole_and_integrations_added_or_changed(cast: Cast) -> None:
    by, acme = cast.users["owner"], cast.acme
    with within(acme):
        keep_test(cast.number, "Nights", datetime(2026, 1, 5, 23), "outcome:voicemail", by=by)
        crm, secret = add_integration(
            acme,
            name="CRM",
            url="https://crm.example.com/",
            events=["call.ended"],
            all_numbers=True,
            numbers=[],
            by=by,
        )
        text = write(export(acme))
        assert "weekday: 0" in text and secret not in text
        apply(acme, read(b"carillon: 1"), by=by)
        assert write(export(acme)) == text, "what is not mentioned stays"
        changed = text.replace("weekday: 0", "weekday: 6").replace("crm.ex", "new.ex")
        told = difference(acme, read(changed.encode()), by=by)
        assert [each.action for each in told] == [
            "test-removed",
            "test-kept",
            "integration-changed",
        ]
        apply(acme, read(changed.encode()), by=by)
        crm.refresh_from_db()
        assert crm.url == "https://new.example.com/"
        kept = crm.secret_encrypted
        (test,) = FlowTest.objects.all()
        assert (test.weekday, test.expected) == (6, "voicemail")
        more = text.replace("name: CRM", "name: Board")
        apply(acme, read(more.encode()), by=by)
        board = Integration.objects.get(name="Board")
        assert board.secret_encrypted not in ("", kept)


@pytest.mark.django_db
def test_a_file_names_no_secret_and_no_recorded_greeting(cast: Cast) -> None:
    with within(cast.acme):
        Voice.objects.create(person=cast.people["user"], greeting_key="recorded")
        text = write(export(cast.acme))
        assert "recorded" not in text
        for secret in (cast.device.username, cast.device.ha1_md5, cast.device.password_encrypted):
            assert secret not in text
        assert difference(cast.acme, read(text.encode()), by=cast.users["owner"]) == []

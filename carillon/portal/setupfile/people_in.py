"""People and teams, from the file: who they are, their phones, how they are reached."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from carillon.flows.outgoing import normalise
from carillon.portal.accounts.models import User
from carillon.portal.companies.models import Company, Membership
from carillon.portal.extensions import actions as extensions
from carillon.portal.extensions.models import Device, Person, Team
from carillon.portal.refused import Refused
from carillon.portal.routing import actions as routing
from carillon.portal.routing import people
from carillon.portal.routing.dialled import rules_of
from carillon.portal.routing.models import Number
from carillon.portal.routing.personal import MOST_ENTRIES, Elsewhere, PersonalFlow
from carillon.portal.setupfile.references import load_book
from carillon.portal.setupfile.shape import PersonEntry, PhoneEntry, TeamEntry
from carillon.schema.plan import DialRules

SHORTEST_RING, LONGEST_RING = 5, 300
MEMBER_SECONDS = range(5, 121)


def take_person(company: Company, entry: PersonEntry, *, by: User) -> None:
    """Add somebody, or set what they are called and may do; what refers to others comes later."""
    known = Person.objects.filter(extension=entry.extension).select_related("user").first()
    language = entry.language or company.language
    role = entry.role or ""
    if role and role not in Membership.Role.values:
        raise Refused("bad-role", f"{entry.extension}: {role[:20]}")
    if known is None:
        known = _add(company, entry, role or Membership.Role.USER, language, by)
    wanted = {"name": entry.name, "language": language, "call_waiting": entry.call_waiting}
    changes = {field: value for field, value in wanted.items() if getattr(known, field) != value}
    place = Membership.objects.filter(user=known.user, company=company).first()
    other_role = role if place is not None and role != place.role else ""
    if changes or other_role:
        extensions.change_person(known, changes, role=other_role, by=by)
    if entry.available is not None:
        extensions.set_availability(known, entry.available, by=by)
    if entry.phones is not None:
        _phones(known, entry.phones, by)


def _add(company: Company, entry: PersonEntry, role: str, language: str, by: User) -> Person:
    # Whoever founded the company may have no extension yet.
    email = entry.email.strip().lower()
    places = Membership.objects.filter(company=company, user__email=email).select_related("user")
    place = places.first() if email else None
    founder = place.user if place else None
    if founder is not None and Person.objects.filter(user=founder).exists():
        founder = None
    person = extensions.add_person(
        company,
        name=entry.name,
        extension=_extension(entry.extension),
        email="" if founder else entry.email,
        role=role,
        language=language,
        call_waiting=entry.call_waiting,
        invite=bool(entry.email),
        by=by,
    )
    if founder is not None:
        person.user = founder
        person.save(update_fields=["user"])
    return person


def take_ways(company: Company, entry: PersonEntry, *, by: User) -> None:
    """Set how somebody is reached and what they show, once everybody and every number is there."""
    person = Person.objects.select_related("company").get(extension=entry.extension)
    book = load_book(company)
    if entry.reached is not None:
        own = _own_phones(person, entry.phones or [])
        flow = _checked(entry, book.personal(entry.reached, [device.pk for device in own]))
        people.change_personal(person, lambda _now: flow, by=by)
    if entry.greeting is not None:
        key = book.key(entry.greeting, person.language)
        voice = getattr(person, "voice", None)
        if key != (voice.greeting_key if voice else ""):
            people.set_greeting(person, key, by=by)
    if entry.shows is not None:
        number = Number.objects.select_related("published").filter(e164=entry.shows).first()
        if entry.shows and number is None:
            raise Refused("no-such", f"{entry.extension}: {entry.shows[:20]}")
        routing.choose_line(person, number, by=by)


def take_team(company: Company, entry: TeamEntry, *, by: User) -> None:
    """Make a team, or set who is in it and how it rings."""
    rows = {row.extension: row for row in Person.objects.filter(extension__in=entry.members)}
    missing = [each for each in entry.members if each not in rows]
    if missing:
        text = _("Team %(team)s: nobody has extension %(extension)s.")
        raise Refused("no-such", text % {"team": entry.name, "extension": missing[0][:20]})
    members = [rows[each] for each in dict.fromkeys(entry.members)]
    known = Team.objects.filter(name=entry.name).first()
    how: dict[str, Any] = {
        "strategy": entry.strategy or (known.strategy if known else Team.Strategy.ALL),
        "member_seconds": entry.member_seconds or (known.member_seconds if known else 15),
    }
    if how["strategy"] not in Team.Strategy.values or how["member_seconds"] not in MEMBER_SECONDS:
        raise Refused("bad-team", f"{entry.name}: {how['strategy']} {how['member_seconds']}")
    if known is None:
        extensions.create_team(company, entry.name[:120], members, **how, by=by)
    else:
        extensions.change_team(known, entry.name, members, **how, by=by)


def _extension(text: str) -> str:
    if not (text.isascii() and text.isdigit() and 2 <= len(text) <= 6):
        raise Refused("bad-extension", _("“%(text)s” is not an extension.") % {"text": text[:20]})
    return text


def _phones(person: Person, entries: list[PhoneEntry], by: User) -> None:
    """Make the phones that are missing; the others stay as they are, passwords too."""
    for entry, device in zip(entries, _matched(person, entries), strict=True):
        if entry.encryption not in Device.Encryption.values:
            raise Refused("bad-phone", f"{person.extension}: {entry.encryption[:20]}")
        device = device or extensions.add_device(person, entry.label[:60], by=by)
        extensions.encrypt_device(device, entry.encryption, by=by)


def _own_phones(person: Person, entries: list[PhoneEntry]) -> list[Device]:
    return [device for device in _matched(person, entries) if device is not None]


def _matched(person: Person, entries: list[PhoneEntry]) -> list[Device | None]:
    """Return each entry's phone: the first of its label that no entry before has."""
    left = list(Device.objects.filter(person=person, browser=False).order_by("id"))
    found: list[Device | None] = []
    for entry in entries:
        device = next((each for each in left if each.label == entry.label[:60]), None)
        if device is not None:
            left.remove(device)
        found.append(device)
    return found


def _checked(entry: PersonEntry, flow: PersonalFlow) -> PersonalFlow:
    """Return how somebody is reached; `Refused` where the page would not have let it be written."""
    seconds = [each.seconds for each in flow.entries]
    outside = [each.e164 for each in flow.entries if isinstance(each, Elsewhere)]
    if (
        len(flow.entries) > MOST_ENTRIES
        or not all(SHORTEST_RING <= each <= LONGEST_RING for each in seconds)
        or not 0 <= flow.main_seconds <= LONGEST_RING
        or not all(normalise(each, DialRules()) == each for each in outside)
        or (flow.dial_country and rules_of(flow.dial_country) is None)
    ):
        text = _(
            "Extension %(extension)s: at most 10 phones, of 5 to 300 seconds, with +numbers, in a country."
        )
        raise Refused("bad-flow", text % {"extension": entry.extension})
    return flow

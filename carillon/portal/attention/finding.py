"""What is wrong in a company's set-up at this moment, in the words of whoever reads it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.urls import reverse
from django.utils.translation import gettext as _

from carillon.portal.extensions.models import Person, Voice
from carillon.portal.routing.checks import is_heard, problems
from carillon.portal.routing.models import CompanySound, Number, PersonalRow
from carillon.portal.routing.names import Names, load_names

NOT_YET = frozenset({"nobody"})
"""What a new number is like until somebody has said whom it rings: no trouble."""
PLAN = "plan:"
LONGEST_KEY = 200


@dataclass(frozen=True, slots=True)
class Found:
    """One trouble: where it is, what it means for callers, and the page that mends it."""

    key: str
    title: str
    advice: str
    url: str
    number: int | None = None


def find() -> list[Found]:
    """Return what is wrong with the flows and sounds of the current company, as it is published."""
    names = load_names()
    numbers = Number.objects.select_related("published").order_by("name")
    found = [each for number in numbers for each in _of_number(number, names)]
    found += _of_people(names)
    found += _of_music(names)
    return found


def refused_plan(why: str) -> Found:
    """Return that the switch does not follow the company's newest settings."""
    advice = _("Calls follow the settings before. Update the system, or look at its log.")
    return Found(
        PLAN,
        _("The latest settings could not be taken over"),
        f"{advice} ({why})",
        reverse("help-article", args=["trouble"]),
    )


def _of_number(number: Number, names: Names) -> Iterator[Found]:
    for each in problems(number.flow, names):
        if each.kind not in NOT_YET:
            key = f"{each.kind}:{number.key}:{each.about}"[:LONGEST_KEY]
            url = f"{reverse('number', args=[number.pk])}?step={each.step}"
            yield Found(key, number.name, each.text, url, number.pk)


def _of_people(names: Names) -> Iterator[Found]:
    for row in PersonalRow.objects.order_by("id"):
        person, instead = names.people.get(row.person_id), row.flow.unanswered
        if person is not None and instead is not None and not names.exists(instead):
            text = _("Who is rung when nobody answers is gone: callers reach the voicemail.")
            yield _of_person("gone", person, text)
    for voice in Voice.objects.exclude(greeting_key="").order_by("id"):
        person = names.people.get(voice.person_id)
        if person is not None and not is_heard(voice.greeting_key):
            text = _("Callers do not hear the voicemail greeting: its sound cannot be read.")
            yield _of_person("sound", person, text)


def _of_person(kind: str, person: Person, text: str) -> Found:
    url = reverse("forwarding", args=[person.pk])
    return Found(f"{kind}:{person.key}", person.name, text, url)


def _of_music(names: Names) -> Iterator[Found]:
    row = CompanySound.objects.first()
    for key in row.music if row else ():
        if not is_heard(key):
            name = names.music[key].name if key in names.music else _("a message")
            text = _("Callers do not hear “%(name)s”: its sound cannot be read. Make it anew.")
            found = f"sound:music:{key}"[:LONGEST_KEY]
            yield Found(found, _("Hold music"), text % {"name": name}, reverse("music"))

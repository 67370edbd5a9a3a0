"""Whose calls may show a number: everybody's, or those it rings and those on its list (A20, A31)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from carillon.portal.extensions.models import Person, Team
from carillon.portal.routing.documents import NumberFlow, ToPerson, ToTeam
from carillon.portal.routing.models import Number

Members = Mapping[int, Sequence[int]]
"""Id of a team -> ids of the people in it."""


def people_of(flow: NumberFlow, members: Members) -> list[int] | None:
    """Return the ids of the people who may show a number; None: everybody."""
    if flow.outgoing is None:
        return None
    # A31: a menu rings nobody of itself, so that whoever is on the list only calls out.
    rung = [step.target for step in flow.steps] if flow.kind == "classic" else []
    found: dict[int, None] = {}
    for target in (*rung, *flow.outgoing):
        if isinstance(target, ToPerson):
            found[target.id] = None
        elif isinstance(target, ToTeam):
            found.update(dict.fromkeys(members.get(target.id, ())))
    return list(found)


def may_show(number: Number, person: Person) -> bool:
    """Say whether somebody may call out with a number, as it is published."""
    found = people_of(number.flow, load_members())
    return found is None or person.pk in found


def numbers_shown_by(person: Person) -> list[Number]:
    """Return the numbers somebody may call out with, by name."""
    rows, members = Number.objects.select_related("published").order_by("name"), load_members()
    allowed = ((row, people_of(row.flow, members)) for row in rows)
    return [row for row, people in allowed if people is None or person.pk in people]


def load_members() -> dict[int, list[int]]:
    """Read who is in which team of the current company."""
    members: dict[int, list[int]] = {}
    teams = Team.objects.filter(members__deleted_at=None).order_by("id")
    for team, person in teams.values_list("pk", "members"):
        if person is not None:
            members.setdefault(team, []).append(person)
    return members

"""Whose messages are in a box, by the box's id alone."""

from __future__ import annotations

from carillon.portal.extensions.models import Person, Team

PERSON, TEAM = "bu", "bt"
"""How the id of a person's box begins, and that of a team's."""


def id_after(prefix: str, box: str) -> int | None:
    """Return the id of the row a box belongs to, None where it is a box of another kind."""
    digits = box.removeprefix(prefix)
    if digits == box or not (digits.isascii() and digits.isdecimal() and len(digits) < 16):
        return None
    return int(digits)


def listeners(company: int, box: str) -> tuple[list[Person], Team | None]:
    """Return who hears of messages in a box: its owner, or everybody in the team, which is told too."""
    people = Person.everywhere.filter(company_id=company, deleted_at=None)
    people = people.select_related("user", "company").order_by("pk")
    owner, of_team = id_after(PERSON, box), id_after(TEAM, box)
    if owner is not None:
        return list(people.filter(pk=owner)), None
    teams = Team.everywhere.filter(company_id=company, deleted_at=None)
    team = teams.filter(pk=of_team).first() if of_team is not None else None
    return (list(people.filter(teams=team)), team) if team is not None else ([], None)


def boxes_of(person: Person) -> list[str]:
    """Return the boxes somebody hears by telephone: their own, then their teams'."""
    teams = Team.everywhere.filter(members=person, company=person.company_id, deleted_at=None)
    return [person.box, *(team.box for team in teams.order_by("pk"))]

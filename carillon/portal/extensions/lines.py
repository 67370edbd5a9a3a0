"""The lines of a company's plan: each is somebody's, or waits to be given (R40, R45).

A line is a place among as many as were ordered. Whoever was added without choosing one, as by older releases,
counts as having the lowest that is free.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from carillon.portal.accounts.models import User
from carillon.portal.companies import audit
from carillon.portal.companies.models import Company
from carillon.portal.extensions.models import Person
from carillon.portal.refused import Refused

SOFT, DESK = "soft", "desk"
KINDS = {SOFT: gettext_lazy("Software phone"), DESK: gettext_lazy("Desk phone")}
"""What a line is given with: a phone of that name, whose username and password wait on its page."""
TABS = ("all", "assigned", "unassigned")


@dataclass(frozen=True, slots=True)
class Line:
    """One place, and who has it."""

    place: int
    person: Person | None


def places(company: Company) -> dict[int, int | None]:
    """Return every line in its order, with the id of who has it."""
    people = list(Person.objects.order_by("id").values_list("pk", "plan_line"))
    count = max(company.lines, len(people))
    found: dict[int, int | None] = dict.fromkeys(range(1, count + 1))
    without = []
    for person, place in people:
        if place in found and found[place] is None:
            found[place] = person
        else:
            without.append(person)
    free = iter([place for place, person in found.items() if person is None])
    return found | dict(zip(free, without, strict=False))


def free_places(company: Company) -> list[int]:
    """Return the lines nobody has."""
    return [place for place, person in places(company).items() if person is None]


def count(company: Company) -> dict[str, int]:
    """Return how many lines there are behind each tab."""
    found = places(company)
    assigned = sum(person is not None for person in found.values())
    return {"all": len(found), "assigned": assigned, "unassigned": len(found) - assigned}


def behind(company: Company, tab: str, only: Iterable[int] | None = None) -> list[tuple[int, int]]:
    """Return the lines behind a tab as (place, person or 0); `only` those of these people."""
    rows = [(place, person or 0) for place, person in places(company).items()]
    if tab in TABS[1:]:
        rows = [row for row in rows if bool(row[1]) == (tab == "assigned")]
    if only is None:
        return rows
    wanted = set(only)
    return [row for row in rows if row[1] in wanted]


def take(company: Company, wanted: int | None = None) -> int:
    """Return the line somebody gets: the wanted one, or the lowest free; call in a transaction."""
    free = free_places(company)
    if not free:
        text = _(
            "All %(n)s lines are in use. Order more under Billing, or remove somebody who needs theirs "
            "no more."
        )
        raise Refused("no-line", text % {"n": company.lines})
    if wanted is not None and wanted not in free:
        text = _("Line %(n)s was given to somebody meanwhile. Choose another.")
        raise Refused("line-taken", text % {"n": wanted})
    return free[0] if wanted is None else wanted


@transaction.atomic
def order(company: Company, lines: int, *, by: User) -> None:
    """Have so many lines from now on; never fewer than are in use."""
    used = Person.objects.count()
    if lines < used:
        text = _("%(n)s lines are in use. Remove people first.")
        raise Refused("lines-in-use", text % {"n": used})
    before = company.lines
    if lines == before:
        return
    company.lines = lines
    company.save(update_fields=["lines"])
    thing = (company.key, company.name)
    audit.write(company, by, "lines-ordered", thing, {"lines": before}, {"lines": lines})

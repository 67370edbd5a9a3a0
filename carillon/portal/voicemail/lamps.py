"""How many messages wait for each person, for the lamps of their phones (RFC 3842)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from django.db import OperationalError
from django.db.models import Count, Q

from carillon.bus.client import SwitchClient, Unreachable
from carillon.portal.extensions.models import Team
from carillon.portal.voicemail.boxes import PERSON, TEAM, id_after
from carillon.portal.voicemail.models import Message
from carillon.schema.commands import TellMessages

Counts = dict[str, tuple[int, int]]


def counts() -> dict[str, Counts]:
    """Return for each company its people's messages, their own and their teams': new and heard."""
    mine = Q(box__startswith=PERSON) | Q(box__startswith=TEAM)
    rows = list(
        Message.everywhere.filter(mine, deleted_at=None)
        .values("company_id", "box")
        .annotate(new=Count("id", filter=Q(heard_at=None)), every=Count("id"))
        .order_by()
    )
    members = _members({id_after(TEAM, row["box"]) for row in rows} - {None})
    found: dict[str, Counts] = defaultdict(dict)
    for row in rows:
        company = found[f"c{row['company_id']}"]
        owner, team = id_after(PERSON, row["box"]), id_after(TEAM, row["box"])
        people = [owner] if owner is not None else members[row["company_id"], team]
        for person in people:
            new, heard = company.get(f"u{person}", (0, 0))
            company[f"u{person}"] = new + row["new"], heard + row["every"] - row["new"]
    return {company: told for company, told in found.items() if told}


def _members(teams: set[int | None]) -> Mapping[tuple[int, int | None], list[int]]:
    """Return the ids of who is in each team, by company and team."""
    found: dict[tuple[int, int | None], list[int]] = defaultdict(list)
    if teams:
        inside = Team.members.through.objects.filter(
            team__in=teams, team__deleted_at=None, person__deleted_at=None
        )
        for company, team, person in inside.values_list("team__company", "team", "person"):
            found[company, team].append(person)
    return found


class Lamps:
    """Tells the switch what has changed since it was told last."""

    def __init__(self, switch: SwitchClient) -> None:
        self._switch = switch
        self._told: dict[str, Counts] = {}

    def forget(self) -> None:
        """Tell everything anew: it may be another switch."""
        self._told = {}

    def tell(self) -> None:
        """Tell what is new; a switch that does not answer, or a locked database, is for later."""
        try:
            self._tell(counts())
        except (Unreachable, OperationalError):
            return

    def _tell(self, known: dict[str, Counts]) -> None:
        for company in known.keys() | self._told.keys():
            now, before = known.get(company, {}), self._told.get(company, {})
            gone: Counts = dict.fromkeys(before.keys() - now.keys(), (0, 0))
            if now == before:
                continue
            self._switch.do(TellMessages(company, now | gone))
            self._told[company] = now

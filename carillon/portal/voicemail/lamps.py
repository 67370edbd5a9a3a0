"""How many messages wait for each person, for the lamps of their phones (RFC 3842)."""

from __future__ import annotations

from collections import defaultdict

from django.db import OperationalError
from django.db.models import Count, Q

from carillon.bus.client import SwitchClient, Unreachable
from carillon.portal.voicemail.models import Message
from carillon.schema.commands import TellMessages

Counts = dict[str, tuple[int, int]]
PERSON = "bu"
"""How the box of a person is named, before the person's id."""


def counts() -> dict[str, Counts]:
    """Return for each company its people's messages: new and heard."""
    rows = (
        Message.everywhere.filter(deleted_at=None, box__startswith=PERSON)
        .values("company_id", "box")
        .annotate(new=Count("id", filter=Q(heard_at=None)), every=Count("id"))
        .order_by()
    )
    found: dict[str, Counts] = defaultdict(dict)
    for row in rows:
        user = "u" + row["box"].removeprefix(PERSON)
        found[f"c{row['company_id']}"][user] = (row["new"], row["every"] - row["new"])
    return dict(found)


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

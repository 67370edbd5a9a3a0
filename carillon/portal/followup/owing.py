"""Who owes a tag, told to a switch that has begun anew: it knows no call of before (A26)."""

from __future__ import annotations

from django.db import OperationalError

from carillon.bus.client import SwitchClient, Unreachable
from carillon.portal.followup.models import OwedTag
from carillon.schema.commands import HoldAgent


def owed() -> list[HoldAgent]:
    """Return what the switch must know."""
    rows = OwedTag.everywhere.select_related("company", "person").order_by("id")
    return [HoldAgent(row.company.key, row.person.key, row.call_id) for row in rows]


def tell_owed(switch: SwitchClient) -> bool:
    """Tell who must tag a call before another rings; False when the switch does not answer."""
    try:
        for command in owed():
            switch.do(command)
    except (Unreachable, OperationalError):
        return False
    return True

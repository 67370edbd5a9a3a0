"""Callbacks the system makes itself: whose turn it is goes into the line of the switch."""

from __future__ import annotations

import time

from django.db import OperationalError
from django.utils import timezone

from carillon.bus.client import SwitchClient, Unreachable
from carillon.flows.hours import opening
from carillon.flows.outgoing import may_call
from carillon.portal.followup.models import Callback
from carillon.portal.routing.current import current_plan, opening_hours, ring_nodes
from carillon.schema.commands import PlaceCallback
from carillon.schema.plan import Plan, Target

LOOK_SECONDS = 10.0
MOST_AT_ONCE = 200


class Dialback:
    """Tells the switch again and again who waits: it knows them already, or has been started anew."""

    def __init__(self, switch: SwitchClient) -> None:
        self._switch = switch
        self._next = 0.0

    def look(self) -> None:
        """Hand on what is due; a switch that does not answer, or a locked database, is for later."""
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + LOOK_SECONDS
        try:
            for command in due():
                self._switch.do(command)
        except (Unreachable, OperationalError):
            return


def due() -> list[PlaceCallback]:
    """Return who is to be called back now; whom nobody can call back any more is left to people."""
    found = []
    rows = Callback.everywhere.filter(state=Callback.State.QUEUED, next_at__lte=timezone.now())
    for row in rows.select_related("company").order_by("since")[:MOST_AT_ONCE]:
        plan, number = current_plan(row.company), f"n{row.number_id}"
        targets = _targets(plan, number)
        if not targets or not may_call(plan.limits, row.e164):
            row.state, row.next_at = Callback.State.OPEN, None
            row.save(update_fields=["state", "next_at"])
        elif _is_open(plan, number):
            since = row.since.timestamp()
            found.append(PlaceCallback(row.company.key, row.key, number, row.e164, since, targets))
    return found


def _targets(plan: Plan, number: str) -> tuple[Target, ...]:
    for node in ring_nodes(plan, number):
        if node.callback is not None:
            return tuple(step.target for step in node.steps)
    return ()


def _is_open(plan: Plan, number: str) -> bool:
    node = opening_hours(plan, number)
    return node is None or opening(node.hours, timezone.now()).is_open

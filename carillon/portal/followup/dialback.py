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
            self._look()
        except (Unreachable, OperationalError):
            return

    def _look(self) -> None:
        due = Callback.everywhere.filter(state=Callback.State.QUEUED, next_at__lte=timezone.now())
        for callback in due.select_related("company").order_by("since")[:MOST_AT_ONCE]:
            plan = current_plan(callback.company)
            number = f"n{callback.number_id}"
            targets = _targets(plan, number)
            if not targets or not may_call(plan.limits, callback.e164):
                # Nobody there can be rung any more, or it may not be called: people decide.
                callback.state, callback.next_at = Callback.State.OPEN, None
                callback.save(update_fields=["state", "next_at"])
            elif _is_open(plan, number):
                since = callback.since.timestamp()
                self._switch.do(
                    PlaceCallback(
                        callback.company.key, callback.key, number, callback.e164, since, targets
                    )
                )


def _targets(plan: Plan, number: str) -> tuple[Target, ...]:
    for node in ring_nodes(plan, number):
        if node.callback is not None:
            return tuple(step.target for step in node.steps)
    return ()


def _is_open(plan: Plan, number: str) -> bool:
    node = opening_hours(plan, number)
    return node is None or opening(node.hours, timezone.now()).is_open

"""What would happen to a call at a given moment: the flows themselves say so, with nobody to answer."""

from __future__ import annotations

from datetime import datetime

from carillon.flows.simulate import Scenario, simulate
from carillon.schema.plan import Plan


def try_call(plan: Plan, number_id: str, at: datetime) -> list[tuple[str, dict[str, str]]]:
    """Return the reasons, with their facts, that a call at `at` would meet if nobody answered."""
    told = simulate(plan, Scenario(number=number_id, at=at))
    return [(line.reason, line.facts) for line in told.lines]

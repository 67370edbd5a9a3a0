"""Callers from outside who are not let in: blocked by their company, or calling without end."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

from carillon.flows.blocking import ANONYMOUS, is_blocked
from carillon.schema.plan import Plan
from carillon.switch.bucket import Bucket

MOST_CALLERS = 10_000
MINUTE = 60.0
ANONYMOUS_TIMES = 5
"""Whoever hides the number is many people."""
FLOOD = "call.flood"
QUIET_SECONDS = 600.0
"""A flood is over when nobody has been refused for so long."""


@dataclass(slots=True)
class _Pace:
    bucket: Bucket
    limit: int
    refused_at: float = field(default=-MINUTE)


class Callers:
    """Counts the calls of each caller to each company; whoever was quiet longest is forgotten first."""

    def __init__(self) -> None:
        self._paces: OrderedDict[tuple[str, str], _Pace] = OrderedDict()
        self._floods: dict[str, float] = {}
        """Company -> when a caller was last refused for calling too often."""

    def __len__(self) -> int:
        return len(self._paces)

    def refuses(self, plan: Plan, caller: str, now: float) -> tuple[str, bool]:
        """Count a call; return why it is refused (a key of `flows.reasons`, "": it is not).

        And whether the history is told: of a flood the first refusal only.
        """
        pace = self._pace(plan, caller)
        if pace is not None and not pace.bucket.take(now):
            quiet = now - pace.refused_at >= MINUTE
            pace.refused_at = self._floods[plan.company] = now
            return FLOOD, quiet
        return ("call.blocked", True) if is_blocked(plan, caller) else ("", False)

    def floods_over(self, now: float) -> list[str]:
        """Return the companies whose flood is over, each once."""
        over = [company for company, at in self._floods.items() if now - at >= QUIET_SECONDS]
        for company in over:
            del self._floods[company]
        return over

    def _pace(self, plan: Plan, caller: str) -> _Pace | None:
        limit = plan.limits.same_caller_a_minute
        limit *= ANONYMOUS_TIMES if caller == ANONYMOUS else 1
        if limit <= 0:
            return None
        key = (plan.company, caller)
        pace = self._paces.get(key)
        if pace is None or pace.limit != limit:
            pace = self._paces[key] = _Pace(Bucket(limit / MINUTE, burst=float(limit)), limit)
        self._paces.move_to_end(key)
        while len(self._paces) > MOST_CALLERS:
            self._paces.popitem(last=False)
        return pace

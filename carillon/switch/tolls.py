"""How many calls to the outside each company has, against what it allows (toll fraud)."""

from __future__ import annotations

from collections import Counter, deque

from carillon.flows.outgoing import may_call
from carillon.schema.plan import Plan

HOUR = 3600.0


class Tolls:
    """Counts legs to the outside. Emergency calls are neither counted nor refused."""

    def __init__(self) -> None:
        self._now: Counter[str] = Counter()
        self._began: dict[str, deque[float]] = {}

    def refuses(self, plan: Plan, e164: str, now: float) -> str:
        """Return why a call to the outside may not be made, a key of `flows.reasons`; "" when it may."""
        limits = plan.limits
        if not may_call(limits, e164):
            return "call.country-blocked"
        if limits.outside_calls and self._now[plan.company] >= limits.outside_calls:
            return "call.limit"
        if limits.calls_per_hour and self._in_hour(plan.company, now) >= limits.calls_per_hour:
            return "call.limit"
        return ""

    def _in_hour(self, company: str, now: float) -> int:
        began = self._began.get(company)
        if began is None:
            return 0
        while began and began[0] < now - HOUR:
            began.popleft()
        return len(began)

    def began(self, plan: Plan, now: float) -> None:
        """A call to the outside begins."""
        self._now[plan.company] += 1
        if plan.limits.calls_per_hour:
            most = plan.limits.calls_per_hour
            self._began.setdefault(plan.company, deque(maxlen=most)).append(now)

    def ended(self, company: str) -> None:
        """It is over."""
        self._now[company] -= 1
        if self._now[company] <= 0:
            del self._now[company]

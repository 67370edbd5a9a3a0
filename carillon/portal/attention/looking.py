"""The worker looks: what began is written down, and told by one e-mail once it lasts; what is mended ends.

Switch and portal are looked at together: only the switch knows which plan it serves a company by.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from datetime import datetime, timedelta

from django.db import OperationalError, transaction
from django.db.models import Q
from django.utils import timezone

from carillon.bus.client import SwitchClient, Unreachable
from carillon.portal.attention.finding import PLAN, find
from carillon.portal.attention.models import Finding
from carillon.portal.attention.telling import tell
from carillon.portal.companies.models import Company
from carillon.portal.companies.scope import within
from carillon.schema.commands import RunningPlan

log = logging.getLogger(__name__)

LOOK_SECONDS = 5.0
FILES_SECONDS = 120.0
"""How often sounds are looked at where nothing was changed."""
MOST_UNCHANGED = 10
LASTS = timedelta(minutes=1)
"""Whoever removes somebody is about to put the flows right: that alone is no news."""
UNFINISHED = timedelta(minutes=15)
BEING_WRITTEN = frozenset({"no-message", "empty-menu", "silent-key", "never-open", "operator"})
"""What a number goes through while it is set up."""


class Attention:
    """Looks at every company that was changed, and at a few of the others each time."""

    def __init__(self, switch: SwitchClient) -> None:
        self._switch = switch
        self._next = 0.0
        self._seen: dict[int, tuple[int, float]] = {}
        """Company -> the version that was looked at, and when."""

    def look(self) -> None:
        """Look again if it is time; a locked database is for later."""
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + LOOK_SECONDS
        try:
            self._look(now)
        except OperationalError as error:
            log.info("What needs attention is looked for later: %s", error)

    def _look(self, now: float) -> None:
        running = self._running()
        refused = {key for key, plan in (running or {}).items() if plan.refused}
        waiting = Finding.everywhere.filter(Q(told_at=None) | Q(key=PLAN), ended_at=None)
        pending = set(waiting.values_list("company", flat=True))
        room = MOST_UNCHANGED
        for company in Company.objects.order_by("pk"):
            version, at = self._seen.get(company.pk, (0, float("-inf")))
            changed = version not in (0, company.plan_version)
            due = room > 0 and now > at + FILES_SECONDS
            room -= due and not changed
            whole = changed or due
            if whole or company.pk in pending or company.key in refused:
                self._review(company, running, whole)
            if whole:
                self._seen[company.pk] = company.plan_version, now

    def _review(
        self, company: Company, running: Mapping[str, RunningPlan] | None, whole: bool
    ) -> None:
        try:
            review(company, running, timezone.now(), whole=whole)
        except OperationalError:
            raise
        except Exception:
            # One company's strange rows must not hide what is wrong at the others.
            log.exception("company %s could not be looked at", company.pk)

    def _running(self) -> dict[str, RunningPlan] | None:
        try:
            return {plan.company: plan for plan in self._switch.plans()}
        except Unreachable:
            return None


def review(
    company: Company,
    running: Mapping[str, RunningPlan] | None,
    now: datetime,
    *,
    whole: bool = True,
) -> None:
    """Write down what began and what ended, and tell what lasts.

    `running`: what the switch said, None when it did not answer. Not `whole`: its plan alone is looked at.
    """
    with within(company), transaction.atomic():
        open_rows = {row.key: row for row in Finding.objects.filter(ended_at=None)}
        plan = _refused(company, running)
        others = dict.fromkeys((each.key for each in find()), "") if whole else None
        wrong = {**(plan or {}), **(others or {})}
        # What was not looked at now is neither new nor over.
        looked = [key for key in open_rows if (plan if key == PLAN else others) is not None]
        ended = [open_rows[key].pk for key in looked if key not in wrong]
        Finding.objects.filter(pk__in=ended).update(ended_at=now)
        for key, detail in wrong.items():
            if key not in open_rows:
                Finding.objects.create(key=key, detail=detail, began_at=now)
        untold = Finding.objects.filter(ended_at=None, told_at=None)
        due = [row for row in untold if _is_due(row, now)]
        if due:
            tell(company, due)
            Finding.objects.filter(pk__in=[row.pk for row in due]).update(told_at=now)


def _refused(company: Company, running: Mapping[str, RunningPlan] | None) -> dict[str, str] | None:
    """Return key and reason where the switch refuses the newest plan; None where it did not say."""
    if running is None:
        return None
    plan = running.get(company.key)
    return {PLAN: plan.refused[:200]} if plan is not None and plan.refused else {}


def _is_due(row: Finding, now: datetime) -> bool:
    return now >= row.began_at + (UNFINISHED if row.kind in BEING_WRITTEN else LASTS)

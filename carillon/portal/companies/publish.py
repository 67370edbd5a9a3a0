"""Tell the switch that a plan changed, once the change is certain."""

from __future__ import annotations

import logging
import threading

from django.conf import settings
from django.db import transaction
from django.db.models import F

from carillon.bus.client import SwitchClient, Unreachable
from carillon.portal.companies.models import Company
from carillon.schema.commands import ReloadPlans

log = logging.getLogger(__name__)


def bump_plan(company: Company) -> None:
    """Make a new version of the company's plan, in the transaction of the change itself."""
    Company.objects.filter(pk=company.pk).update(plan_version=F("plan_version") + 1)
    transaction.on_commit(tell_switch)


class _Messenger:
    """Sends in a thread of its own; wishes that come while one is on its way become one more."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wanted = False
        self._busy = False

    def tell(self) -> None:
        """Ask soon; returns at once."""
        with self._lock:
            self._wanted = True
            if self._busy:
                return
            self._busy = True
        threading.Thread(target=self._run, name="tell-switch", daemon=True).start()

    def _run(self) -> None:
        while True:
            with self._lock:
                if not self._wanted:
                    self._busy = False
                    return
                self._wanted = False
            _tell()


_messenger = _Messenger()


def tell_switch() -> None:
    """Ask the switch to fetch plans now. It polls anyway, so that a failure costs only seconds."""
    _messenger.tell()


def _tell() -> None:
    config = settings.CONFIG
    try:
        SwitchClient(config.switch_url, config.secret()).do(ReloadPlans())
    except Unreachable as error:
        log.debug("The switch will fetch the new plan at its next poll: %s", error)

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


def tell_switch() -> None:
    """Ask the switch to fetch plans now. It polls anyway, so that a failure costs only seconds."""
    threading.Thread(target=_tell, name="tell-switch", daemon=True).start()


def _tell() -> None:
    config = settings.CONFIG
    try:
        SwitchClient(config.switch_url, config.secret()).do(ReloadPlans())
    except Unreachable as error:
        log.info("The switch will fetch the new plan at its next poll: %s", error)

"""Fetch the switch's journal, page by page, from where the rows stand."""

from __future__ import annotations

import logging
import time

from django.db import OperationalError, close_old_connections

from carillon.bus.client import SwitchClient, Unreachable
from carillon.portal.journal.apply import apply_page, cursor

log = logging.getLogger(__name__)

WAIT_SECONDS = 10.0
LONGEST_PAUSE_SECONDS = 5.0


class Puller:
    """Pulls for ever; a switch that is down and a locked database are both waited for."""

    def __init__(self, switch: SwitchClient) -> None:
        self._switch = switch
        self._failures = 0
        self.interrupted = False
        """Whether the switch was out of reach since whoever asks has set this to False."""

    def pull(self) -> int:
        """Apply one page and return how many entries were new; 0 after a failure and its pause."""
        try:
            new = self._pull_page()
        except (Unreachable, OperationalError) as error:
            self._failures += 1
            self.interrupted = True
            if self._failures == 1:
                log.warning("The journal cannot be read now: %s", error)
            close_old_connections()
            time.sleep(min(LONGEST_PAUSE_SECONDS, 0.2 * 2 ** min(self._failures, 5)))
            return 0
        if self._failures:
            log.info("The journal is read again")
        self._failures = 0
        return new

    def _pull_page(self) -> int:
        place = cursor()
        page = self._switch.events(place.position, place.journal, wait=WAIT_SECONDS)
        if page.journal != place.journal and place.position:
            # The cursor counted another journal; this one is read from its beginning.
            page = self._switch.events(0, page.journal)
        return apply_page(page)

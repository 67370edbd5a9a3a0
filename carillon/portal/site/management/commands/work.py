"""The worker: what happens in the background."""

from __future__ import annotations

import signal
import time
from types import FrameType
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.management.base import BaseCommand

if TYPE_CHECKING:
    from carillon.bus.client import SwitchClient

HOUSEKEEPING_SECONDS = 3600.0


def _stop(sig: int, frame: FrameType | None) -> None:
    # A transaction cut short is rolled back, and its page is pulled again at the next start.
    raise SystemExit(0)


def _forget_earlier_troubles(switch: SwitchClient) -> bool:
    """End the troubles of a switch that is no more; False when the one that runs does not answer."""
    from carillon.bus.client import Unreachable
    from carillon.portal.calls.troubles import end_earlier

    try:
        end_earlier(switch.status().started_at)
    except Unreachable:
        return False
    return True


class Command(BaseCommand):
    help = "Pull the switch's events and keep the house, until told to stop."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        """Run until SIGTERM."""
        from carillon.bus.client import SwitchClient
        from carillon.portal.attention.looking import Attention
        from carillon.portal.calls import compress
        from carillon.portal.extensions import voices
        from carillon.portal.followup.dialback import Dialback
        from carillon.portal.followup.owing import tell_owed
        from carillon.portal.integrations import delivery as integrations
        from carillon.portal.journal.puller import Puller
        from carillon.portal.mail import delivery
        from carillon.portal.site.housekeeping import keep_house
        from carillon.portal.voicemail.lamps import Lamps

        for sig in (signal.SIGINT, signal.SIGTERM):
            signal.signal(sig, _stop)
        config = settings.CONFIG
        switch = SwitchClient(config.switch_url, config.secret())
        puller, lamps = Puller(switch), Lamps(switch)
        dialback, attention = Dialback(switch), Attention(switch)
        compress.follow()
        delivery.follow()
        integrations.follow()
        voices.follow()
        next_housekeeping = time.monotonic()
        restarted = True
        while True:
            if time.monotonic() >= next_housekeeping:
                keep_house()
                next_housekeeping = time.monotonic() + HOUSEKEEPING_SECONDS
            new = puller.pull()
            if puller.interrupted:
                puller.interrupted = False
                lamps.forget()
                restarted = True
            if restarted and not new:
                # Once all is told: what is still to come may be of the earlier switch.
                restarted = not (_forget_earlier_troubles(switch) and tell_owed(switch))
            lamps.tell()
            dialback.look()
            attention.look()

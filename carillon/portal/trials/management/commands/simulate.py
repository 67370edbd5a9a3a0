"""`simulate +33199001234 [--at 2026-12-27T22:00] [--from +33…] [--keys 1] [--people answers]`."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone, translation

from carillon.portal.companies.scope import within
from carillon.portal.routing.models import Number
from carillon.portal.routing.reasons import reason_text
from carillon.portal.trials.models import FlowTest
from carillon.portal.trials.running import outcome_name, plan_with, trial


class Command(BaseCommand):
    help = "Say what would happen to a call, without a call."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the call."""
        parser.add_argument("number", help="the number that is called, for example +33199001234")
        parser.add_argument("--at", help="when, on the number's clock: 2026-12-27T22:00; now")
        parser.add_argument("--from", dest="caller", default="", help="who calls; hidden")
        parser.add_argument("--keys", default="", help="keys pressed, one after the other")
        parser.add_argument(
            "--people", choices=FlowTest.Everybody.values, default="silent", help="who is there"
        )
        parser.add_argument("--draft", action="store_true", help="what is not published yet")
        parser.add_argument("--language", choices=["en", "fr"], default="en")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the timeline."""
        rows = Number.everywhere.select_related("company", "published").filter(deleted_at=None)
        number = rows.filter(e164=options["number"]).first()
        if number is None:
            raise CommandError(f"No company has the number {options['number']}.")
        with within(number.company), translation.override(options["language"]):
            self._tell(number, options)

    def _tell(self, number: Number, options: dict[str, Any]) -> None:
        flow = number.edited_flow if options["draft"] else number.flow
        told = trial(
            plan_with(number.company, number, flow),
            number,
            _moment(options["at"], flow.hours.zone),
            caller=options["caller"],
            keys=options["keys"],
            people=options["people"],
        )
        for line in told.lines:
            at = f"{int(line.seconds) // 60}:{int(line.seconds) % 60:02}"
            self.stdout.write(f"{at:>6}  {reason_text(line.reason, line.facts)}")
        self.stdout.write(f"{'':>6}  = {outcome_name(told.outcome)}")


def _moment(text: str | None, zone: str) -> datetime:
    if not text:
        return timezone.now()
    try:
        return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))
    except ValueError as error:
        raise CommandError(f"{text} is not a time such as 2026-12-27T22:00.") from error

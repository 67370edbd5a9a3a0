"""What must be there before the first call: the system's own sentences, spoken, and the static files."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from carillon.portal.routing.sentences import prepare_sentences
from carillon.portal.site.files import collect


class Command(BaseCommand):
    help = "Speak the system's sentences and collect the static files; does nothing twice."

    def handle(self, *args: Any, **options: Any) -> None:
        """Do both."""
        collect()
        spoken = prepare_sentences()
        self.stdout.write(f"{spoken} sentences spoken")

"""What must be there before the first page: the tables, the static files, the system's own sentences."""

from __future__ import annotations

import fcntl
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand

from carillon.portal.routing.sentences import prepare_sentences
from carillon.portal.site.files import collect


class Command(BaseCommand):
    help = "Bring the tables up to date, collect static files, speak the system's sentences."

    def handle(self, *args: Any, **options: Any) -> None:
        """Do all three; what is there already is left as it is."""
        settings.CONFIG.make_folders()
        with (settings.CONFIG.data / "run" / "prepare.lock").open("w") as lock:
            # The demo may be asked for while the system starts for the first time.
            fcntl.flock(lock, fcntl.LOCK_EX)
            call_command("migrate", verbosity=0, interactive=False)
            collect()
            spoken = prepare_sentences()
        self.stdout.write(f"{spoken} sentences spoken")

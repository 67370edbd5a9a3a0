"""`trunk add NAME --host H [--port P] [--transport T] …`, `trunk list`, `trunk remove NAME`."""

from __future__ import annotations

import getpass
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from carillon.portal.refused import Refused
from carillon.portal.routing.models import Trunk
from carillon.portal.routing.trunk_form import TrunkForm
from carillon.portal.routing.trunks import add_trunk, remove_trunk


class Command(BaseCommand):
    help = "Connect the system to a carrier over SIP."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the three verbs."""
        verbs = parser.add_subparsers(dest="verb", required=True)
        add = verbs.add_parser("add", help="add a link to a carrier")
        add.add_argument("name")
        add.add_argument("--host", required=True)
        add.add_argument("--port", type=int, default=5060)
        add.add_argument("--transport", choices=Trunk.Transport.values, default="udp")
        add.add_argument("--username", default="")
        add.add_argument("--registers", action="store_true", help="tell the carrier where we are")
        add.add_argument("--number-format", choices=Trunk.NumberFormat.values, default="plus")
        add.add_argument("--country-code", default="33", help="for --number-format national")
        add.add_argument("--caller-id", choices=Trunk.CallerId.values, default="asserted")
        add.add_argument("--priority", type=int, default=10, help="the lowest is used first")
        add.add_argument("--max-calls", type=int, default=0, help="0: no bound")
        add.add_argument("--calls-per-second", type=int, default=0, help="0: no bound")
        add.add_argument("--accept-any-port", action="store_true")
        add.add_argument("--hears-inband", action="store_true", help="listen for keys in the sound")
        verbs.add_parser("list", help="list the links")
        remove = verbs.add_parser("remove", help="remove a link")
        remove.add_argument("name")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do one of them."""
        try:
            getattr(self, f"_{options['verb']}")(options)
        except Refused as refused:
            raise CommandError(refused.text) from refused

    def _add(self, options: dict[str, Any]) -> None:
        # Asked for, not an option: command lines are seen by everybody on the machine.
        password = getpass.getpass("Password of the trunk: ") if options["username"] else ""
        form = TrunkForm({**options, "password": password})
        if not form.is_valid():
            wrong = (f"{name}: {text}" for name, texts in form.errors.items() for text in texts)
            raise CommandError("\n".join(wrong))
        trunk = add_trunk(**form.cleaned_data)
        self.stdout.write(f"{trunk.name}: {trunk.transport} {trunk.host}:{trunk.port}")

    def _list(self, options: dict[str, Any]) -> None:
        for trunk in Trunk.objects.order_by("name"):
            self.stdout.write(f"{trunk.name}: {trunk.transport} {trunk.host}:{trunk.port}")

    def _remove(self, options: dict[str, Any]) -> None:
        remove_trunk(options["name"])
        self.stdout.write(f"{options['name']}: removed")

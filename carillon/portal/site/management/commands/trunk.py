"""`trunk add NAME --host H [--port P] [--transport T]`, `trunk list`, `trunk remove NAME`."""

from __future__ import annotations

import getpass
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from carillon.portal.refused import Refused
from carillon.portal.routing.models import Trunk
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
        if not 1 <= options["port"] <= 65535:
            raise CommandError("Give a port from 1 to 65535, for example 5060.")
        username = options["username"]
        # Asked for, not an option: command lines are seen by everybody on the machine.
        password = getpass.getpass("Password of the trunk: ") if username else ""
        trunk = add_trunk(
            options["name"],
            options["host"],
            options["port"],
            options["transport"],
            (username, password),
        )
        self.stdout.write(f"{trunk.name}: {trunk.transport} {trunk.host}:{trunk.port}")

    def _list(self, options: dict[str, Any]) -> None:
        for trunk in Trunk.objects.order_by("name"):
            self.stdout.write(f"{trunk.name}: {trunk.transport} {trunk.host}:{trunk.port}")

    def _remove(self, options: dict[str, Any]) -> None:
        remove_trunk(options["name"])
        self.stdout.write(f"{options['name']}: removed")

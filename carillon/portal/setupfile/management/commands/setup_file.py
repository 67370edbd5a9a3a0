"""`setup export COMPANY > file`, `setup import COMPANY FILE [--sure]`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from carillon.portal.companies.models import Company, Membership
from carillon.portal.companies.scope import within
from carillon.portal.refused import Refused
from carillon.portal.setupfile.exporting import export
from carillon.portal.setupfile.importing import apply, difference
from carillon.portal.setupfile.shape import Unreadable, read, write


class Command(BaseCommand):
    help = (
        "Write a company's set-up as YAML, or read it; without --sure only the difference is told."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the two verbs."""
        verbs = parser.add_subparsers(dest="verb", required=True)
        out = verbs.add_parser("export", help="write it to standard output")
        out.add_argument("company", help="the company's short name")
        back = verbs.add_parser("import", help="read it")
        back.add_argument("company")
        back.add_argument("file", type=Path)
        back.add_argument("--sure", action="store_true", help="make the changes")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do one of them."""
        company = Company.objects.filter(slug=options["company"]).first()
        if company is None:
            known = ", ".join(Company.objects.values_list("slug", flat=True)) or "none"
            raise CommandError(f"No company {options['company']}; there are: {known}.")
        with within(company):
            if options["verb"] == "export":
                self.stdout.write(write(export(company)), ending="")
            else:
                self._import(company, options["file"], sure=options["sure"])

    def _import(self, company: Company, file: Path, *, sure: bool) -> None:
        owner = Membership.objects.filter(company=company, role=Membership.Role.OWNER).first()
        if owner is None:
            raise CommandError("The company has no owner.")
        try:
            setup = read(file.read_bytes())
            changes = (apply if sure else difference)(company, setup, by=owner.user)
        except (OSError, Unreadable) as error:
            raise CommandError(f"{file}: {error}") from error
        except Refused as refused:
            raise CommandError(refused.text) from refused
        for change in changes:
            self.stdout.write(f"{change.action} {change.name}")
            for name in {**change.before, **change.after}:
                was, now = change.before.get(name, ""), change.after.get(name, "")
                self.stdout.write(f"  {name}: {was} -> {now}")
        done = "changed" if sure else "would change; repeat with --sure"
        self.stdout.write(f"{len(changes)} {done}")

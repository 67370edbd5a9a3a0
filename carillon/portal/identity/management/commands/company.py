"""`company create NAME --country FR --name "Zoé Lambert" --email zoe@example.com`."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from carillon.portal.accounts.models import User
from carillon.portal.accounts.numbers import e164_of
from carillon.portal.companies.forms import COUNTRY_DEFAULTS
from carillon.portal.companies.models import Company
from carillon.portal.identity import opening


class Command(BaseCommand):
    help = "Ask for a company as the sign-up page does, and print its activation mail."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the verb."""
        verbs = parser.add_subparsers(dest="verb", required=True)
        create = verbs.add_parser("create", help="make a company and its administrator")
        create.add_argument("company", help="the company's name")
        create.add_argument("--country", choices=sorted(COUNTRY_DEFAULTS), default="FR")
        create.add_argument("--plan", choices=Company.Plan.values, default="team")
        create.add_argument("--lines", type=int, default=5)
        create.add_argument("--name", required=True, help="the administrator's name")
        create.add_argument("--email", required=True)
        create.add_argument("--mobile", default="", help="called with a code; empty: no such check")
        create.add_argument("--language", choices=("fr", "en"), default="")

    def handle(self, *args: Any, **options: Any) -> None:
        """Write the mail and show it: the link in it makes the company."""
        country, email = options["country"], options["email"].strip().lower()
        if "@" not in email:
            raise CommandError(f"{email}: not an e-mail address")
        if User.objects.filter(email=email).exists():
            raise CommandError(f"{email} has an account already")
        mobile = e164_of(options["mobile"], country) if options["mobile"] else ""
        if options["mobile"] and not mobile:
            raise CommandError(f"{options['mobile']}: not a telephone number")
        numbers = opening.free_numbers(country, options["company"])
        if not numbers:
            raise CommandError(f"no number is free in {country}")
        kept = ("company", "country", "plan", "lines", "name")
        facts = {name: options[name] for name in kept}
        facts |= {"email": email, "mobile": mobile, "e164": numbers[0]}
        message = opening.ask(facts, options["language"] or COUNTRY_DEFAULTS[country][0])
        self.stdout.write(message.text)

"""Create the demo company, or a new password for it."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from carillon.portal.demo.company import create_demo
from carillon.portal.words import phone


class Command(BaseCommand):
    help = "Create the demo company and print how to sign in."

    def handle(self, *args: Any, **options: Any) -> None:
        """Make it and tell."""
        demo = create_demo()
        self.stdout.write(f"{demo.company.name}")
        self.stdout.write(f"  sign in as  {demo.owner.email}")
        self.stdout.write(f"  password    {demo.password}")
        for number in demo.numbers:
            self.stdout.write(f"  {phone(number.e164):<18}{number.name}")

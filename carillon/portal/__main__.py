"""`python -m carillon.portal <command>`: Django's commands and ours (serve, work, prepare, demo, trunk)."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run one management command."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "carillon.portal.site.settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(["carillon-portal", *sys.argv[1:]])


if __name__ == "__main__":
    main()

"""Collect what is to be translated and write the compiled catalogue: `python tools/messages.py`.

Needs gettext's xgettext and msgmerge; only who changes words runs it. The timeline's sentences live in
`carillon.flows.reasons`, which knows nothing of translation, so they are added here.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import polib

from carillon.flows.reasons import REASONS

ROOT = Path(__file__).resolve().parent.parent
PORTAL = ROOT / "carillon" / "portal"
CATALOGUE = PORTAL / "locale" / "fr" / "LC_MESSAGES" / "django.po"


def collect() -> None:
    """Let Django find the strings of templates and code."""
    command = [sys.executable, "-m", "carillon.portal", "makemessages", "-l", "fr"]
    options = ["--no-wrap", "--no-location", "--no-obsolete"]
    with tempfile.TemporaryDirectory() as data:
        environ = {**os.environ, "PYTHONPATH": str(ROOT), "CARILLON_DATA": data}
        subprocess.run([*command, *options], cwd=PORTAL, check=True, env=environ)


def finish(before: polib.POFile | None) -> None:
    """Add the timeline's sentences, keep their translations, and write the .mo."""
    catalogue = polib.pofile(str(CATALOGUE), wrapwidth=0)
    known = {entry.msgid: entry for entry in before or ()}
    for key, text in REASONS.items():
        if catalogue.find(text) is None:
            old = known.get(text)
            entry = polib.POEntry(msgid=text, msgstr=old.msgstr if old else "", comment=key)
            catalogue.append(entry)
    catalogue.metadata.pop("POT-Creation-Date", None)
    catalogue.metadata_is_fuzzy = False
    catalogue.header = "The French of the portal. Collected by tools/messages.py."
    catalogue.sort(key=lambda entry: entry.msgid.lower())
    catalogue.save()
    catalogue.save_as_mofile(str(CATALOGUE.with_suffix(".mo")))


def main() -> None:
    """Collect, finish, and say what is missing."""
    before = polib.pofile(str(CATALOGUE)) if CATALOGUE.exists() else None
    collect()
    finish(before)
    catalogue = polib.pofile(str(CATALOGUE))
    missing = [*catalogue.untranslated_entries(), *catalogue.fuzzy_entries()]
    for entry in missing:
        print(f"missing: {entry.msgid}")
    raise SystemExit(1 if missing else 0)


if __name__ == "__main__":
    main()

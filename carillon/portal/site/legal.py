"""The legal notices: whose system this is, what it keeps and how long, whose work is in it (R34)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET

from carillon.portal.help.articles import Block, blocks
from carillon.portal.mail.delivery import KEPT as MAIL_KEPT
from carillon.portal.site.housekeeping import FAILURES_KEPT, LINKS_KEPT
from carillon.portal.voicemail.actions import DELETED_KEPT

VENDOR = Path(__file__).parent / "static" / "vendor"
VOICES = "py-nanotts"
LONGEST_NOTICE = 100_000


@dataclass(frozen=True, slots=True)
class Notice:
    """Somebody's work, and its licence in full."""

    name: str
    version: str
    text: str


@login_not_required
@require_GET
def legal(request: HttpRequest) -> HttpResponse:
    """Show the notices; nobody must sign in to read them."""
    context = {"own": _own(), "kept": kept(), "notices": notices(), "nav": "legal"}
    return render(request, "legal.html", context)


def kept() -> list[tuple[str, str]]:
    """Return what is stored and for how long, as the code does it."""
    with_company = _("As long as your company is on this system.")
    session_days = settings.SESSION_COOKIE_AGE // 86400
    return [
        (_("Your name, e-mail, mobile and settings"), with_company),
        (_("Password, PIN and answer: a hash each, never themselves"), with_company),
        (_("Calls with their numbers and times; the audit log"), with_company),
        (
            _("Recordings of calls"),
            _("Until an administrator deletes them; the sound is then gone at once."),
        ),
        (
            _("Voicemail messages"),
            _(
                "As long as your company is on this system; a deleted one can come back for %(n)s days, "
                "then it is erased with its sound."
            )
            % {"n": DELETED_KEPT.days},
        ),
        (_("Emergency addresses and who accepted the terms"), with_company),
        (_("Where you are signed in: address and browser"), _days(session_days)),
        (
            _("Failed sign-ins and tries that are counted, with their address"),
            _days(FAILURES_KEPT.days),
        ),
        (_("Links in e-mails, once they have run out"), _days(LINKS_KEPT.days)),
        (_("Copies of the e-mails we sent"), _days(MAIL_KEPT.days)),
    ]


def _days(n: int) -> str:
    return ngettext("%(n)s day.", "%(n)s days.", n) % {"n": n}


def _own() -> tuple[Block, ...]:
    """Return the operator's notice; nothing when there is none, or it cannot be read any more."""
    path = settings.CONFIG.legal
    if path is None:
        return ()
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            text = file.read(LONGEST_NOTICE)
    except OSError:
        return ()
    return blocks([line.strip() for line in text.splitlines() if line.strip()])


def notices() -> tuple[Notice, ...]:
    """Return whose work pages and voices are, with the licences that lie beside it."""
    return (*_vendored(), *_voices())


@cache
def _vendored() -> tuple[Notice, ...]:
    found = []
    for folder in sorted(VENDOR.iterdir()):
        named = re.fullmatch(r"([a-z0-9.-]+?)-(\d[\w.]*)", folder.name)
        if named and folder.is_dir():
            text = (folder / "LICENSE").read_text("utf-8")
            found.append(Notice(named.group(1), named.group(2), text))
    return tuple(found)


def _voices() -> list[Notice]:
    try:
        package = distribution(VOICES)
    except PackageNotFoundError:
        return []
    texts = [f.read_text("utf-8") for f in package.files or () if f.name.startswith("LICEN")]
    return [Notice(_("The voices (SVOX Pico, by py-nanotts)"), package.version, "\n".join(texts))]

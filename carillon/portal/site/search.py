"""Ctrl K: numbers, people, teams, calls and pages that match a few letters."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.db.models import Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from carillon.portal.calls import access as calls
from carillon.portal.calls.filters import Filters, narrow
from carillon.portal.companies.access import enter, may
from carillon.portal.extensions import access as extensions
from carillon.portal.help.articles import find as find_help
from carillon.portal.routing import access as routing
from carillon.portal.words import phone, when

MOST_PER_GROUP = 5


@dataclass(frozen=True, slots=True)
class Found:
    """One line of the results."""

    url: str
    icon: str
    text: str
    more: str = ""


def search(request: HttpRequest, text: str) -> list[tuple[str, list[Found]]]:
    """Return what matches, in groups; without text, the pages."""
    groups: list[tuple[str, list[Found]]] = []
    if text and may(request, "see"):
        groups += [(_("People and teams"), _people(request, text))]
        groups += [(_("Numbers"), _numbers(request, text))]
    if len(text) > 1:
        groups += [(_("Calls"), _calls(request, text))]
    pages = [page for page in _pages(request) if text.lower() in page.text.lower()]
    if text:
        groups += [(_("Help"), _articles(text))]
    return [(name, found) for name, found in [*groups, (_("Pages"), pages)] if found]


def _people(request: HttpRequest, text: str) -> list[Found]:
    people = extensions.people(request).filter(
        Q(name__icontains=text) | Q(extension__startswith=text)
    )
    teams = extensions.teams(request).filter(name__icontains=text)
    found = [
        Found(reverse("person", args=[p.pk]), "user", p.name, p.extension)
        for p in people[:MOST_PER_GROUP]
    ]
    return found + [
        Found(reverse("team", args=[t.pk]), "users", t.name, _("Team"))
        for t in teams[:MOST_PER_GROUP]
    ]


def _numbers(request: HttpRequest, text: str) -> list[Found]:
    digits = "".join(c for c in text if c.isdigit()).lstrip("0")
    matches = Q(name__icontains=text) | (Q(e164__contains=digits) if digits else Q())
    return [
        Found(reverse("number", args=[n.pk]), "hash", n.name, phone(n.e164))
        for n in routing.numbers(request).filter(matches)[:MOST_PER_GROUP]
    ]


def _calls(request: HttpRequest, text: str) -> list[Found]:
    country = enter(request).company.country
    found = narrow(calls.calls(request), Filters(q=text), country)[:MOST_PER_GROUP]
    return [
        Found(
            reverse("call", args=[call.pk]),
            "history",
            phone(call.caller_name or call.caller)
            if call.direction == "inbound"
            else phone(call.called),
            f"{call.get_outcome_display()} · {when(call.started_at)}",
        )
        for call in found
    ]


def _articles(text: str) -> list[Found]:
    return [
        Found(reverse("help-article", args=[each.about.slug]), "help-circle", each.title)
        for each in find_help(get_language() or "en", text)[:MOST_PER_GROUP]
    ]


def _pages(request: HttpRequest) -> Iterator[Found]:
    yield Found(reverse("home"), "home", _("Home"))
    yield Found(reverse("calls"), "history", _("Calls"))
    yield Found(f"{reverse('calls')}?outcome=missed", "phone-off", _("Missed calls"))
    yield Found(reverse("voicemail"), "record-mail", _("Voicemail"))
    if extensions.me(request):
        yield Found(reverse("phone"), "phone-call", _("Phone"))
    if may(request, "see"):
        yield Found(reverse("numbers"), "hash", _("Numbers"))
        yield Found(reverse("people"), "user", _("People and phones"))
        yield Found(reverse("teams"), "users", _("Teams"))
    if may(request, "edit"):
        yield Found(reverse("new-number"), "plus", _("Add a number"))
        yield Found(reverse("new-person"), "user-plus", _("Add a person"))
        yield Found(reverse("new-team"), "plus", _("Create a team"))
        yield Found(reverse("company"), "settings", _("Company"))
        yield Found(reverse("integrations"), "link", _("Integrations"))
        yield Found(reverse("api-keys"), "key", _("API keys"))
        yield Found(reverse("api-guide"), "key", _("How to use the API"))
        yield Found(reverse("audit"), "list-check", _("Audit log"))
    yield Found(reverse("account"), "user", _("My account"))
    yield Found(reverse("help"), "help-circle", _("Help"))

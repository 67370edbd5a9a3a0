"""The help: a list with a search, and one article. Nobody must sign in to learn how to sign in."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import get_language
from django.views.decorators.http import require_GET

from carillon.portal.companies.access import may
from carillon.portal.help.articles import articles, find


@login_not_required
@require_GET
def index(request: HttpRequest) -> HttpResponse:
    """List the articles, or those with the words looked for."""
    wanted = request.GET.get("q", "").strip()[:80]
    found = find(get_language() or "en", wanted)
    context = {
        "articles": found,
        "q": wanted,
        "community": settings.CONFIG.community,
        "nav": "help",
    }
    return render(request, "help/index.html", context)


@login_not_required
@require_GET
def article(request: HttpRequest, slug: str) -> HttpResponse:
    """Show one article."""
    every = articles(get_language() or "en")
    found = next((each for each in every if each.about.slug == slug), None)
    if found is None:
        raise Http404("no such article")
    leads_on = found.about.url and may(request, found.about.to)
    context = {
        "article": found,
        "others": [each for each in every if each is not found],
        "leads_on": leads_on,
        "nav": "help",
    }
    return render(request, "help/article.html", context)

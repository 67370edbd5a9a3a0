"""The first page of an empty system: a company of one's own, or the demo company."""

from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from carillon.portal.accounts import signing
from carillon.portal.accounts.actions import choose_language
from carillon.portal.accounts.models import User
from carillon.portal.demo.company import create_demo
from carillon.portal.onboarding import actions
from carillon.portal.onboarding.forms import StartForm
from carillon.portal.refused import Refused


@login_not_required
@never_cache
@sensitive_post_parameters("password")
def start(request: HttpRequest) -> HttpResponse:
    """Make the first company; afterwards this page only leads to sign-in."""
    if not actions.is_empty():
        return redirect("sign-in")
    form = StartForm(request.POST or None, initial={"country": "FR"})
    if form.is_valid():
        try:
            user = actions.begin(**form.cleaned_data)
        except Refused:
            return redirect("sign-in")
        return _enter(request, user, "wizard")
    status = 422 if form.is_bound else 200
    return render(request, "onboarding/start.html", {"form": form}, status=status)


@login_not_required
@require_POST
def start_demo(request: HttpRequest) -> HttpResponse:
    """Make the demo company and sign in as its owner; only while the system is empty."""
    if not actions.is_empty():
        return redirect("sign-in")
    return _enter(request, create_demo().owner, "home")


def _enter(request: HttpRequest, user: User, page: str) -> HttpResponse:
    """Sign in, in the language the reader was using, and go to a page."""
    choose_language(user, "fr" if get_language() == "fr" else "en")
    signing.enter(request, user)
    return redirect(page)

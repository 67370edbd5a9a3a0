"""Signing in and out, the first password, one's own account."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from carillon.portal.accounts import actions, signing
from carillon.portal.accounts.forms import LANGUAGES, AccountForm, SignInForm
from carillon.portal.accounts.models import User
from carillon.portal.accounts.signing import passkeys_possible


@login_not_required
@never_cache
@sensitive_post_parameters("password")
def sign_in(request: HttpRequest) -> HttpResponse:
    """Open a session."""
    if request.user.is_authenticated:
        return redirect("home")
    if not User.objects.exists():
        return redirect("start")
    form = SignInForm(request, request.POST or None)
    if form.is_valid() and form.user is not None:
        if signing.needs_second_step(form.user):
            signing.wait_for_second_step(request, form.user, _safe_next(request))
            return redirect("second-step")
        signing.enter(request, form.user)
        return redirect(_safe_next(request))
    status = 422 if form.is_bound else 200
    context = {
        "form": form,
        "config": settings.CONFIG,
        "passkeys_possible": passkeys_possible(settings.CONFIG.public_url),
    }
    return render(request, "accounts/sign_in.html", context, status=status)


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """Close the session."""
    logout(request)
    return redirect("sign-in")


def account(request: HttpRequest) -> HttpResponse:
    """Show and change one's own account."""
    user = _user(request)
    facts = {"name": user.name, "language": user.language, "theme": user.theme}
    form = AccountForm(request.POST or None, initial=facts)
    if form.is_valid():
        actions.change_account(user, **form.cleaned_data)
        messages.success(request, _("Your account is saved."))
        return redirect("account")
    status = 422 if form.is_bound else 200
    return render(request, "accounts/account.html", {"form": form}, status=status)


@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    """Choose light, dark, or what the device says."""
    chosen = request.POST.get("theme", "")
    if chosen in User.Theme.values:
        actions.choose_theme(_user(request), chosen)
    return redirect(_safe_next(request))


@login_not_required
@require_POST
def language(request: HttpRequest) -> HttpResponse:
    """Choose the language of the pages: of the account, or of this browser before signing in."""
    chosen = request.POST.get("language", "")
    response = redirect(_safe_next(request))
    if chosen in dict(LANGUAGES):
        if isinstance(request.user, User):
            actions.choose_language(request.user, chosen)
        response.set_cookie(
            settings.LANGUAGE_COOKIE_NAME,
            chosen,
            max_age=settings.LANGUAGE_COOKIE_AGE,
            samesite="Lax",
            httponly=True,
        )
    return response


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user


def _safe_next(request: HttpRequest) -> str:
    """Return where the reader came from, if that is a page of ours."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    if not wanted:
        wanted = request.headers.get("Referer", "") if request.path != "/sign-in" else ""
    hosts = {request.get_host()}
    secure = request.is_secure()
    safe = url_has_allowed_host_and_scheme(wanted, allowed_hosts=hosts, require_https=secure)
    return wanted if safe else "/"

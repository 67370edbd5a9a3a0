"""Other ways in than a password alone: codes of an app, passkeys, a provider (R30)."""

from __future__ import annotations

import secrets
from typing import Any

import segno
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_POST

from carillon.portal import mail
from carillon.portal.accounts import limits, second, signing, totp
from carillon.portal.accounts.limits import HOUR
from carillon.portal.accounts.models import User
from carillon.portal.identity import actions, oidc, passkeys
from carillon.portal.identity.forms import OldPasswordForm, StepForm
from carillon.portal.identity.security import knows_password, reader
from carillon.portal.words import device_name

MOST_CODES = 10
"""Wrong codes an hour, after which the second step is closed for a while."""
PASSKEY, PROVIDER = "passkey_challenge", "provider_state"


@login_not_required
@never_cache
@sensitive_post_parameters()
def second_step(request: HttpRequest) -> HttpResponse:
    """Ask for the code of the authenticator, or a recovery code."""
    pending = signing.waiting(request)
    if pending is None:
        return redirect("sign-in")
    user, leads_to = pending
    form = StepForm(request.POST or None)
    if form.is_valid():
        if not limits.allows("second-step", str(user.pk), MOST_CODES, HOUR):
            form.add_error("code", _("Too many wrong codes. Wait an hour, then try again."))
        elif second.passes(user, form.cleaned_data["code"]):
            limits.forget("second-step", str(user.pk))
            signing.enter(request, user)
            return redirect(leads_to)
        else:
            form.add_error("code", _("This is not the code. Codes change every 30 seconds."))
    status = 422 if form.is_bound else 200
    return render(request, "identity/second_step.html", {"form": form}, status=status)


@never_cache
@sensitive_post_parameters()
def authenticator(request: HttpRequest) -> HttpResponse:
    """Turn the second step on: the password, then a QR code, then a first code."""
    user = reader(request)
    if signing.needs_second_step(user):
        return redirect("security")
    old, form = OldPasswordForm(user, None), StepForm(None)
    if request.method == "POST" and "code" in request.POST:
        form = StepForm(request.POST)
        codes = (
            actions.turn_second_step_on(user, form.cleaned_data["code"])
            if form.is_valid()
            else None
        )
        if codes:
            return render(request, "identity/recovery_codes.html", {"codes": codes})
        form.add_error("code", _("This is not the code. Codes change every 30 seconds."))
    elif request.method == "POST":
        old = OldPasswordForm(user, request.POST)
        if knows_password(request, old):
            second.begin(user)
            return redirect("authenticator")
    secret = second.unconfirmed(user)
    context: dict[str, Any] = {"old": old, "form": form}
    if secret is not None:
        address = totp.address_of(secret, user.email)
        drawn = segno.make(address, error="m").svg_data_uri(scale=5, border=3, light="#fff")
        context |= {"secret": totp.text_of(secret), "qr": drawn}
    status = 422 if request.method == "POST" else 200
    return render(request, "identity/authenticator.html", context, status=status)


@sensitive_post_parameters()
def turn_off(request: HttpRequest) -> HttpResponse:
    """Turn the second step off; asks for the password."""
    user = reader(request)
    old = OldPasswordForm(user, request.POST or None)
    if knows_password(request, old):
        actions.turn_second_step_off(user)
        messages.success(request, _("Two-step sign-in is off."))
        return redirect("security")
    status = 422 if old.is_bound else 200
    return render(request, "identity/turn_off.html", {"old": old}, status=status)


@never_cache
@require_POST
def passkey_options(request: HttpRequest) -> HttpResponse:
    """Answer what the browser needs to make a passkey."""
    if not passkeys.is_possible():
        raise Http404("passkeys")
    options, request.session[PASSKEY] = passkeys.ask_new(reader(request))
    return HttpResponse(options, content_type="application/json")


@require_POST
def add_passkey(request: HttpRequest) -> HttpResponse:
    """Keep the passkey the browser made."""
    answer = passkeys.read_answer(request.body)
    challenge = request.session.pop(PASSKEY, "")
    name = device_name(request.headers.get("User-Agent", ""))
    if not (challenge and actions.add_passkey(reader(request), answer, challenge, name)):
        return JsonResponse({"error": _("This passkey cannot be used. Try again.")}, status=422)
    messages.success(request, _("The passkey is added: sign in with it from now on."))
    return JsonResponse({"next": reverse("security")})


@require_POST
def remove_passkey(request: HttpRequest, pk: int) -> HttpResponse:
    """Forget a passkey of the reader's."""
    actions.remove_passkey(reader(request), pk)
    messages.success(request, _("The passkey is removed."))
    return redirect("security")


@login_not_required
@never_cache
@require_POST
def known_options(request: HttpRequest) -> HttpResponse:
    """Answer what the browser needs to show a passkey."""
    if not passkeys.is_possible():
        raise Http404("passkeys")
    options, request.session[PASSKEY] = passkeys.ask_known()
    return HttpResponse(options, content_type="application/json")


@login_not_required
@never_cache
@require_POST
def use_passkey(request: HttpRequest) -> HttpResponse:
    """Sign in with a passkey: it is both steps in one."""
    challenge = request.session.pop(PASSKEY, "")
    answer = passkeys.read_answer(request.body)
    user = passkeys.recognise(answer, challenge) if challenge else None
    if user is None:
        return JsonResponse({"error": _("This passkey is not known here.")}, status=422)
    signing.enter(request, user)
    return JsonResponse({"next": reverse("home")})


@login_not_required
@never_cache
@require_GET
def provider(request: HttpRequest) -> HttpResponse:
    """Go to the provider's sign-in page."""
    settled = settings.CONFIG.oidc
    if settled is None:
        raise Http404("no provider")
    try:
        found = oidc.begin(settled, _back())
    except oidc.Failed:
        return _refuse(request, _("%(name)s does not answer. Try again, or use your password."))
    request.session[PROVIDER] = [found.state, found.nonce, found.verifier]
    return redirect(found.address)


@login_not_required
@never_cache
@require_GET
def provider_back(request: HttpRequest) -> HttpResponse:
    """Take whom the provider sends back."""
    settled = settings.CONFIG.oidc
    kept = request.session.pop(PROVIDER, None)
    if settled is None:
        raise Http404("no provider")
    state = request.GET.get("state", "")
    if not kept or not secrets.compare_digest(state.encode(), kept[0].encode()):
        return _refuse(request, _("This sign-in with %(name)s was not begun here. Try again."))
    try:
        code = request.GET.get("code", "")
        claims = oidc.finish(settled, _back(), code, verifier=kept[2], nonce=kept[1])
    except oidc.Failed:
        return _refuse(request, _("%(name)s did not say who you are. Try again."))
    user = oidc.user_of(settled, claims)
    if user is None:
        text = _("Nobody here has the account you chose at %(name)s. Sign in another way.")
        return _refuse(request, text)
    return _let_in(request, user)


def _let_in(request: HttpRequest, user: User) -> HttpResponse:
    if signing.needs_second_step(user):
        signing.wait_for_second_step(request, user, "/")
        return redirect("second-step")
    signing.enter(request, user)
    return redirect("home")


def _refuse(request: HttpRequest, text: str) -> HttpResponse:
    settled = settings.CONFIG.oidc
    messages.error(request, text % {"name": settled.name if settled else ""})
    return redirect("sign-in")


def _back() -> str:
    return mail.absolute(reverse("provider-back"))

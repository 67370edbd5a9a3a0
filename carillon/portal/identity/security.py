"""The reader's security page: password, PIN, question (R29), and where they are signed in."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_POST

from carillon.portal.accounts import limits, questions, second, signing
from carillon.portal.accounts.models import OpenSession, Passkey, User
from carillon.portal.companies.models import Company
from carillon.portal.extensions.pins import has_pin
from carillon.portal.identity import actions, passkeys
from carillon.portal.identity.forms import (
    OldPasswordForm,
    PasswordBlock,
    PinBlock,
    QuestionBlock,
    ReachForm,
)
from carillon.portal.words import phone

MOST_OLD_PASSWORDS = 10


@never_cache
@require_GET
def security(request: HttpRequest) -> HttpResponse:
    """Show what keeps the account safe."""
    user = reader(request)
    people = actions.people_of(user)
    context = {
        "has_person": bool(people),
        "has_pin": any(has_pin(person) for person in people),
        "question": questions.question_of(user),
        "sessions": OpenSession.objects.filter(user=user).order_by("-began_at"),
        "this_session": request.session.session_key,
        "second_step": signing.needs_second_step(user),
        "codes_left": second.codes_left(user),
        "passkeys": Passkey.objects.filter(user=user).order_by("pk"),
        "passkeys_possible": passkeys.is_possible(),
    }
    return render(request, "identity/security.html", context)


@never_cache
@sensitive_post_parameters()
def password(request: HttpRequest) -> HttpResponse:
    """Change the password; other devices are signed out."""
    user = reader(request)
    old, new = (
        OldPasswordForm(user, request.POST or None),
        PasswordBlock(user, request.POST or None),
    )
    if _are_right(request, old, new):
        actions.change_password(user, new.cleaned_data["password"])
        signing.end_other_sessions(request, user)
        messages.success(request, _("Your password is changed. Other devices are signed out."))
        return redirect("security")
    return _change_page(request, "password", old, new)


@never_cache
@sensitive_post_parameters()
def pin(request: HttpRequest) -> HttpResponse:
    """Change the PIN; ends a lock, too."""
    user = reader(request)
    old, new = OldPasswordForm(user, request.POST or None), PinBlock(request.POST or None)
    if _are_right(request, old, new):
        actions.set_pins(user, new.cleaned_data["pin"])
        messages.success(request, _("Your PIN is changed."))
        return redirect("security")
    return _change_page(request, "pin", old, new)


@never_cache
@sensitive_post_parameters()
def question(request: HttpRequest) -> HttpResponse:
    """Change the security question and its answer."""
    user = reader(request)
    old = OldPasswordForm(user, request.POST or None)
    new = QuestionBlock(request.POST or None, initial={"question": user.question})
    if _are_right(request, old, new):
        actions.change_question(user, new.cleaned_data["question"], new.cleaned_data["answer"])
        messages.success(request, _("Your security question is changed."))
        return redirect("security")
    return _change_page(request, "question", old, new)


@never_cache
@sensitive_post_parameters()
def reach(request: HttpRequest) -> HttpResponse:
    """Change the contact number, and whether the e-mail signs in (R43, R44)."""
    user = reader(request)
    facts = {"mobile": phone(user.mobile) if user.mobile else "", "by_email": user.email_sign_in}
    old = OldPasswordForm(user, request.POST or None)
    new = ReachForm(_country(request), request.POST or None, initial=facts)
    if _are_right(request, old, new):
        number, by_email = new.cleaned_data["mobile"], new.cleaned_data["by_email"]
        actions.change_reach(user, number, by_email)
        messages.success(request, _("How you sign in is saved."))
        return redirect("security")
    return _change_page(request, "reach", old, new)


def _country(request: HttpRequest) -> str:
    company: Company | None = getattr(request, "company", None)
    return company.country if company else "FR"


@require_POST
def end_sessions(request: HttpRequest) -> HttpResponse:
    """Sign out one device, or all but this one."""
    user = reader(request)
    one = request.POST.get("session", "")
    if one.isdecimal():
        signing.end_session(user, int(one[:12]))
        messages.success(request, _("The device is signed out."))
    else:
        signing.end_other_sessions(request, user)
        messages.success(request, _("All other devices are signed out."))
    return redirect("security")


def reader(request: HttpRequest) -> User:
    """Return who is signed in."""
    assert isinstance(request.user, User)
    return request.user


def knows_password(request: HttpRequest, old: OldPasswordForm) -> bool:
    """Check the password of today; somebody at an open screen may not guess it for ever."""
    user = reader(request)
    if not old.is_bound:
        return False
    if not limits.allows("old-password", str(user.pk), MOST_OLD_PASSWORDS):
        old.add_error("old", _("Too many attempts. Wait an hour, then try again."))
        return False
    if not old.is_valid():
        return False
    limits.forget("old-password", str(user.pk))
    return True


def _are_right(request: HttpRequest, old: OldPasswordForm, new: forms.Form) -> bool:
    return new.is_valid() and knows_password(request, old)


def _change_page(request: HttpRequest, what: str, old: Any, new: Any) -> HttpResponse:
    status = 422 if old.is_bound else 200
    context = {"what": what, "old": old, "form": new}
    return render(request, "identity/change.html", context, status=status)

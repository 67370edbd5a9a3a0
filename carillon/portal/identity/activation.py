"""The pages from the link in the mail to the signed-in account: phone check, then three secrets (R13–R28)."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from asgiref.sync import sync_to_async
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_POST

from carillon.portal import pretend
from carillon.portal.accounts import actions as accounts
from carillon.portal.accounts import links, signing
from carillon.portal.accounts.models import LinkToken, User
from carillon.portal.accounts.numbers import masked
from carillon.portal.identity import actions, opening, phonecheck, robots
from carillon.portal.identity.forms import (
    CallForm,
    CodeForm,
    MobileForm,
    PasswordBlock,
    PinBlock,
    QuestionBlock,
)
from carillon.portal.refused import Refused

ACTIVATING = "activating"
STOP_POLLING = 286
"""htmx asks no more after an answer with this status."""
Page = Callable[..., HttpResponse]


@login_not_required
@never_cache
@require_GET
def link(request: HttpRequest, token: str) -> HttpResponse:
    """Take the link of the mail, and go on without it in the address."""
    found = links.find_link(token, LinkToken.Purpose.SIGN_UP, LinkToken.Purpose.ACTIVATE)
    if found is None or not links.is_good(found) or opening.open_link(found) is None:
        kept = token if found is not None and found.used_at is None else ""
        return render(request, "identity/expired.html", {"token": kept}, status=410)
    request.session[ACTIVATING] = found.pk
    return redirect("activate")


def activating(page: Page) -> Page:
    """Give the page the link it acts on; without a good one, say so."""

    @login_not_required
    @never_cache
    @wraps(page)
    def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        found = current(request)
        if found is None:
            return render(request, "identity/expired.html", {"token": ""}, status=410)
        return page(request, found, *args, **kwargs)

    return inner


def current(request: HttpRequest) -> LinkToken | None:
    """Return the good link this browser opened."""
    pk = request.session.get(ACTIVATING)
    found = LinkToken.objects.select_related("user").filter(pk=pk).first() if pk else None
    return found if found and found.user and links.is_good(found) else None


@activating
@require_GET
def activate(request: HttpRequest, found: LinkToken) -> HttpResponse:
    """Show what is next: the phone check, then the secrets."""
    user = _user(found)
    if user.mobile and not user.mobile_verified_at:
        return _phone_page(request, found, CallForm(), CodeForm())
    return render(request, "identity/secrets.html", _secrets(user, None))


@activating
@require_POST
def call(request: HttpRequest, found: LinkToken) -> HttpResponse:
    """Call the mobile (R15); once more for who did not hear it ring (R17)."""
    user, form = _user(found), CallForm(request.POST)
    if form.is_trapped:
        return redirect("activate")
    if form.is_valid():
        try:
            phonecheck.call(user, request.META.get("REMOTE_ADDR") or None, _language())
        except Refused as refused:
            form.add_error(None, refused.text)
        else:
            return redirect("activate")
    return _phone_page(request, found, form, CodeForm(), status=422)


@activating
@require_POST
def code(request: HttpRequest, found: LinkToken) -> HttpResponse:
    """Check the code that was typed (R16)."""
    user, form = _user(found), CodeForm(request.POST)
    if form.is_valid():
        verdict = phonecheck.verify(user, form.cleaned_data["code"])
        if verdict == "ok":
            return redirect("activate")
        form.add_error("code", _said(verdict))
    return _phone_page(request, found, CallForm(), form, status=422)


@activating
@require_POST
def mobile(request: HttpRequest, found: LinkToken) -> HttpResponse:
    """Correct the mobile of a sign-up before it is checked. Of whom others invited, they know the number."""
    user = _user(found)
    if not _may_correct(found):
        raise Http404("not theirs to correct")
    form = MobileForm(_country(user), request.POST)
    if form.is_valid():
        accounts.choose_reachability(
            user, mobile=form.cleaned_data["mobile"], email_sign_in=user.email_sign_in
        )
        return redirect("activate")
    return _phone_page(request, found, CallForm(), CodeForm(), form, status=422)


@activating
@sensitive_post_parameters()
@require_POST
def secrets(request: HttpRequest, found: LinkToken) -> HttpResponse:
    """Set password, PIN and question (R18–R28), and sign in: the link is used up."""
    user = _user(found)
    if user.mobile and not user.mobile_verified_at:
        return redirect("activate")
    blocks = _secrets(user, request.POST)
    if not all(block.is_valid() for block in blocks.values()):
        return render(request, "identity/secrets.html", blocks, status=422)
    actions.activate(found, user, _chosen(blocks), _language())
    del request.session[ACTIVATING]
    signing.enter(request, user)
    messages.success(request, _("Your account is active and ready to be set up."))
    return redirect("wizard")


def _chosen(blocks: dict[str, Any]) -> dict[str, str]:
    question = blocks["question"].cleaned_data
    chosen = {name: question[name] for name in ("question", "answer")}
    chosen["password"] = blocks["password"].cleaned_data["password"]
    if "pin" in blocks:
        chosen["pin"] = blocks["pin"].cleaned_data["pin"]
    return chosen


@activating
@require_GET
def phone(request: HttpRequest, found: LinkToken) -> HttpResponse:
    """Answer how the pretend mobile is; only in the sandbox, and only the number that is checked."""
    ringing = pretend.newest(_checked_number(found))
    status = STOP_POLLING if ringing is not None and ringing.state == "talking" else 200
    return render(request, "identity/_phone.html", {"phone": ringing}, status=status)


@activating
@require_POST
def use_phone(request: HttpRequest, found: LinkToken, phone: int) -> HttpResponse:
    """Answer the pretend mobile, or hang up."""
    number = _checked_number(found)
    wanted = "hang-up" if request.POST.get("do") == "hang-up" else "answer"
    if not pretend.use(phone, number, wanted):
        raise Http404("no such call")
    context = {"phone": pretend.newest(number), "answered": wanted == "answer"}
    return render(request, "identity/_phone.html", context)


@login_not_required
async def phone_sound(request: HttpRequest, phone: int) -> HttpResponseBase:
    """Stream what the pretend mobile hears."""
    if not await sync_to_async(_may_hear)(request, phone):
        raise Http404("no such call")
    response = StreamingHttpResponse(pretend.sound(phone), content_type="audio/wav")
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Accel-Buffering"] = "no"
    return response


def _may_hear(request: HttpRequest, phone: int) -> bool:
    found = current(request)
    if found is None:
        return False
    newest = pretend.newest(_checked_number(found))
    return newest is not None and newest.phone == phone


def _checked_number(found: LinkToken) -> str:
    user = _user(found)
    if not phonecheck.is_sandbox() or not user.mobile or user.mobile_verified_at:
        raise Http404("no pretend mobile")
    return user.mobile


def _phone_page(
    request: HttpRequest,
    found: LinkToken,
    call_form: CallForm,
    code_form: CodeForm,
    mobile_form: MobileForm | None = None,
    status: int = 200,
) -> HttpResponse:
    user = _user(found)
    context = {
        "mobile": masked(user.mobile),
        "called_at": phonecheck.last_call(user),
        "call_form": call_form,
        "code_form": code_form,
        "mobile_form": mobile_form or (MobileForm(_country(user)) if _may_correct(found) else None),
        "sandbox": phonecheck.is_sandbox(),
        "robots": robots.is_needed(),
    }
    return render(request, "identity/phone_check.html", context, status=status)


def _may_correct(found: LinkToken) -> bool:
    user = _user(found)
    return found.purpose == LinkToken.Purpose.SIGN_UP and not user.mobile_verified_at


def _country(user: User) -> str:
    place = user.memberships.select_related("company").first()
    return place.company.country if place else "FR"


def _secrets(user: User, data: Any) -> dict[str, Any]:
    blocks: dict[str, Any] = {"password": PasswordBlock(user, data)}
    if actions.people_of(user):
        blocks["pin"] = PinBlock(data)
    blocks["question"] = QuestionBlock(data)
    return blocks


def _said(verdict: phonecheck.Verdict) -> str:
    return {
        "wrong": _("This is not the code. Check the four digits."),
        "expired": _("This code is no longer good: it lasts 10 minutes. Let us call you again."),
        "spent": _("Too many wrong codes. Let us call you again with a new one."),
    }[verdict]


def _language() -> str:
    return "fr" if (get_language() or "").startswith("fr") else "en"


def _user(found: LinkToken) -> User:
    assert found.user is not None
    return found.user

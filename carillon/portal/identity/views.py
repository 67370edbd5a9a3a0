"""Signing up, new links, a forgotten password, and the live criteria."""

from __future__ import annotations

import secrets

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_POST

from carillon.portal import mail
from carillon.portal.accounts import limits, links, questions
from carillon.portal.accounts.checking import password_criteria, pin_criteria
from carillon.portal.accounts.models import LinkToken, User
from carillon.portal.companies.models import Company
from carillon.portal.extensions.welcome import write_invitation
from carillon.portal.identity import actions, opening, robots
from carillon.portal.identity.activation import current
from carillon.portal.identity.forms import AnswerForm, EmailForm, PasswordBlock, SignUpForm
from carillon.portal.mail.models import MailMessage
from carillon.portal.routing import pool

MOST_SIGN_UPS = 5
"""From one address in an hour."""
MOST_MAILS = 3
"""To one address of mail in an hour, whoever asks for them."""
MOST_ANSWERS = 5
SEED = "number_seed"
OWN_MAIL = "own_mail"
"""The session's list of messages this browser asked for: all it may read of a sandbox's outbox."""


@login_not_required
@never_cache
def sign_up(request: HttpRequest) -> HttpResponse:
    """Ask for a company; the page says the same whoever has an account already."""
    if not settings.CONFIG.sign_up:
        return render(request, "identity/closed.html", status=403)
    form = SignUpForm(request.POST or None, initial={"country": "FR", "plan": "team", "lines": 5})
    country = form["country"].value()
    country = country if country in pool.RANGES else "FR"
    numbers = opening.free_numbers(country, _seed(request))
    if form.is_bound and form.is_trapped:
        return redirect("sign-up-sent")
    if form.is_valid() and _takes(request, form, numbers):
        return redirect("sign-up-sent")
    context = {
        "form": form,
        "numbers": numbers,
        "chosen": form["e164"].value() or (numbers[0] if numbers else ""),
        "plans": Company.Plan.choices,
        "robots": robots.is_needed(),
    }
    return render(request, "identity/sign_up.html", context, status=422 if form.is_bound else 200)


def _takes(request: HttpRequest, form: SignUpForm, numbers: list[str]) -> bool:
    """Keep a sign-up, unless there were too many or no number is left."""
    facts = form.facts()
    facts["e164"] = facts["e164"] or (numbers[0] if numbers else "")
    if not facts["e164"]:
        form.add_error("country", _("No number is free in this country. Choose another country."))
        return False
    address = request.META.get("REMOTE_ADDR")
    if not limits.allows("sign-up", address, MOST_SIGN_UPS):
        form.add_error(
            None, _("Too many companies were asked for from here. Try again in an hour.")
        )
        return False
    if limits.allows("mail", facts["email"], MOST_MAILS):
        _remember(request, opening.ask(facts, _language()))
    return True


@login_not_required
@require_GET
def numbers(request: HttpRequest) -> HttpResponse:
    """Answer the main numbers of a country, for the form."""
    country = request.GET.get("country", "")
    if country not in pool.RANGES or not settings.CONFIG.sign_up:
        raise Http404("country")
    found = opening.free_numbers(country, _seed(request))
    context = {"numbers": found, "chosen": found[0] if found else ""}
    return render(request, "identity/_numbers.html", context)


@login_not_required
@require_GET
def sign_up_sent(request: HttpRequest) -> HttpResponse:
    """Say that a message is on its way."""
    return render(
        request, "identity/sent.html", {"reads_here": bool(request.session.get(OWN_MAIL))}
    )


@login_not_required
@never_cache
@require_POST
def new_link(request: HttpRequest) -> HttpResponse:
    """Send a new link to whom the old one was sent; says the same when there is nothing to send."""
    token = request.POST.get("token", "")
    found = links.find_link(token, LinkToken.Purpose.SIGN_UP, LinkToken.Purpose.ACTIVATE)
    if (
        found is not None
        and found.used_at is None
        and limits.allows("link", found.hash, MOST_MAILS)
    ):
        _remember(request, opening.send_again(found))
    return redirect("sign-up-sent")


@login_not_required
@never_cache
def forgotten(request: HttpRequest) -> HttpResponse:
    """Send a link to set a new password; the answer is the same for every e-mail."""
    form = EmailForm(request.POST or None)
    if form.is_valid():
        email = form.cleaned_data["email"].strip().lower()
        from_here = limits.allows("forgotten", request.META.get("REMOTE_ADDR"), 20)
        if from_here and limits.allows("mail", email, MOST_MAILS):
            write_reset(email)
        return render(request, "identity/reset_sent.html", {"email": email})
    status = 422 if form.is_bound else 200
    return render(request, "identity/forgotten.html", {"form": form}, status=status)


@transaction.atomic
def write_reset(email: str) -> None:
    """Write the mail, where somebody has this e-mail; who never activated gets that link again."""
    user = User.objects.filter(email=email, is_active=True).first()
    if user is None:
        return
    if user.activated_at is None and not user.has_usable_password():
        write_invitation(user)
        return
    token = links.make_link(user, LinkToken.Purpose.RESET)[1]
    link = mail.absolute(reverse("reset", args=[token]))
    mail.send("reset", user.email, user.language, {"name": user.name, "link": link})


@login_not_required
@never_cache
@sensitive_post_parameters()
def reset(request: HttpRequest, token: str) -> HttpResponse:
    """Set a new password with the link, and the answer to the security question where there is one."""
    found = links.find_link(token, LinkToken.Purpose.RESET)
    user = found.user if found is not None and links.is_good(found) else None
    if found is None or user is None:
        return render(request, "identity/reset_expired.html", status=410)
    question = questions.question_of(user) if user.answer_hash else ""
    form = PasswordBlock(user, request.POST or None)
    answer = AnswerForm(request.POST or None) if question else None
    if form.is_valid() and (answer is None or _answers(user, answer)):
        actions.reset_password(found, user, form.cleaned_data["password"])
        limits.forget("answer", str(user.pk))
        messages.success(request, _("Your password is changed: sign in with it."))
        return redirect("sign-in")
    context = {"form": form, "answer_form": answer, "question": question}
    return render(request, "identity/reset.html", context, status=422 if form.is_bound else 200)


def _answers(user: User, form: AnswerForm) -> bool:
    """Say whether the answer is right; only so many may be tried."""
    if not form.is_valid():
        return False
    if not limits.allows("answer", str(user.pk), MOST_ANSWERS):
        form.add_error(
            "answer", _("Too many wrong answers. Wait an hour, or ask an administrator.")
        )
        return False
    if not questions.is_answer(user, form.cleaned_data["answer"]):
        form.add_error("answer", _("This is not the answer."))
        return False
    return True


@login_not_required
@never_cache
@sensitive_post_parameters()
@require_POST
def check(request: HttpRequest, what: str) -> HttpResponse:
    """Answer the criteria for what is being typed: the same code that decides when the form is sent."""
    if what == "pin":
        found = pin_criteria(request.POST.get("pin", ""))
    else:
        opened = current(request)
        user = request.user if isinstance(request.user, User) else opened and opened.user
        found = password_criteria(request.POST.get("password", ""), user or None)
    return render(request, "identity/_criteria.html", {"criteria": found})


@login_not_required
@never_cache
@require_GET
def challenge(request: HttpRequest) -> HttpResponse:
    """Answer work for the box."""
    return JsonResponse(robots.new_challenge())


def _seed(request: HttpRequest) -> str:
    if SEED not in request.session:
        request.session[SEED] = secrets.token_hex(4)
    seed: str = request.session[SEED]
    return seed


def _remember(request: HttpRequest, message: MailMessage | None) -> None:
    if message is not None:
        request.session[OWN_MAIL] = [*request.session.get(OWN_MAIL, []), message.pk][-20:]


def _language() -> str:
    return "fr" if (get_language() or "").startswith("fr") else "en"

"""The call that tells somebody a code (R13–R17): really placed, spoken digit by digit, and limited."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import Literal

from django.conf import settings
from django.contrib.auth.hashers import check_password, make_password
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from carillon.bus.client import SandboxClient, SwitchClient, Unreachable
from carillon.portal.accounts.models import PhoneCheck, User
from carillon.portal.companies.models import Membership
from carillon.portal.refused import Refused
from carillon.portal.routing.models import Trunk
from carillon.portal.routing.speaking import speak
from carillon.schema.commands import CallOut
from carillon.schema.plan import Prompt
from carillon.schema.sandbox import HandsWish

LASTS = timedelta(minutes=10)
MOST_WRONG = 5
MOST_CALLS = 3
HOUR = timedelta(hours=1)
DIGITS = 4
SENTENCES = {
    "fr": ("Bonjour. Votre code Carillon est :", "Je répète. Votre code est :", "Au revoir."),
    "en": ("Hello. Your Carillon code is:", "Once more. Your code is:", "Goodbye."),
}
Verdict = Literal["ok", "wrong", "expired", "spent"]


def is_sandbox() -> bool:
    """Say whether this system only plays: no carrier but the pretend one."""
    return not Trunk.objects.exists()


def call(user: User, address: str | None, language: str) -> None:
    """Call somebody's mobile with a new code; the code before is good no longer."""
    code = "".join(secrets.choice("0123456789") for n in range(DIGITS))
    check = _begin(user, address, code)
    try:
        prompts = sentences(code, language)
        _place(user, prompts, language, check)
    except (Refused, Unreachable) as error:
        # Nobody was called, so that nothing counts.
        check.delete()
        if isinstance(error, Refused):
            raise
        text = _("The telephone system does not answer. Try again in a minute.")
        raise Refused("not-possible-now", text) from error


@transaction.atomic
def verify(user: User, code: str) -> Verdict:
    """Say whether this is the code of the last call; five wrong ones end it."""
    check = PhoneCheck.objects.select_for_update().filter(user=user).order_by("-pk").first()
    now = timezone.now()
    if check is None or check.passed_at or check.at < now - LASTS or check.mobile != user.mobile:
        return "expired"
    if check.wrong >= MOST_WRONG:
        return "spent"
    if check_password(code.strip()[:20], check.code_hash):
        check.passed_at = user.mobile_verified_at = now
        check.save(update_fields=["passed_at"])
        user.save(update_fields=["mobile_verified_at"])
        return "ok"
    check.wrong += 1
    check.save(update_fields=["wrong"])
    return "spent" if check.wrong >= MOST_WRONG else "wrong"


def last_call(user: User) -> datetime | None:
    """Return when somebody's number was last called with a code that may still be good."""
    recent = PhoneCheck.objects.filter(user=user, at__gt=timezone.now() - LASTS)
    check = recent.filter(mobile=user.mobile).order_by("-pk").first()
    return check.at if check else None


def sentences(code: str, language: str) -> tuple[Prompt, ...]:
    """Return what is said: the code twice, each digit a sentence of its own, to be understood."""
    hello, again, bye = SENTENCES[language]
    said = [hello, *(f"{digit}." for digit in code), again, *(f"{digit}." for digit in code), bye]
    return tuple(
        Prompt(key, seconds=length) for key, length in (speak(text, language) for text in said)
    )


@transaction.atomic
def _begin(user: User, address: str | None, code: str) -> PhoneCheck:
    since = timezone.now() - HOUR
    recent = PhoneCheck.objects.filter(at__gt=since)
    by_mobile = recent.filter(mobile=user.mobile).count()
    by_address = recent.filter(address=address).count() if address else 0
    if max(by_mobile, by_address) >= MOST_CALLS:
        text = _("You were called %(n)s times. For your safety, wait an hour before the next call.")
        raise Refused("too-many-calls", text % {"n": MOST_CALLS})
    return PhoneCheck.objects.create(
        user=user,
        mobile=user.mobile,
        address=address,
        code_hash=make_password(code),
        at=timezone.now(),
    )


def _place(user: User, prompts: tuple[Prompt, ...], language: str, check: PhoneCheck) -> None:
    place = Membership.objects.filter(user=user).select_related("company").first()
    if place is None:
        raise Refused("no-company", _("You belong to no company that could call you."))
    config = settings.CONFIG
    if is_sandbox():
        # The pretend mobile rings on the page itself, see `pretend`.
        sandbox = SandboxClient(config.sandbox_url, config.secret())
        sandbox.by_hand(HandsWish(number=user.mobile, seconds=HOUR.total_seconds()))
    command = CallOut(place.company.key, user.mobile, prompts, "code", language=language)
    answer = SwitchClient(config.switch_url, config.secret()).do(command)
    if not answer.done:
        raise Refused(answer.reason, _why_not(answer.reason))
    check.call = answer.call
    check.save(update_fields=["call"])


def _why_not(reason: str) -> str:
    if reason in ("bad-number", "not-allowed"):
        return _("This number cannot be called from here. Ask who invited you to correct it.")
    return _("The call cannot be placed just now. Try again in a minute.")

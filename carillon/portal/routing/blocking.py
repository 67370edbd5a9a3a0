"""Blocked callers (A68): who they are, and the page that says so."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from carillon.flows.outgoing import normalise
from carillon.portal.accounts.models import User
from carillon.portal.companies import audit
from carillon.portal.companies.access import enter
from carillon.portal.companies.models import Company
from carillon.portal.companies.publish import bump_plan
from carillon.portal.fields import Form
from carillon.portal.refused import Refused
from carillon.portal.routing import access
from carillon.portal.routing.compile import DIAL_RULES
from carillon.portal.routing.models import BlockedCaller, CompanySound
from carillon.schema.plan import DialRules

MOST_BLOCKED = 1000
SHORTEST_BEGINNING = 2
"""Digits before the star, the country code counted: +33* is a whole country, +* would be everybody."""


class BlockForm(Form):
    """A number, or the beginning of one and a star."""

    pattern = forms.CharField(
        label=_("Number to block"),
        max_length=30,
        help_text=_("A star at the end blocks all that begin so: 08 99 *"),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    note = forms.CharField(label=_("Why"), max_length=80, required=False)

    def __init__(self, country: str, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self._country = country

    def clean_pattern(self) -> str:
        """Return it as plans have it."""
        found = read_pattern(self.cleaned_data["pattern"], self._country)
        if found is None:
            raise forms.ValidationError(
                gettext("This is not a telephone number. Example: 06 12 48 90 11")
            )
        return found


def read_pattern(text: str, country: str) -> str | None:
    """Return a number as E.164, or its beginning and a star; None when it is neither."""
    rules = DIAL_RULES.get(country, DialRules())
    head = text.strip()
    if not head.endswith("*"):
        return normalise(head, rules)
    head = head[:-1].translate(str.maketrans("", "", " .-()/"))
    for prefix, instead in (
        ("+", "+"),
        (rules.international_prefix, "+"),
        (rules.national_prefix, f"+{rules.country_code}"),
    ):
        if head.startswith(prefix):
            digits = head[len(prefix) :]
            found = instead + digits
            known = (not digits or (digits.isascii() and digits.isdigit())) and len(found) <= 15
            return f"{found}*" if known and len(found) > SHORTEST_BEGINNING else None
    return None


@transaction.atomic
def block(company: Company, pattern: str, note: str, *, by: User) -> None:
    """Hang up on a caller from now on."""
    if BlockedCaller.objects.count() >= MOST_BLOCKED:
        raise Refused("too-many-blocked", gettext("1,000 numbers are blocked. Use a star."))
    _row, made = BlockedCaller.objects.get_or_create(
        company=company, pattern=pattern, defaults={"note": note, "by": by}
    )
    if made:
        audit.write(company, by, "caller-blocked", (company.key, pattern), {}, {"note": note})
        bump_plan(company)


@transaction.atomic
def unblock(row: BlockedCaller, *, by: User) -> None:
    """Let a caller through again."""
    company = row.company
    audit.write(company, by, "caller-unblocked", (company.key, row.pattern), {"note": row.note})
    row.delete()
    bump_plan(company)


@transaction.atomic
def block_anonymous(company: Company, on: bool, *, by: User) -> None:
    """Hang up on callers who hide their number, or let them through."""
    sound, _made = CompanySound.objects.get_or_create(company=company)
    if sound.block_anonymous == on:
        return
    sound.block_anonymous = on
    sound.save(update_fields=["block_anonymous"])
    thing = (company.key, company.name)
    audit.write(company, by, "anonymous-callers", thing, {"blocked": not on}, {"blocked": on})
    bump_plan(company)


def blocked(request: HttpRequest) -> HttpResponse:
    """Show and add blocked callers."""
    inside = enter(request, to="edit")
    form = BlockForm(inside.company.country, request.POST or None)
    if form.is_valid():
        try:
            block(
                inside.company,
                form.cleaned_data["pattern"],
                form.cleaned_data["note"],
                by=inside.user,
            )
        except Refused as refused:
            form.add_error("pattern", refused.text)
        else:
            messages.success(request, gettext("Blocked: the next call is hung up on."))
            return redirect("blocked")
    context = {
        "form": form,
        "callers": access.blocked_callers(request),
        "anonymous": CompanySound.current(inside.company).block_anonymous,
        "nav": "company",
    }
    status = 422 if form.is_bound else 200
    return render(request, "routing/blocked.html", context, status=status)


@require_POST
def unblock_caller(request: HttpRequest, pk: int) -> HttpResponse:
    """Let a caller through again."""
    row = access.blocked_caller(request, pk)
    unblock(row, by=enter(request).user)
    return redirect("blocked")


@require_POST
def anonymous(request: HttpRequest) -> HttpResponse:
    """Hang up on callers who hide their number, or not."""
    inside = enter(request, to="edit")
    block_anonymous(inside.company, "on" in request.POST, by=inside.user)
    return redirect("blocked")

"""What a company's phones may call: the page and the action behind it."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from carillon.portal.accounts.models import User
from carillon.portal.companies import audit
from carillon.portal.companies.access import enter
from carillon.portal.companies.models import Company
from carillon.portal.companies.publish import bump_plan
from carillon.portal.countries import NAMES
from carillon.portal.fields import Form
from carillon.portal.routing.models import CallLimits

MOST_DENIED = 100
FIELDS = ("outside_calls", "calls_per_hour", "everywhere_allowed", "countries", "denied")
_PREFIX = re.compile(r"\+[1-9][0-9]{0,14}", re.ASCII)


class LimitsForm(Form):
    """How many calls, and whereto."""

    outside_calls = forms.IntegerField(
        label=_("Outside calls at once"),
        min_value=0,
        max_value=10_000,
        help_text=_("Counts calls to the outside only. 0: no bound."),
    )
    calls_per_hour = forms.IntegerField(
        label=_("Outside calls an hour"),
        min_value=0,
        max_value=100_000,
        help_text=_("Somewhat more than on your busiest day. 0: no bound."),
    )
    everywhere_allowed = forms.BooleanField(
        label=_("Every country may be called"),
        required=False,
        help_text=_("Off: only the countries below."),
    )
    countries = forms.MultipleChoiceField(
        label=_("Countries that may be called"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    denied = forms.CharField(
        label=_("Numbers that are never called"),
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false"}),
        help_text=_(
            "How they begin, with their country code: premium-rate numbers in the beginning."
        ),
    )

    def __init__(self, *args: Any, limits: CallLimits, **kwargs: Any) -> None:
        facts = {name: getattr(limits, name) for name in FIELDS}
        kwargs["initial"] = {**facts, "denied": " ".join(limits.denied)}
        super().__init__(*args, **kwargs)
        chosen = set(limits.countries)
        field = self.fields["countries"]
        assert isinstance(field, forms.MultipleChoiceField)
        # What is chosen first: two hundred others follow.
        names = {code: str(name) for code, name in NAMES.items()}
        # What is chosen first: two hundred others follow.
        order = sorted(names, key=lambda code: (code not in chosen, plain(names[code])))
        field.choices = [(code, names[code]) for code in order]

    def clean_denied(self) -> list[str]:
        """Return the beginnings, each with its plus."""
        words = (
            re.sub(r"[ .-]+(?=[0-9])", "", self.cleaned_data["denied"]).replace(",", " ").split()
        )
        for word in words:
            if not _PREFIX.fullmatch(word):
                text = gettext("“%(word)s” is no beginning of a number. Write +3389, for example.")
                raise forms.ValidationError(text % {"word": word[:20]})
        if len(words) > MOST_DENIED:
            text = gettext("Give at most %(count)s.")
            raise forms.ValidationError(text % {"count": MOST_DENIED})
        return list(dict.fromkeys(words))

    def clean(self) -> dict[str, Any]:
        """Ask for a country: with none, nobody outside could be called."""
        facts = self.cleaned_data
        nowhere = not facts.get("everywhere_allowed") and not facts.get("countries")
        if nowhere and "countries" not in self.errors:
            self.add_error("countries", gettext("Choose at least one country."))
        return facts


def current(company: Company) -> CallLimits:
    """Return a company's limits; those it begins with when it has set none."""
    return CallLimits.objects.first() or CallLimits.usual(company)


@transaction.atomic
def change_limits(company: Company, changes: dict[str, Any], *, by: User) -> None:
    """Set what a company's phones may call."""
    limits = current(company)
    before = {name: getattr(limits, name) for name in changes}
    if before == changes and limits.pk:
        return
    for name, value in changes.items():
        setattr(limits, name, value)
    limits.save()
    thing = (company.key, company.name)
    audit.write(company, by, "call-limits-changed", thing, before, changes)
    bump_plan(company)


def call_limits(request: HttpRequest) -> HttpResponse:
    """Show and change what the company's phones may call."""
    inside = enter(request, to="edit")
    form = LimitsForm(request.POST or None, limits=current(inside.company))
    if form.is_valid():
        change_limits(inside.company, form.cleaned_data, by=inside.user)
        messages.success(request, gettext("What may be called is saved."))
        return redirect("company")
    status = 422 if form.is_bound else 200
    context = {"form": form, "nav": "company"}
    return render(request, "routing/call_limits.html", context, status=status)


def plain(name: str) -> str:
    """Return a name without its accents, for sorting: Égypte stands among the E."""
    letters = unicodedata.normalize("NFKD", name.casefold())
    return "".join(letter for letter in letters if not unicodedata.combining(letter))

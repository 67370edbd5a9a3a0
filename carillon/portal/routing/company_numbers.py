"""The company's main number and its fax: chosen among its numbers, changed at any time (R35)."""

from __future__ import annotations

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
from carillon.portal.fields import Form, LongSelect, TelephoneField
from carillon.portal.routing.models import CompanyNumbers, Number
from carillon.portal.words import phone

NONE, OTHER = "", "other"


class CompanyNumbersForm(Form):
    """Which number the company is known by, and where it takes faxes."""

    main = forms.TypedChoiceField(
        label=_("Main number"),
        coerce=int,
        widget=LongSelect,
        help_text=_(
            "What the set-up, your pages and outgoing calls show, unless somebody chose another number."
        ),
    )
    fax = forms.ChoiceField(
        label=_("Fax number"),
        required=False,
        widget=LongSelect,
        help_text=_(
            "It is shown as your fax, no more: Carillon receives no faxes itself. A call to one of your "
            "numbers goes where that number says; let it ring a fax machine’s line and nothing else. "
            "Faxes travel as sound; T.38 is refused."
        ),
    )
    other_fax = TelephoneField(
        label=_("The other fax number"),
        required=False,
        help_text=_("For example at a fax provider. Needed only with “Another number”."),
    )

    def __init__(
        self, numbers: list[Number], country: str, *args: Any, chosen: CompanyNumbers, **kwargs: Any
    ) -> None:
        own = {number.e164 for number in numbers}
        first = numbers[0].pk if numbers else None
        kwargs["initial"] = {
            "main": chosen.main_id or first,
            "fax": chosen.fax if not chosen.fax or chosen.fax in own else OTHER,
            "other_fax": phone(chosen.fax) if chosen.fax and chosen.fax not in own else "",
        }
        super().__init__(*args, **kwargs)
        self.dial_as(country)
        named = [(number, f"{phone(number.e164)} · {number.name}") for number in numbers]
        main, fax = self.fields["main"], self.fields["fax"]
        assert isinstance(main, forms.ChoiceField)
        assert isinstance(fax, forms.ChoiceField)
        main.choices = [(number.pk, name) for number, name in named]
        fax.choices = [
            (NONE, _("No fax")),
            *((number.e164, name) for number, name in named),
            (OTHER, _("Another number")),
        ]

    def clean(self) -> dict[str, Any]:
        """Put the fax together from its two fields."""
        facts = self.cleaned_data
        if facts.get("fax") != OTHER:
            self.errors.pop("other_fax", None)  # Nobody asks for it.
        elif "other_fax" not in self.errors:
            facts["fax"] = facts.get("other_fax", "")
            if not facts["fax"]:
                self.add_error("other_fax", self.fields["other_fax"].error_messages["required"])
        return facts


def main_number() -> Number | None:
    """Return the company's main number: the chosen one, or the first it had."""
    rows = Number.objects.select_related("published", "company")
    return (
        rows.filter(pk__in=CompanyNumbers.objects.values("main")).first()
        or rows.order_by("id").first()
    )


def fax_number() -> str:
    """Return the company's fax as E.164, "" where there is none."""
    return CompanyNumbers.objects.values_list("fax", flat=True).first() or ""


@transaction.atomic
def choose_numbers(company: Company, main: int, fax: str, *, by: User) -> None:
    """Set main number and fax; outgoing calls show the new one from the next call on."""
    row = CompanyNumbers.objects.first() or CompanyNumbers(company=company)
    now = main_number()
    then = Number.objects.get(pk=main)
    before = {"main": now.e164 if now else "", "fax": row.fax}
    after = {"main": then.e164, "fax": fax}
    row.main, row.fax = then, fax
    row.save()
    if before != after:
        thing = (company.key, company.name)
        audit.write(company, by, "company-numbers-changed", thing, before, after)
        bump_plan(company)


def company_numbers(request: HttpRequest) -> HttpResponse:
    """Show and change them."""
    inside = enter(request, to="edit")
    numbers = list(Number.objects.order_by("id"))
    chosen = CompanyNumbers.objects.first() or CompanyNumbers(company=inside.company)
    form = CompanyNumbersForm(numbers, inside.company.country, request.POST or None, chosen=chosen)
    if numbers and form.is_valid():
        facts = form.cleaned_data
        choose_numbers(inside.company, facts["main"], facts["fax"], by=inside.user)
        messages.success(request, gettext("The company’s numbers are saved."))
        return redirect("company")
    context = {"form": form, "numbers": numbers, "nav": "company"}
    status = 422 if form.is_bound else 200
    return render(request, "routing/company_numbers.html", context, status=status)

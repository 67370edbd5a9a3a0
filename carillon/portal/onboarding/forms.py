"""The first company of a new system."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.password_validation import validate_password
from django.utils.translation import gettext_lazy as _

from carillon.portal.accounts.models import User
from carillon.portal.companies.forms import COUNTRIES
from carillon.portal.fields import Form


class StartForm(Form):
    """One company and its owner."""

    company = forms.CharField(
        label=_("Company name"),
        max_length=120,
        widget=forms.TextInput(attrs={"autocomplete": "organization", "autofocus": True}),
    )
    country = forms.ChoiceField(label=_("Country"), choices=COUNTRIES)
    name = forms.CharField(
        label=_("Your name"), max_length=120, widget=forms.TextInput(attrs={"autocomplete": "name"})
    )
    email = forms.EmailField(
        label=_("E-mail"),
        max_length=254,
        help_text=_("To sign in."),
        widget=forms.EmailInput(attrs={"autocomplete": "username"}),
    )
    password = forms.CharField(
        label=_("Password"),
        max_length=200,
        strip=False,
        help_text=_(
            "8 to 32 characters with a digit and a capital or special character, "
            "or a phrase of three words."
        ),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def clean(self) -> dict[str, Any]:
        """Refuse a password that is short, common, or like the name or e-mail."""
        facts = self.cleaned_data
        if "password" in facts:
            likely = User(email=facts.get("email", ""), name=facts.get("name", ""))
            try:
                validate_password(facts["password"], likely)
            except forms.ValidationError as error:
                self.add_error("password", error)
        return facts

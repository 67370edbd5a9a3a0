"""Forms of the set-up's first stage."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from carillon.portal.extensions.forms import ExtensionField, LineFields
from carillon.portal.fields import TelephoneField
from carillon.portal.wizard.roster import Entry


class UserForm(LineFields):
    """One user (R42); X2: the contact number is not the line."""

    field_order = (
        "line",
        "first",
        "last",
        "email",
        "email_sign_in",
        "mobile",
        "extension",
        "phone",
    )

    first = forms.CharField(label=_("First name"), max_length=60)
    last = forms.CharField(label=_("Last name"), max_length=59)
    email = forms.EmailField(label=_("E-mail"), required=False, max_length=254)
    email_sign_in = forms.BooleanField(
        label=_("Use the e-mail to sign in"), required=False, initial=True
    )
    mobile = TelephoneField(label=_("Contact number"), required=False)
    extension = ExtensionField()

    def __init__(self, country: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.dial_as(country)
        for field in self.fields.values():
            field.widget.attrs.setdefault("autocomplete", "off")

    def entry(self) -> Entry:
        """Return who is to be added; call once the form is valid."""
        facts = self.cleaned_data
        name = f"{facts['first']} {facts['last']}".strip()
        return Entry(
            name,
            facts["email"].lower(),
            facts["mobile"],
            facts["extension"],
            facts["email_sign_in"],
            facts["line"],
            facts["phone"],
        )

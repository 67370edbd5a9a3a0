"""The form of a new key."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from carillon.portal.api.models import Scope
from carillon.portal.fields import Form


class KeyForm(Form):
    """Who will use a key, and what for."""

    name = forms.CharField(
        label=_("Name"),
        max_length=60,
        help_text=_("Which program will use it, for example: CRM, Dashboard."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    scopes = forms.MultipleChoiceField(
        label=_("What it may do"),
        choices=Scope.choices,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": _("Tick at least one.")},
    )

"""The form of a tag."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from carillon.portal.fields import Form
from carillon.portal.followup.models import Tag


class TagForm(Form):
    """A tag's name and colour (A66)."""

    name = forms.CharField(
        label=_("Name"),
        max_length=40,
        help_text=_("For example: Support, Billing, New customer."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    colour = forms.ChoiceField(label=_("Colour"), choices=Tag.Colour.choices)

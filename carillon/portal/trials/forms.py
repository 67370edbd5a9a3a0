"""The form of the simulator, and of a test that is kept."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.utils.translation import gettext_lazy as _

from carillon.portal.calls.models import Call
from carillon.portal.fields import Form, TelephoneField
from carillon.portal.routing.names import Names
from carillon.portal.trials.models import FlowTest

KEYS = frozenset("0123456789*#")


class TrialForm(Form):
    """When, from whom, with which keys, and who is there."""

    at = forms.DateTimeField(
        label=_("When"),
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        input_formats=["%Y-%m-%dT%H:%M"],
    )
    caller = TelephoneField(
        label=_("Who calls"),
        required=False,
        help_text=_("A number; nothing: a caller who hides theirs."),
    )
    keys = forms.CharField(
        label=_("Keys pressed"),
        required=False,
        max_length=40,
        help_text=_("For example 1, or 9 for the directory; one after the other."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    people = forms.ChoiceField(label=_("Your people are"), choices=FlowTest.Everybody.choices)
    draft = forms.BooleanField(
        label=_("Try the draft, not what is published"), required=False, initial=True
    )

    def __init__(self, country: str, zone: str, *args: Any, **kwargs: Any) -> None:
        self._zone = zone
        super().__init__(*args, **kwargs)
        self.dial_as(country)

    def clean_keys(self) -> str:
        """Return the keys without what is between them."""
        typed: str = self.cleaned_data["keys"].translate(str.maketrans("", "", " ,.-"))
        if not KEYS.issuperset(typed):
            raise forms.ValidationError(_("Keys are 0 to 9, * and #."))
        return typed

    @property
    def moment(self) -> datetime:
        """When the call is made, on the number's own clock."""
        found: datetime = self.cleaned_data["at"]
        return found.replace(tzinfo=ZoneInfo(self._zone))


class TestForm(Form):
    """A name, and what must come of the call."""

    name = forms.CharField(
        label=_("Name of the test"),
        max_length=80,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    expected = forms.ChoiceField(label=_("It must hold that the call"))
    every_week = forms.BooleanField(
        label=_("On this weekday, every week"), required=False, initial=True
    )

    def __init__(self, names: Names, outsiders: list[str], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["expected"]
        assert isinstance(field, forms.ChoiceField)
        outcomes = [
            (f"outcome:{value}", _("ends as “%(name)s”") % {"name": name})
            for value, name in Call.Outcome.choices
            if value in ("answered", "voicemail", "missed", "closed", "callback", "blocked")
        ]
        rung = [(f"rings:u{pk}", row.name) for pk, row in names.people.items()]
        rung += [(f"rings:t{pk}", row.name) for pk, row in names.teams.items()]
        rung += [(f"rings:{e164}", e164) for e164 in outsiders]
        rings = [(key, _("rings %(who)s") % {"who": name}) for key, name in rung]
        field.choices = [*rings, *outcomes]

"""The form of a webhook."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from carillon.portal.fields import Form
from carillon.portal.integrations.models import Event, Integration
from carillon.portal.integrations.reaching import BadAddress, is_public, read_address
from carillon.portal.routing.models import Number

WHICH = [
    ("all", gettext_lazy("All numbers, those to come too, and internal calls")),
    ("some", gettext_lazy("Only these")),
]


class IntegrationForm(Form):
    """Where a webhook is, and what it is told."""

    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=60,
        help_text=gettext_lazy("The program it leads to, for example: CRM."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    url = forms.CharField(
        label=gettext_lazy("Address"),
        max_length=500,
        help_text=gettext_lazy("Where it is told, for example https://crm.example.com/calls."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "inputmode": "url"}),
    )
    events = forms.MultipleChoiceField(
        label=gettext_lazy("What it is told"),
        choices=Event.choices,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": gettext_lazy("Tick at least one.")},
    )
    which = forms.ChoiceField(
        label=gettext_lazy("Whose calls"), choices=WHICH, widget=forms.RadioSelect
    )
    numbers = forms.ModelMultipleChoiceField(
        label=gettext_lazy("Numbers"),
        queryset=Number.everywhere.none(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )

    def __init__(self, *args: Any, existing: Integration | None = None, **kwargs: Any) -> None:
        kwargs["initial"] = _facts(existing)
        super().__init__(*args, **kwargs)
        field = self.fields["numbers"]
        assert isinstance(field, forms.ModelMultipleChoiceField)
        field.queryset = Number.objects.order_by("name", "id")

    def clean_url(self) -> str:
        """Refuse what would never be reached."""
        url: str = self.cleaned_data["url"].strip()
        local = settings.CONFIG.webhook_hosts
        try:
            host = (read_address(url, local).hostname or "").lower()
        except BadAddress as error:
            raise forms.ValidationError(_("Give an address that begins with https://.")) from error
        if host not in local and not _may_be_public(host):
            raise forms.ValidationError(_("This address is not on the Internet."))
        return url

    def facts(self) -> dict[str, Any]:
        """Return what to keep."""
        given = dict(self.cleaned_data)
        given["all_numbers"] = given.pop("which") == "all"
        return given


class NumberForm(Form):
    """Which integrations take a number; those that take all are not asked."""

    integrations = forms.ModelMultipleChoiceField(
        label=gettext_lazy("Integrations"),
        queryset=Integration.everywhere.none(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )

    def __init__(self, rows: QuerySet[Integration], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["integrations"]
        assert isinstance(field, forms.ModelMultipleChoiceField)
        field.queryset = rows


def _facts(existing: Integration | None) -> dict[str, Any]:
    if existing is None:
        return {"which": "all", "events": [Event.ENDED]}
    return {
        "name": existing.name,
        "url": existing.url,
        "events": existing.events,
        "which": "all" if existing.all_numbers else "some",
        "numbers": list(existing.numbers.all()),
    }


def _may_be_public(host: str) -> bool:
    """Say whether a host is worth trying: a name may lead anywhere, an address tells by itself."""
    if host == "localhost" or host.endswith((".localhost", ".local", ".internal")):
        return False
    try:
        return is_public(host)
    except ValueError:
        return True

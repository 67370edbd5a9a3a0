"""The company's own settings."""

from __future__ import annotations

from functools import cache
from zoneinfo import available_timezones

from django import forms
from django.utils.translation import gettext_lazy as _

from carillon.portal.companies.models import Membership
from carillon.portal.fields import Form, LongSelect

COUNTRIES = [
    ("FR", _("France")),
    ("BE", _("Belgium")),
    ("GB", _("United Kingdom")),
    ("US", _("United States")),
]
LANGUAGES = [("fr", "Français"), ("en", "English")]
COUNTRY_DEFAULTS = {
    "FR": ("fr", "Europe/Paris"),
    "BE": ("fr", "Europe/Brussels"),
    "GB": ("en", "Europe/London"),
    "US": ("en", "America/New_York"),
}
"""Language and time zone a company of each country begins with."""


@cache
def timezones() -> list[tuple[str, str]]:
    """Return the time zones people live in, by region and town."""
    regions = ("Europe/", "America/", "Africa/", "Asia/", "Australia/", "Pacific/", "Indian/")
    names = sorted(name for name in available_timezones() if name.startswith(regions))
    return [(name, name.replace("_", " ")) for name in names]


class CompanyForm(Form):
    """Name, country, language and time zone."""

    name = forms.CharField(label=_("Company name"), max_length=120)
    country = forms.ChoiceField(
        label=_("Country"),
        choices=COUNTRIES,
        help_text=_("Decides how your phones dial: 0 and 00 in France, 1 and 011 in the US."),
    )
    language = forms.ChoiceField(label=_("Language"), choices=LANGUAGES)
    timezone = forms.ChoiceField(label=_("Time zone"), choices=timezones, widget=LongSelect)


class RoleForm(Form):
    """Somebody's role."""

    role = forms.ChoiceField(label=_("Role"), choices=Membership.Role.choices)

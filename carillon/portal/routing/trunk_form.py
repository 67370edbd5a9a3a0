"""A link to a carrier, as its operator fills it in."""

from __future__ import annotations

import ipaddress
import re
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from carillon.portal.fields import Form
from carillon.portal.routing.models import Trunk

_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", re.ASCII | re.IGNORECASE)


def check_host(host: str) -> None:
    """Raise `ValidationError` for what is neither an IPv4 address nor a host name."""
    labels = host.split(".")
    if host.replace(".", "").isdigit():
        try:
            ipaddress.IPv4Address(host)
        except ValueError:
            raise ValidationError(
                gettext("This is no IPv4 address. Its four parts are 0 to 255.")
            ) from None
    elif len(labels) < 2 or not all(_LABEL.fullmatch(label) for label in labels):
        raise ValidationError(gettext("Give a name such as sip.carrier.com, or an IPv4 address."))


class TrunkForm(Form):
    """Where the carrier is, who we are to it, and how it wants numbers."""

    name = forms.CharField(
        label=_("Name"),
        max_length=40,
        validators=[
            RegexValidator(
                r"\A[a-z0-9]+(-[a-z0-9]+)*\Z", _("Use small letters, digits and hyphens.")
            )
        ],
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text=_(
            "What troubles and the history of calls name it by. It cannot be changed later."
        ),
    )
    host = forms.CharField(
        label=_("Host"),
        max_length=253,
        validators=[check_host],
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text=_("The carrier’s SIP server: a name or an IPv4 address."),
    )
    port = forms.IntegerField(
        label=_("Port"), min_value=1, max_value=65535, help_text=_("Mostly 5060; with TLS 5061.")
    )
    transport = forms.ChoiceField(label=_("Transport"), choices=Trunk.Transport.choices)
    username = forms.CharField(
        label=_("Username"),
        max_length=80,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text=_("Leave it empty when the carrier knows us by our address."),
    )
    password = forms.CharField(
        label=_("Password"),
        max_length=120,
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    registers = forms.BooleanField(
        label=_("Register with the carrier"),
        required=False,
        help_text=_("On when the carrier gave you an account for one phone line or PBX."),
    )
    number_format = forms.ChoiceField(
        label=_("How numbers are written"), choices=Trunk.NumberFormat.choices
    )
    country_code = forms.CharField(
        label=_("Country code"),
        max_length=3,
        validators=[
            RegexValidator(r"\A[1-9][0-9]{0,2}\Z", _("Give 1 to 3 digits, for example 33."))
        ],
        widget=forms.TextInput(attrs={"inputmode": "numeric"}),
        help_text=_("Whose numbers are written as inside the country."),
    )
    caller_id = forms.ChoiceField(label=_("Where we say who calls"), choices=Trunk.CallerId.choices)
    priority = forms.IntegerField(
        label=_("Priority"),
        min_value=1,
        max_value=999,
        help_text=_("Calls out take the lowest number that works and has room."),
    )
    max_calls = forms.IntegerField(
        label=_("Calls at once"), min_value=0, max_value=100_000, help_text=_("0: no bound.")
    )
    calls_per_second = forms.IntegerField(
        label=_("New calls a second"), min_value=0, max_value=10_000, help_text=_("0: no bound.")
    )
    accept_any_port = forms.BooleanField(
        label=_("Accept calls from any port of the host"),
        required=False,
        help_text=_("On when the carrier sends calls from other ports than the one above."),
    )
    hears_inband = forms.BooleanField(
        label=_("Listen for keys in the sound"),
        required=False,
        help_text=_("On when keys that callers press are not noticed. It costs some computing."),
    )
    takes_location = forms.BooleanField(
        label=_("Send the address with emergency calls"),
        required=False,
        help_text=_("On when the carrier asks for it (Geolocation, RFC 6442)."),
    )

    def __init__(self, *args: Any, existing: Trunk | None = None, **kwargs: Any) -> None:
        first = existing or Trunk()
        kwargs["initial"] = {name: getattr(first, name, "") for name in self.base_fields}
        super().__init__(*args, **kwargs)
        self._has_password = existing is not None and bool(existing.password_encrypted)
        if existing is not None:
            del self.fields["name"]
        if self._has_password:
            self.fields["password"].help_text = _("Leave it empty to keep the one we have.")

    def clean(self) -> dict[str, Any]:
        """Ask for the account where the rest needs one."""
        username = self.cleaned_data.get("username", "")
        needs = (
            self.cleaned_data.get("registers") or self.cleaned_data.get("caller_id") == "username"
        )
        if needs and not username and "username" not in self.errors:
            self.add_error(
                "username", gettext("The carrier must know which account it is: give it.")
            )
        password = self.cleaned_data.get("password", "")
        if password and not username and "username" not in self.errors:
            self.add_error("username", gettext("A password needs a username beside it."))
        if self.cleaned_data.get("registers") and not (password or self._has_password):
            self.add_error("password", gettext("Registering needs the password of the account."))
        return self.cleaned_data

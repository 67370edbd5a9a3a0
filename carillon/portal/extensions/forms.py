"""People, teams and phones."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.validators import RegexValidator
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from carillon.portal.companies.models import Membership
from carillon.portal.extensions import lines
from carillon.portal.extensions.models import Device, Person, Team
from carillon.portal.fields import Form, LongSelect, TelephoneField

MOST_LINES = 1000
LANGUAGES = [("fr", "Français"), ("en", "English")]


class ExtensionField(forms.CharField):
    """What colleagues dial to reach somebody."""

    def __init__(self, **kwargs: Any) -> None:
        digits = RegexValidator(r"\A[1-9][0-9]{1,5}\Z", _("Give 2 to 6 digits, for example 104."))
        attrs = {"inputmode": "numeric", "autocomplete": "off"}
        kwargs.setdefault("label", _("Extension"))
        super().__init__(
            max_length=6, validators=[digits], widget=forms.TextInput(attrs=attrs), **kwargs
        )


class LineFields(Form):
    """The line and the phone somebody new is given."""

    line = forms.TypedChoiceField(
        label=_("Line"), coerce=int, required=False, empty_value=None, widget=LongSelect
    )
    phone = forms.ChoiceField(
        label=_("Assigned phone"),
        required=False,
        choices=[*lines.KINDS.items(), ("", _("None for now"))],
        initial=lines.SOFT,
        help_text=_("Its username and password wait on the person’s page, more phones can follow."),
    )

    def offer(self, free: list[int]) -> None:
        """Let one of these lines be chosen."""
        field = self.fields["line"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(place, _("Line %(n)s") % {"n": place}) for place in free]
        if free:
            self.initial.setdefault("line", free[0])


class PersonForm(LineFields):
    """Somebody new, or changed."""

    field_order = ("name", "extension", "language", "call_waiting", "email", "role")
    name = forms.CharField(
        label=_("Name"), max_length=120, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    extension = ExtensionField(help_text=_("What colleagues dial."))
    language = forms.ChoiceField(label=_("Language"), choices=LANGUAGES)
    call_waiting = forms.BooleanField(
        label=_("Call waiting"),
        required=False,
        help_text=_(
            "On: a second call rings while this person talks. Off: callers go on to the next step."
        ),
    )
    email = forms.EmailField(
        label=_("E-mail"),
        required=False,
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
        help_text=_("To sign in. Leave it empty for a phone in a corridor or a meeting room."),
    )
    mobile = TelephoneField(
        label=_("Contact number"),
        required=False,
        help_text=_("Signs in too, and is called with a code to prove it is theirs."),
    )
    email_sign_in = forms.BooleanField(
        label=_("Use the e-mail to sign in"),
        required=False,
        initial=True,
        help_text=_("Off: only the contact number signs in."),
    )
    role = forms.ChoiceField(
        label=_("Role"),
        choices=Membership.Role.choices,
        initial=Membership.Role.USER,
        help_text=_(
            "Users see their own calls and messages; supervisors see everybody's; "
            "administrators and owners also change the set-up."
        ),
    )

    def __init__(
        self, *args: Any, country: str = "FR", existing: Person | None = None, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.dial_as(country)
        if existing is not None:
            del self.fields["email"], self.fields["line"], self.fields["phone"]
            if existing.user_id is None:
                for name in ("role", "mobile", "email_sign_in"):
                    del self.fields[name]


class PhoneForm(Form):
    """A new phone."""

    label = forms.CharField(
        label=_("Name of the phone"),
        max_length=60,
        help_text=_("For example: desk, reception, mobile."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )


class EncryptionForm(Form):
    """Whether a phone's sound is encrypted."""

    encryption = forms.ChoiceField(choices=Device.Encryption.choices)


class TeamForm(Form):
    """A team and its members."""

    name = forms.CharField(label=_("Name of the team"), max_length=120)
    members = forms.ModelMultipleChoiceField(
        label=_("Members"),
        queryset=Person.everywhere.none(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    strategy = forms.ChoiceField(
        label=_("How it rings"),
        choices=Team.Strategy.choices,
        widget=forms.RadioSelect,
        initial=Team.Strategy.ALL,
    )
    member_seconds = forms.IntegerField(
        label=_("Seconds for each member"),
        min_value=5,
        max_value=120,
        initial=15,
        help_text=_("Counts unless all ring at once."),
    )

    def __init__(
        self, people: QuerySet[Person], *args: Any, team: Team | None = None, **kwargs: Any
    ) -> None:
        if team is not None:
            kwargs["initial"] = {
                "name": team.name,
                "members": list(team.members.all()),
                "strategy": team.strategy,
                "member_seconds": team.member_seconds,
            }
        super().__init__(*args, **kwargs)
        field = self.fields["members"]
        assert isinstance(field, forms.ModelMultipleChoiceField)
        field.queryset = people


class LinesForm(Form):
    """How many lines a company has."""

    lines = forms.IntegerField(
        label=_("Lines"),
        min_value=1,
        max_value=MOST_LINES,
        help_text=_("One for each person, or room with a phone."),
        widget=forms.NumberInput(attrs={"inputmode": "numeric"}),
    )

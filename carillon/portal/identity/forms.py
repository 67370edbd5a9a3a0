"""Signing up, proving who one is, and choosing what keeps an account safe."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from carillon.portal.accounts import criteria
from carillon.portal.accounts.checking import password_criteria, pin_criteria, unmet
from carillon.portal.accounts.models import User
from carillon.portal.accounts.questions import QUESTIONS
from carillon.portal.companies.forms import COUNTRIES
from carillon.portal.companies.models import Company
from carillon.portal.extensions.forms import MOST_LINES
from carillon.portal.fields import Form, TelephoneField
from carillon.portal.identity import robots
from carillon.portal.routing import pool


class RobotMixin(forms.Form):
    """A form a program should not send: the box, and a field that only programs fill."""

    altcha = forms.CharField(required=False, max_length=robots.LONGEST_PAYLOAD)
    website = forms.CharField(required=False, max_length=500)

    @property
    def is_trapped(self) -> bool:
        """Whether the field nobody sees was filled."""
        return bool(self.data.get("website"))

    def check_robot(self) -> None:
        """Add an error unless the box was ticked.

        Called last: a box is good for one form, which had better be right otherwise.
        """
        if not self.errors and not robots.is_solved(self.cleaned_data.get("altcha", "")):
            self.add_error(None, _("Tick the box “I’m not a robot”, then try again."))


class SignUpForm(RobotMixin, Form):
    """A company and its administrator."""

    company = forms.CharField(
        label=gettext_lazy("Company name"),
        max_length=120,
        widget=forms.TextInput(attrs={"autocomplete": "organization"}),
    )
    country = forms.ChoiceField(label=gettext_lazy("Country"), choices=COUNTRIES)
    e164 = forms.CharField(label=gettext_lazy("Main number"), required=False, max_length=20)
    plan = forms.ChoiceField(label=gettext_lazy("Plan"), choices=Company.Plan.choices)
    lines = forms.IntegerField(
        label=gettext_lazy("Lines"),
        min_value=1,
        max_value=MOST_LINES,
        help_text=gettext_lazy("One for each person, or room with a phone."),
        widget=forms.NumberInput(attrs={"inputmode": "numeric"}),
    )
    name = forms.CharField(
        label=gettext_lazy("Your name"),
        max_length=120,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    email = forms.EmailField(
        label=gettext_lazy("E-mail"),
        max_length=254,
        help_text=gettext_lazy("The activation link goes there."),
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )
    mobile = TelephoneField(
        label=gettext_lazy("Mobile"),
        autocomplete="tel",
        help_text=gettext_lazy("We call it once, with a code, to make sure it is you."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # The country is asked for in the same form.
        self.dial_as(self.data.get("country", "FR"))

    def clean_email(self) -> str:
        """Write it as it is kept."""
        email: str = self.cleaned_data["email"]
        return email.strip().lower()

    def clean(self) -> dict[str, Any]:
        """Take only numbers of the carrier's stock."""
        facts = self.cleaned_data
        if facts.get("e164") and not _is_stock(facts["e164"], facts.get("country", "FR")):
            facts["e164"] = ""
        self.check_robot()
        return facts

    def facts(self) -> dict[str, Any]:
        """Return what is asked for."""
        kept = ("company", "country", "e164", "plan", "lines", "name", "email", "mobile")
        return {name: self.cleaned_data[name] for name in kept}


class CallForm(RobotMixin, Form):
    """Let the system call."""

    def clean(self) -> dict[str, Any]:
        """Ask for the box."""
        self.check_robot()
        return self.cleaned_data


class CodeForm(Form):
    """The code that was spoken."""

    code = forms.CharField(
        label=gettext_lazy("Verification code"),
        max_length=10,
        widget=forms.TextInput(
            attrs={
                "autocomplete": "one-time-code",
                "inputmode": "numeric",
                "placeholder": "X X X X",
                "class": "form-control code-in num",
            }
        ),
    )

    def clean_code(self) -> str:
        """Leave spaces out."""
        return "".join(self.cleaned_data["code"].split())


class StepForm(CodeForm):
    """The code of an app, or a recovery code."""

    code = forms.CharField(
        label=gettext_lazy("Verification code"),
        max_length=40,
        widget=forms.TextInput(
            attrs={"autocomplete": "one-time-code", "class": "form-control num", "autofocus": True}
        ),
    )


def secret_field(label: Any, complete: str, **more: Any) -> forms.CharField:
    """Return a field whose text is hidden; `complete` is what browsers know it as."""
    attrs = {"autocomplete": complete, **more}
    widget = forms.PasswordInput(attrs=attrs)
    return forms.CharField(label=label, max_length=200, strip=False, widget=widget)


class PasswordBlock(Form):
    """A new password, twice (R20, R21)."""

    password = secret_field(gettext_lazy("Password"), "new-password")
    password2 = secret_field(gettext_lazy("Confirm the password"), "new-password")

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user

    def clean(self) -> dict[str, Any]:
        """Check the criteria, then that both are the same."""
        first, second = (self.cleaned_data.get(name) for name in ("password", "password2"))
        said = unmet(password_criteria(first, self.user)) if first else ""
        if said:
            self.add_error("password", said)
        elif first and second and first != second:
            self.add_error("password2", _("The two passwords differ. Type the same in both."))
        return self.cleaned_data


class PinBlock(Form):
    """A new PIN, twice (R22, R23)."""

    pin = secret_field(gettext_lazy("PIN"), "off", inputmode="numeric")
    pin2 = secret_field(gettext_lazy("Confirm the PIN"), "off", inputmode="numeric")

    def clean(self) -> dict[str, Any]:
        """Check the criteria, then that both are the same."""
        first, second = (self.cleaned_data.get(name) for name in ("pin", "pin2"))
        said = unmet(pin_criteria(first)) if first else ""
        if said:
            self.add_error("pin", said)
        elif first and second and first != second:
            self.add_error("pin2", _("The two PINs differ. Type the same in both."))
        return self.cleaned_data


class QuestionBlock(Form):
    """A question and its answer (R25, R26)."""

    question = forms.ChoiceField(
        label=gettext_lazy("Question"),
        choices=[("", gettext_lazy("Choose a question…")), *QUESTIONS],
        error_messages={"required": gettext_lazy("Make a choice.")},
    )
    answer = forms.CharField(
        label=gettext_lazy("Answer"),
        max_length=200,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        help_text=gettext_lazy("At least four letters. Capitals and accents do not count."),
    )

    def clean_answer(self) -> str:
        """Ask for four letters."""
        answer: str = self.cleaned_data["answer"]
        if not criteria.judge_answer(answer):
            raise forms.ValidationError(_("Give at least four letters."), code="short")
        return answer


class OldPasswordForm(Form):
    """The password of today, asked before anything that keeps the account safe is changed."""

    old = secret_field(gettext_lazy("Current password"), "current-password")

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user

    def clean_old(self) -> str:
        """Check it."""
        old: str = self.cleaned_data["old"]
        if not self.user.check_password(old):
            raise forms.ValidationError(_("This is not your current password."), code="wrong")
        return old


class MobileForm(Form):
    """Another mobile, where the first was mistyped."""

    mobile = TelephoneField(label=gettext_lazy("Mobile"), autocomplete="tel")

    def __init__(self, country: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.dial_as(country)


class ReachForm(Form):
    """The contact number, and how somebody signs in (R42–R44)."""

    mobile = TelephoneField(
        label=gettext_lazy("Contact number"),
        required=False,
        autocomplete="tel",
        help_text=gettext_lazy("You can sign in with it instead of the e-mail."),
    )
    by_email = forms.BooleanField(label=gettext_lazy("Use the e-mail to sign in"), required=False)

    def __init__(self, country: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.dial_as(country)

    def clean(self) -> dict[str, Any]:
        """Leave one way in."""
        facts = self.cleaned_data
        if not facts.get("by_email") and not facts.get("mobile") and "mobile" not in self.errors:
            text = _("Give a telephone number to sign in with, or keep the e-mail.")
            self.add_error("mobile", text)
        return facts


class EmailForm(Form):
    """Where to send a link."""

    email = forms.EmailField(
        label=gettext_lazy("E-mail"),
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "username"}),
    )


class AnswerForm(Form):
    """The answer to the security question."""

    answer = forms.CharField(
        label=gettext_lazy("Answer"),
        max_length=200,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )


def _is_stock(e164: str, country: str) -> bool:
    found = pool.RANGES[country]
    rest = e164.removeprefix(found.prefix)
    return e164.startswith(found.prefix) and len(rest) == found.digits and rest.isdecimal()

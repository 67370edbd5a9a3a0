"""Signing in, choosing a password, one's own account."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth import authenticate
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from carillon.portal.accounts import throttle
from carillon.portal.accounts.models import User
from carillon.portal.fields import Form

LANGUAGES = [("fr", "Français"), ("en", "English")]


class SignInForm(Form):
    """E-mail or telephone number, and password.

    Says when to come back instead of pretending that the password is wrong.
    """

    email = forms.CharField(
        label=gettext_lazy("E-mail or telephone number"),
        max_length=254,
        widget=forms.TextInput(
            attrs={"autocomplete": "username webauthn", "autofocus": True, "inputmode": "email"}
        ),
    )
    password = forms.CharField(
        label=gettext_lazy("Password"),
        max_length=200,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )

    def __init__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._request = request
        self.user: User | None = None

    def clean(self) -> dict[str, Any]:
        """Check the pair; one sentence for a wrong e-mail and a wrong password alike."""
        email, password = self.cleaned_data.get("email"), self.cleaned_data.get("password")
        if not (email and password):
            return self.cleaned_data
        address = self._request.META.get("REMOTE_ADDR") or None
        if throttle.is_throttled(email, address):
            raise forms.ValidationError(
                _("Too many attempts. Wait 15 minutes, then try again."), code="throttled"
            )
        found = authenticate(self._request, username=email, password=password)
        if not isinstance(found, User):
            throttle.note_failure(email, address)
            raise forms.ValidationError(
                _("These do not go together. Check both; capitals count in the password."),
                code="wrong",
            )
        throttle.forget_failures(email, address)
        self.user = found
        return self.cleaned_data


class AccountForm(Form):
    """One's own name, language and theme."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=120)
    language = forms.ChoiceField(label=gettext_lazy("Language"), choices=LANGUAGES)
    theme = forms.ChoiceField(label=gettext_lazy("Theme"), choices=User.Theme.choices)

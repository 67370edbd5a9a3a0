"""Forms in our look: errors are tied to their fields for screen readers, and widgets know the kit."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.forms.utils import flatatt
from django.utils.choices import BaseChoiceIterator
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from carillon.portal.accounts.numbers import LONGEST_TYPED, e164_of, is_extension


def write_options(lines: Iterable[tuple[Any, Any, bool]]) -> SafeString:
    """Write options of (value, label, chosen): escaped once each, for there may be a thousand."""
    return SafeString(
        "".join(
            f'<option value="{escape(str(value))}"{" selected" if chosen else ""}>'
            f"{escape(str(label))}</option>"
            for value, label, chosen in lines
        )
    )


class Ready(BaseChoiceIterator):
    """Choices that are pairs already, groups included: Django need not look at each of a thousand."""

    def __init__(self, lines: Sequence[tuple[Any, Any]]) -> None:
        self._lines = lines

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        return iter(self._lines)


class LongSelect(forms.Select):
    """A select written without a template for each option: a company's thousand people are in it."""

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        """Write the select and its groups."""
        chosen = set(self.format_value(value))
        inside = []
        for key, label in self.choices:
            if isinstance(label, list | tuple):
                lines = write_options((k, each, str(k) in chosen) for k, each in label)
                inside.append(format_html('<optgroup label="{}">{}</optgroup>', key, lines))
            else:
                inside.append(write_options([(key, label, str(key) in chosen)]))
        shown = self.build_attrs(self.attrs, attrs)
        shown = {key: given for key, given in shown.items() if given is not False}
        written = SafeString("".join(inside))
        return format_html('<select name="{}"{}>{}</select>', name, flatatt(shown), written)


# Line breaks and tabs of a text area are text; the rest moves cursors, rings bells or turns words around.
_UNSEEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_BREAKS = re.compile(r"[\t\n\r]")


def refuse_unseen(value: object) -> None:
    """Refuse characters nobody sees that do something, in headers, letters and on telephones."""
    if isinstance(value, str) and _UNSEEN.search(value):
        raise ValidationError(_("This has characters that cannot be shown. Type it again."))


def refuse_breaks(value: object) -> None:
    """Refuse line breaks and tabs where one line is asked for."""
    if isinstance(value, str) and _BREAKS.search(value):
        raise ValidationError(_("Write it on one line."))


class TelephoneField(forms.CharField):
    """A telephone number as its country writes it, or with a country code; cleaned it is E.164, "" for none.

    `extensions`: an extension may be given instead, and stays as it is.
    """

    default_error_messages = {
        "number": _("This is not a telephone number. Example: 06 12 48 90 11"),
        "extension": _("This is neither an extension nor a telephone number."),
    }

    def __init__(
        self, *, extensions: bool = False, autocomplete: str = "off", **kwargs: Any
    ) -> None:
        attrs = {"inputmode": "tel", "autocomplete": autocomplete}
        kwargs.setdefault("widget", forms.TextInput(attrs=attrs))
        super().__init__(max_length=LONGEST_TYPED, **kwargs)
        self.country = "FR"
        self._extensions = extensions

    def clean(self, value: Any) -> str:
        """Read it as the country dials."""
        typed: str = super().clean(value)
        if self._extensions and is_extension(typed):
            return typed
        found = e164_of(typed, self.country) if typed else ""
        if typed and not found:
            kind = "extension" if self._extensions else "number"
            raise ValidationError(self.error_messages[kind], code="bad-number")
        return found


class LookMixin:
    """Gives every widget its class, every wrong field `aria-invalid`, and every text its bounds."""

    fields: dict[str, forms.Field]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("label_suffix", "")
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.widget.attrs.setdefault("class", _class_of(field.widget))
            if isinstance(field, forms.CharField):
                one_line = not isinstance(field.widget, forms.Textarea)
                field.validators += [refuse_unseen, refuse_breaks] if one_line else [refuse_unseen]

    def dial_as(self, country: str) -> None:
        """Read telephone numbers as this country writes them."""
        for field in self.fields.values():
            if isinstance(field, TelephoneField):
                field.country = country


class Form(LookMixin, forms.Form):
    """A form in our look."""

    required_css_class = "required"
    error_css_class = "is-invalid"


def _class_of(widget: forms.Widget) -> str:
    if isinstance(widget, forms.CheckboxInput | forms.RadioSelect | forms.CheckboxSelectMultiple):
        return "form-check-input"
    return "form-select" if isinstance(widget, forms.Select) else "form-control"

"""Forms in our look: errors are tied to their fields for screen readers, and widgets know the kit."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Any

from django import forms
from django.forms.utils import flatatt
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString


def write_options(lines: Iterable[tuple[Any, Any, bool]]) -> SafeString:
    """Write options of (value, label, chosen): escaped once each, for there may be a thousand."""
    return SafeString(
        "".join(
            f'<option value="{escape(str(value))}"{" selected" if chosen else ""}>'
            f"{escape(str(label))}</option>"
            for value, label, chosen in lines
        )
    )


class LongSelect(forms.Select):
    """A select written without a template for each option: a company's thousand people are in it."""

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        """Write the select and its groups."""
        found = self.get_context(name, value, attrs)["widget"]
        groups = []
        for label, options, _place in found["optgroups"]:
            lines = write_options((o["value"], o["label"], o["selected"]) for o in options)
            group = '<optgroup label="{}">{}</optgroup>'
            groups.append(format_html(group, label, lines) if label else lines)
        inside = format_html_join("", "{}", ((each,) for each in groups))
        shown = flatatt({key: given for key, given in found["attrs"].items() if given is not False})
        return format_html('<select name="{}"{}>{}</select>', found["name"], shown, inside)


class LookMixin:
    """Gives every widget its class, and every wrong field `aria-invalid`."""

    fields: dict[str, forms.Field]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("label_suffix", "")
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.widget.attrs.setdefault("class", _class_of(field.widget))


class Form(LookMixin, forms.Form):
    """A form in our look."""

    required_css_class = "required"
    error_css_class = "is-invalid"


def _class_of(widget: forms.Widget) -> str:
    if isinstance(widget, forms.CheckboxInput | forms.RadioSelect | forms.CheckboxSelectMultiple):
        return "form-check-input"
    return "form-select" if isinstance(widget, forms.Select) else "form-control"

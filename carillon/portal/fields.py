"""Forms in our look: errors are tied to their fields for screen readers, and widgets know the kit."""

from __future__ import annotations

from typing import Any

from django import forms


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

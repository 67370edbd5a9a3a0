"""Lists of boxes to tick: a company's thousand people may be in one."""

from __future__ import annotations

from typing import Any

from django import template
from django.forms import BoundField, CheckboxSelectMultiple
from django.forms.utils import flatatt
from django.utils.html import escape
from django.utils.safestring import SafeString

from carillon.portal.site.templatetags.look import avatar

register = template.Library()

SEARCHED_FROM = 20
"""A list longer than this has a search beside it."""


@register.inclusion_tag("_boxes.html")
def boxes(
    field: BoundField, layout: str = "", empty: str = "", hint: str = "", faces: bool = False
) -> dict[str, Any]:
    """Write a field of boxes with its legend, its errors, and a search when there are many.

    `layout` "many": in columns; `faces`: with an avatar each; `hint`: instead of the field's own.
    """
    lines, count = _lines(field, faces)
    return {
        "field": field,
        "hint": hint or field.help_text,
        "lines": lines,
        "layout": layout,
        "empty": empty,
        "long": count > SEARCHED_FROM,
    }


def _lines(field: BoundField, faces: bool) -> tuple[SafeString, int]:
    """Return the boxes as Django would write them, without a template for each, and how many."""
    widget = field.field.widget
    assert isinstance(widget, CheckboxSelectMultiple)
    ticked = set(widget.format_value(field.value()))
    same = flatatt(widget.build_attrs(field.build_widget_attrs(widget.attrs)))
    before = f'<li><label><input type="checkbox" name="{field.html_name}" value="'
    lines = []
    for place, (value, label) in enumerate(widget.choices):
        key = str(value)
        state = " checked" if key in ticked else ""
        drawn = f"{avatar(str(label), 's')} " if faces else ""
        lines.append(
            f'{before}{escape(key)}"{same} id="{field.auto_id}_{place}"{state}> '
            f"{drawn}{escape(str(label))}</label></li>"
        )
    return SafeString("".join(lines)), len(lines)

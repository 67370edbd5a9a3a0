"""Small drawings: icons, avatars, flags, waves."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from typing import Any

from django import template
from django.templatetags.static import static
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from carillon.portal.fields import write_options

register = template.Library()

COLOURS = ("#2f6f73", "#a8572f", "#5b5f97", "#7a6a2b", "#8a4b6b", "#3d6b9a", "#4f7a3a", "#7d5ba6")
SPRITE = "vendor/tabler-icons-3.51.0/icons.svg"
FLAGS = "vendor/flag-icons-7.5.0"


@register.simple_tag
def icon(name: str, classes: str = "") -> SafeString:
    """Draw an icon; words beside it or a label on its button say what it means."""
    return format_html(
        '<svg class="i {}" aria-hidden="true"><use href="{}#{}"/></svg>',
        classes,
        static(SPRITE),
        name,
    )


@register.simple_tag
def help_link(slug: str) -> SafeString:
    """Draw a question mark that leads to an article of the help."""
    return format_html(
        '<a class="help-here" href="{}">{}<span class="visually-hidden">{}</span></a>',
        reverse("help-article", args=[slug]),
        icon("help-circle"),
        _("Help on this page"),
    )


@register.simple_tag
def options(rows: Iterable[Any], chosen: Any = None) -> SafeString:
    """Write rows as options of a select; quick, for there may be a thousand."""
    wanted = str(chosen)
    return write_options((row.pk, row.name, str(row.pk) == wanted) for row in rows)


@register.simple_tag
def avatar(name: str, classes: str = "", status: str = "") -> SafeString:
    """Draw somebody's initials in a colour of their own. `status`: ok, call, ring, dnd, off."""
    letters = "".join(part[0] for part in name.split()[:2] if part).upper() or "?"
    dot = format_html('<i class="av-dot st-{}"></i>', status) if status else ""
    return format_html(
        '<span class="av {}" style="--av:{}" aria-hidden="true">{}{}</span>',
        classes,
        _colour(name),
        letters,
        dot,
    )


@register.simple_tag
def team_avatar(name: str, classes: str = "") -> SafeString:
    """Draw a team."""
    return format_html(
        '<span class="av av-team {}" style="--av:{}" aria-hidden="true">{}</span>',
        classes,
        _colour(name),
        icon("users"),
    )


@register.simple_tag
def flag(country: str, label: str = "") -> SafeString:
    """Draw a country's flag."""
    return format_html(
        '<img class="flag" src="{}" alt="{}">', static(f"{FLAGS}/{country.lower()}.svg"), label
    )


@register.simple_tag
def wave(heights: Iterable[int]) -> SafeString:
    """Draw a sound from bar heights of 0 to 100."""
    bars = [
        (i * 4, 11 - max(1, h * 11 // 100), 2 * max(1, h * 11 // 100))
        for i, h in enumerate(heights)
    ]
    return format_html(
        '<svg class="wave" viewBox="0 0 {} 22" preserveAspectRatio="none" aria-hidden="true">{}</svg>',
        max(1, len(bars)) * 4,
        format_html_join("", '<rect x="{}" y="{}" width="2.2" height="{}" rx="1"/>', bars),
    )


def _colour(name: str) -> str:
    return COLOURS[zlib.crc32(name.encode()) % len(COLOURS)]

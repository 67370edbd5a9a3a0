"""How facts are written for people."""

from __future__ import annotations

from django import template

register = template.Library()

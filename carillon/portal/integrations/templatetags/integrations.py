"""The integrations of a number, for its page."""

from __future__ import annotations

from django import template

from carillon.portal.integrations import access
from carillon.portal.integrations.models import Integration
from carillon.portal.routing.models import Number

register = template.Library()


@register.simple_tag
def integrations_of(number: Number) -> list[Integration]:
    """Return the integrations that take a number's calls."""
    return list(access.of_number(number))

"""How many calls were hung up on, for the page that says whose."""

from __future__ import annotations

from django import template

from carillon.portal.calls.models import Call

register = template.Library()


@register.simple_tag
def blocked_calls(pattern: str = "") -> int:
    """Count the blocked calls of the company, or those of one number or beginning."""
    found = Call.objects.filter(outcome=Call.Outcome.BLOCKED)
    if pattern.endswith("*"):
        found = found.filter(caller__startswith=pattern[:-1])
    elif pattern:
        found = found.filter(caller=pattern)
    return found.count()

"""The number a person shows when calling out, for the person's page."""

from __future__ import annotations

from typing import Any

from django import template

from carillon.portal.extensions.models import Person
from carillon.portal.routing.models import Number, OutboundLine

register = template.Library()


@register.inclusion_tag("routing/_line.html", takes_context=True)
def outbound_line(context: dict[str, Any], person: Person, may_edit: bool) -> dict[str, Any]:
    """Show the number, and let it be chosen."""
    line = OutboundLine.objects.filter(person=person).first()
    return {
        "request": context["request"],
        "csrf_token": context.get("csrf_token"),
        "person": person,
        "numbers": Number.objects.order_by("name"),
        "chosen": line.number_id if line else None,
        "may_edit": may_edit,
    }

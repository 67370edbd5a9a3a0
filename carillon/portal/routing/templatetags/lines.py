"""What pages of people and of the company show of outgoing calls."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import template

from carillon.portal.companies.models import Company
from carillon.portal.extensions.lines import Line
from carillon.portal.extensions.models import Device, Person, Team
from carillon.portal.routing.company_numbers import fax_number, main_number
from carillon.portal.routing.difference import times
from carillon.portal.routing.documents import Special, ToPerson
from carillon.portal.routing.limits import current
from carillon.portal.routing.models import Number, OutboundLine
from carillon.portal.routing.people import flow_of
from carillon.portal.routing.showing import numbers_shown_by
from carillon.portal.words import country_name

register = template.Library()

MOST_NAMED = 6


@register.inclusion_tag("routing/_line.html", takes_context=True)
def outbound_line(context: dict[str, Any], person: Person, may_edit: bool) -> dict[str, Any]:
    """Show the number, and let it be chosen."""
    line = OutboundLine.objects.filter(person=person).first()
    return {
        "request": context["request"],
        "csrf_token": context.get("csrf_token"),
        "person": person,
        "numbers": numbers_shown_by(person),
        "chosen": line.number_id if line else None,
        "may_edit": may_edit,
        "own": person.user_id == context["request"].user.pk,
    }


@register.filter
def size_of(sizes: dict[int, int], team: int) -> int:
    """Return how many people are in a team."""
    return sizes.get(team, 0)


@register.filter
def special_hours(special: Special) -> str:
    """Write the hours of an exception."""
    return times(special.slots)


@register.inclusion_tag("routing/_company_links.html")
def company_links() -> dict[str, Any]:
    """Lead to what else counts for every number."""
    return {}


@register.inclusion_tag("routing/_reach.html", takes_context=True)
def reached(context: dict[str, Any], person: Person, may_edit: bool) -> dict[str, Any]:
    """Show how somebody is reached, and lead to where it is changed."""
    flow = flow_of(person)
    own = person.user_id == context["request"].user.pk
    return {
        "person": person,
        "own": own,
        "may_edit": may_edit,
        "phones": len(flow.entries),
        "auto": flow.auto,
    }


@register.inclusion_tag("routing/_limits.html")
def call_limits(company: Company) -> dict[str, Any]:
    """Show what the company's phones may call, and the way to change it."""
    limits = current(company)
    home_first = sorted(limits.countries, key=lambda code: code != company.country)
    names = [country_name(code) for code in home_first]
    return {"limits": limits, "first": names[:MOST_NAMED], "more": len(names[MOST_NAMED:])}


@register.simple_tag
def direct_numbers(shown: Iterable[Line]) -> dict[int, list[str]]:
    """Return the numbers that ring one person and nobody else, by person."""
    wanted = {line.person.pk for line in shown if line.person}
    found: dict[int, list[str]] = {}
    for number in Number.objects.select_related("published").order_by("id") if wanted else ():
        flow = number.flow
        targets = [step.target for step in flow.steps] if flow.kind == "classic" else []
        match targets:
            case [ToPerson(person)] if person in wanted:
                found.setdefault(person, []).append(number.e164)
    return found


@register.filter
def of_person(found: dict[int, list[str]], person: int) -> list[str]:
    """Return somebody's direct numbers."""
    return found.get(person, [])


@register.inclusion_tag("routing/_company_numbers.html")
def company_numbers() -> dict[str, Any]:
    """Show what the company is known by, and lead to where it is changed."""
    return {"main": main_number(), "fax": fax_number()}


@register.inclusion_tag("routing/_phone_system.html")
def phone_system() -> dict[str, Any]:
    """Show what the phone system is made of, with how many there are of each (R77)."""
    flows = [number.flow.kind for number in Number.objects.select_related("published")]
    return {
        "numbers": len(flows),
        "attendants": sum(kind != "classic" for kind in flows),
        "teams": Team.objects.count(),
        "people": Person.objects.count(),
        "phones": Device.objects.count(),
    }

"""The plan that is in force now, as the switch has it."""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime
from threading import Lock

from carillon.portal.companies.models import Company
from carillon.portal.companies.scope import within
from carillon.portal.routing.compile import compile_plan, load_rows
from carillon.schema.plan import (
    GreetingNode,
    HoursNode,
    MenuNode,
    NumberNode,
    Plan,
    RingNode,
    UserNode,
    VoicemailNode,
)

MOST_KEPT = 4
_kept: OrderedDict[tuple[int, datetime, int], Plan] = OrderedDict()
_lock = Lock()


def current_plan(company: Company) -> Plan:
    """Return the company's plan, compiled once for each version."""
    company.refresh_from_db(fields=["plan_version"])
    # When it was made too: a database that was put back may have had other plans of these numbers.
    key = company.pk, company.created_at, company.plan_version
    with _lock:
        found = _kept.get(key)
    if found is None:
        with within(company):
            found = compile_plan(load_rows(company))
        with _lock:
            _kept[key] = found
            while len(_kept) > MOST_KEPT:
                _kept.popitem(last=False)
    return found


def ring_nodes(plan: Plan, number: str) -> list[RingNode]:
    """Return the nodes that ring somebody for a call to a number, in the order they may be met."""
    waiting, seen, found = [_entry(plan, number)], set(), []
    while waiting:
        name = waiting.pop(0)
        node = plan.nodes.get(name)
        if node is None or name in seen:
            continue
        seen.add(name)
        match node:
            case RingNode():
                found.append(node)
                waiting.append(node.then)
            case HoursNode():
                waiting += [node.open, node.closed]
            case MenuNode():
                waiting += [*node.keys.values(), node.then]
            case NumberNode():
                waiting += [_entry(plan, node.number), node.then]
            case GreetingNode() | UserNode():
                waiting.append(node.then)
            case VoicemailNode() | _:
                pass
    return found


def opening_hours(plan: Plan, number: str) -> HoursNode | None:
    """Return the first fork on opening hours a call to a number meets; None where there is none."""
    node = plan.nodes.get(_entry(plan, number))
    return node if isinstance(node, HoursNode) else None


def _entry(plan: Plan, number: str) -> str:
    found = plan.number(number)
    return found.entry if found else ""

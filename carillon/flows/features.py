"""Codes dialled on a phone that lead to a voice: messages, do-not-disturb, opening and closing."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
from msgspec import structs

from carillon.flows.extensions import END
from carillon.flows.hours import local_time
from carillon.flows.outgoing import ToFeature, shown_number
from carillon.flows.spoken import number_names
from carillon.schema.events import AvailabilityChosen, HoursOverridden
from carillon.schema.plan import AnnounceNode, MailboxNode, Node, Number, Plan, User

OVERRIDES = {"override-close": False, "override-open": True, "override-clear": None}
NOT_ALLOWED = "not-allowed"


class Feature(msgspec.Struct, frozen=True):
    """What a code means: the flow to be heard, and what has happened by dialling it."""

    plan: Plan
    number: Number
    happened: tuple[AvailabilityChosen | HoursOverridden, ...] = ()


def feature(plan: Plan, user: User, way: ToFeature, at: datetime) -> Feature | None:
    """Return what a code leads to; None for one that takes part in another call."""
    match way.name:
        case "dnd-on" | "dnd-off":
            available = way.name == "dnd-off"
            chosen = AvailabilityChosen(
                at=at.timestamp(), company=plan.company, user=user.id, available=available
            )
            return _say(plan, user, way.name, happened=(chosen,))
        case "messages":
            return _enter(plan, user, MailboxNode("mailbox", user.id))
        case "messages-of":
            return _enter(plan, user, MailboxNode("mailbox"))
        case name if name in OVERRIDES:
            return _override(plan, user, way, at)
        case _:
            return None


def _override(plan: Plan, user: User, way: ToFeature, at: datetime) -> Feature:
    opens = OVERRIDES[way.name]
    until = override_end(plan, way.argument, at) if opens is not None else 0.0
    if not user.may_override or until is None:
        return _say(plan, user, NOT_ALLOWED)
    done = HoursOverridden(
        at=at.timestamp(), company=plan.company, user=user.id, open=opens, until=until
    )
    if opens is None:
        names: tuple[str, ...] = ("hours-followed",)
    else:
        length = ("during", *number_names(int(way.argument)), "hours") if way.argument else ()
        names = ("hours-opened" if opens else "hours-closed", *(length or ("until-midnight",)))
    return _say(plan, user, *names, happened=(done,))


def override_end(plan: Plan, hours: str, at: datetime) -> float | None:
    """Return when an override ends: after so many hours (two digits), or with the company's day."""
    if hours:
        fits = len(hours) == 2 and hours.isascii() and hours.isdigit() and int(hours) > 0
        return (at + timedelta(hours=int(hours))).timestamp() if fits else None
    tomorrow = local_time(plan.timezone, at) + timedelta(days=1)
    return tomorrow.replace(hour=0, minute=0, second=0, microsecond=0, fold=0).timestamp()


def _say(
    plan: Plan,
    user: User,
    *names: str,
    happened: tuple[AvailabilityChosen | HoursOverridden, ...] = (),
) -> Feature:
    said = _enter(plan, user, AnnounceNode("say", plan.sentences(user.language, *names), END))
    return structs.replace(said, happened=happened)


def _enter(plan: Plan, user: User, node: MailboxNode | AnnounceNode) -> Feature:
    shown = shown_number(plan, user) or Number("", "", plan.name, entry="")
    number = structs.replace(
        shown, entry=node.id, language=user.language, record_inbound=False, record_outbound=False
    )
    nodes: dict[str, Node] = {**plan.nodes, node.id: node}
    return Feature(structs.replace(plan, nodes=nodes), number)

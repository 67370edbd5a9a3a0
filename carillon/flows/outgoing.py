"""What a number dialled on one of our phones means: an extension, our own number, or the outside."""

from __future__ import annotations

import msgspec
from msgspec import structs

from carillon.schema.plan import (
    DialRules,
    HangUpNode,
    Node,
    Number,
    OutsideTarget,
    Plan,
    RingNode,
    RingStep,
    User,
    UserTarget,
    VoicemailNode,
)

LONGEST_EXTENSION = 6
SHORTEST_E164 = 7
LONGEST_E164 = 15


class ToUser(msgspec.Struct, frozen=True):
    """An extension of the company."""

    user: User


class ToNumber(msgspec.Struct, frozen=True):
    """One of the company's own numbers: it takes its flow, as from outside."""

    number: Number


class ToOutside(msgspec.Struct, frozen=True):
    """The outside world, shown as `caller_id`, one of the company's numbers."""

    e164: str
    caller_id: Number


class NoWay(msgspec.Struct, frozen=True):
    """It cannot be dialled; `reason` is a key of `flows.reasons`, `status` the SIP answer."""

    reason: str
    status: int


Way = ToUser | ToNumber | ToOutside | NoWay


def normalise(dialled: str, rules: DialRules) -> str | None:
    """Return what was dialled as E.164 with its plus, None when it is not a telephone number."""
    kept = "".join(c for c in dialled if c in "+0123456789")
    bare = dialled.translate(str.maketrans("", "", " .-()/"))
    if kept != bare or "+" in kept[1:]:
        return None
    if kept.startswith("+"):
        e164 = kept
    elif rules.international_prefix and kept.startswith(rules.international_prefix):
        e164 = "+" + kept[len(rules.international_prefix) :]
    elif kept.startswith(rules.national_prefix):
        e164 = f"+{rules.country_code}{kept[len(rules.national_prefix) :]}"
    else:
        return None
    fits = SHORTEST_E164 <= len(e164) - 1 <= LONGEST_E164 and not e164.startswith("+0")
    return e164 if fits else None


def way_out(plan: Plan, user: User, dialled: str) -> Way:
    """Decide where a call dialled by `user` goes."""
    if dialled.isdecimal() and len(dialled) <= LONGEST_EXTENSION:
        colleague = next((u for u in plan.users if u.extension == dialled), None)
        return ToUser(colleague) if colleague else NoWay("call.unknown-extension", 404)
    e164 = normalise(dialled, plan.dial_rules)
    if e164 is None:
        return NoWay("call.bad-number", 484)
    own = next((n for n in plan.numbers if n.e164 == e164), None)
    if own is not None:
        return ToNumber(own)
    shown = next((n for n in plan.numbers if n.id == user.default_number), None)
    shown = shown or next(iter(plan.numbers), None)
    return ToOutside(e164, shown) if shown else NoWay("call.no-caller-id", 403)


EXTENSION_SECONDS = 25
OUTSIDE_SECONDS = 120


def extension_flow(plan: Plan, user: User) -> tuple[Plan, Number]:
    """Return what a call to an extension runs: the user's phones, then the user's voicemail, if any."""
    box = next((box for box in plan.boxes if box.id == user.box), None)
    # A colleague is told how it went; the closing message is for the world.
    away = VoicemailNode("away", box.greeting, box.id) if box else HangUpNode("away")
    steps = (RingStep(UserTarget(user.id), EXTENSION_SECONDS),)
    nodes: dict[str, Node] = {"phones": RingNode("phones", steps, then="away"), "away": away}
    number = Number("", user.extension, user.name, entry="phones", language=user.language)
    return structs.replace(plan, nodes=nodes), number


def outside_flow(plan: Plan, way: ToOutside) -> tuple[Plan, Number]:
    """Return what a call to the outside runs: that one number, then the end."""
    step = RingStep(OutsideTarget(way.e164), OUTSIDE_SECONDS)
    nodes: dict[str, Node] = {
        "outside": RingNode("outside", (step,), then="end"),
        "end": HangUpNode("end"),
    }
    return structs.replace(plan, nodes=nodes), structs.replace(way.caller_id, entry="outside")

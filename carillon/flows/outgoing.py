"""What a number dialled on one of our phones means: an extension, our own number, or the outside."""

from __future__ import annotations

import msgspec
from msgspec import structs

from carillon.flows.extensions import user_entry
from carillon.schema.plan import (
    DialRules,
    GreetingNode,
    HangUpNode,
    Limits,
    Node,
    Number,
    OutsideTarget,
    Plan,
    RingNode,
    RingStep,
    Target,
    User,
    UserTarget,
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
    emergency: bool = False


class ToFeature(msgspec.Struct, frozen=True):
    """Something the system does, dialled like a number: `name` is one of `FEATURES`' values."""

    name: str
    argument: str


class NoWay(msgspec.Struct, frozen=True):
    """It cannot be dialled; `reason` is a key of `flows.reasons`, `status` the SIP answer."""

    reason: str
    status: int


Way = ToUser | ToNumber | ToOutside | ToFeature | NoWay

FEATURES = {
    "*5": "park",
    "*8": "pick-up",
    "*4": "listen",
    "*70": "override-clear",
    "*71": "override-close",
    "*72": "override-open",
    "*78": "dnd-on",
    "*79": "dnd-off",
    "*97": "messages",
    "*98": "messages-of",
}
"""Feature codes: parking (with two digits, a slot), taking a call that rings anybody or (with an extension)
one colleague, listening to a colleague's call (with an extension), following the hours again, closing or
opening the company (with two digits, so many hours), do-not-disturb, messages: one's own, or anybody's."""
LONGEST_FEATURE = 12


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
    return e164 if is_e164(e164) else None


def is_e164(text: str) -> bool:
    """Say whether a text is a telephone number as E.164 writes it, plus first."""
    digits = text[1:]
    known = text.startswith("+") and digits.isascii() and digits.isdigit() and digits[0] != "0"
    return known and SHORTEST_E164 <= len(digits) <= LONGEST_E164


def way_out(plan: Plan, user: User, dialled: str) -> Way:
    """Decide where a call dialled by `user` goes. An emergency number is before everything else."""
    shown = shown_number(plan, user)
    if is_emergency(plan, user, dialled):
        shown = shown or next(iter(plan.numbers), Number("", "", plan.name, entry=""))
        return ToOutside(dialled, shown, emergency=True)
    if dialled.startswith("*"):
        return _feature(dialled)
    if dialled.isascii() and dialled.isdigit() and len(dialled) <= LONGEST_EXTENSION:
        colleague = plan.colleague(dialled)
        return ToUser(colleague) if colleague else NoWay("call.unknown-extension", 404)
    e164 = normalise(dialled, user.dial_rules or plan.dial_rules)
    if e164 is None:
        return NoWay("call.bad-number", 484)
    own = plan.own_number(e164)
    if own is not None:
        return ToNumber(own)
    if not may_call(plan.limits, e164):
        return NoWay("call.country-blocked", 403)
    return ToOutside(e164, shown) if shown else NoWay("call.no-caller-id", 403)


def is_emergency(plan: Plan, user: User, dialled: str) -> bool:
    """Say whether this calls for help: in the company's country, or in the one the user dials as in.

    The user's own country gives way to a colleague's extension: 101 is the police in some.
    """
    if dialled in plan.dial_rules.emergency:
        return True
    abroad = user.dial_rules is not None and dialled in user.dial_rules.emergency
    return abroad and plan.colleague(dialled) is None


def shown_number(plan: Plan, user: User) -> Number | None:
    """Return the number the outside is shown when a user calls; None for who may show none (A20)."""
    allowed = [n for n in plan.numbers if n.shown_by is None or user.id in n.shown_by]
    own = next((n for n in allowed if n.id == user.default_number), None)
    return own or next(iter(allowed), None)


def may_call(limits: Limits, e164: str) -> bool:
    """Say whether a company lets its calls go to a number."""
    digits = e164.removeprefix("+")
    if digits.startswith(limits.denied):
        return False
    return not limits.countries or digits.startswith(limits.countries)


def _feature(dialled: str) -> Way:
    digits = dialled[1:]
    if not (digits.isascii() and digits.isdigit()) or len(dialled) > LONGEST_FEATURE:
        return NoWay("call.bad-number", 484)
    for code in sorted(FEATURES, key=len, reverse=True):
        if dialled.startswith(code):
            return ToFeature(FEATURES[code], dialled[len(code) :])
    return NoWay("call.bad-number", 484)


OUTSIDE_SECONDS = 120


def extension_flow(plan: Plan, user: User) -> tuple[Plan, Number]:
    """Return what a call to an extension runs: the user's own entry, or phones and voicemail."""
    entry = user_entry(plan, user)
    return plan, Number("", user.extension, user.name, entry=entry, language=user.language)


def outside_flow(plan: Plan, way: ToOutside) -> tuple[Plan, Number]:
    """Return what a call to the outside runs: that one number, then the end."""
    target = OutsideTarget(way.e164, way.emergency)
    step = RingStep(target, OUTSIDE_SECONDS)
    nodes: dict[str, Node] = {
        "outside": RingNode("outside", (step,), then="end"),
        "end": HangUpNode("end"),
    }
    return structs.replace(plan, nodes=nodes), _placed(way.caller_id, "outside")


def _placed(number: Number, entry: str) -> Number:
    """Return the number a call shows: what it says to callers from outside is not for our people."""
    return structs.replace(number, entry=entry, record_inbound=False)


def callback_flow(plan: Plan, number: Number, e164: str, language: str) -> tuple[Plan, Number]:
    """Return what an agent whose turn it is to call somebody back goes through: a word, then the call."""
    prompt = plan.sentence(language, "callback-turn")
    step = RingStep(OutsideTarget(e164), OUTSIDE_SECONDS)
    nodes: dict[str, Node] = {
        "word": GreetingNode("word", prompt, then="outside"),
        "outside": RingNode("outside", (step,), then="end"),
        "end": HangUpNode("end"),
    }
    return structs.replace(plan, nodes=nodes), _placed(number, "word")


class Entrance(msgspec.Struct, frozen=True):
    """Where a call enters: the flow to run, and how the history names it.

    `target` is whom to ring where a flow is too much: to join a conversation.
    """

    plan: Plan
    number: Number
    direction: str
    called: str
    who: str
    number_id: str | None = None
    target: Target | None = None


def entrance(plan: Plan, way: ToUser | ToNumber | ToOutside, dialled: str) -> Entrance:
    """Return the flow that a way dialled on one of our phones leads to."""
    match way:
        case ToUser(colleague):
            flow, number = extension_flow(plan, colleague)
            phones = UserTarget(colleague.id)
            return Entrance(flow, number, "internal", dialled, colleague.name, target=phones)
        case ToNumber(number):
            return Entrance(plan, number, "internal", number.e164, number.name, number.id)
        case ToOutside(e164, shown):
            flow, number = outside_flow(plan, way)
            target = OutsideTarget(e164, way.emergency)
            return Entrance(flow, number, "outbound", e164, e164, shown.id or None, target)

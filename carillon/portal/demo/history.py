"""A month of the demo company's calls, applied as live calls are."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

import msgspec
from django.utils import timezone

from carillon.flows.hours import opening
from carillon.portal.companies.models import Company
from carillon.portal.demo import cast
from carillon.portal.demo.pretend import InboundCall, Told, internal, moments, outbound
from carillon.portal.demo.sounds import Sounds
from carillon.portal.journal.apply import apply_events
from carillon.portal.routing.compile import compile_plan, load_rows
from carillon.portal.voicemail.models import Message
from carillon.schema import events as e
from carillon.schema.plan import HoursNode, Number, Plan, RingNode

CALLS_PER_DAY = 46
EVENTS_AT_ONCE = 2000
MOST_MESSAGES = 60
MOST_RECORDINGS = 8
UNHEARD_SINCE = timedelta(days=2)


def write_history(company: Company, first: datetime, last: datetime, dice: random.Random) -> None:
    """Make and apply the calls from `first` to `last` (aware, in the company's zone)."""
    plan = _without_lines(compile_plan(load_rows(company)))
    sounds = Sounds()
    left = {"voicemail": MOST_MESSAGES, "call": MOST_RECORDINGS}
    pile: list[e.AnyEvent] = []
    # Newest first, so that the sounds there are room for belong to the calls people look at.
    times = sorted(moments(first, last - timedelta(minutes=20), CALLS_PER_DAY, dice), reverse=True)
    for place, at in enumerate(times):
        told = _call(
            plan, f"demo-{company.pk}-{len(times) - place:05d}", at, dice, left["call"] > 0
        )
        pile += _with_sounds(told, sounds, left)
        if len(pile) > EVENTS_AT_ONCE:
            apply_events(pile)
            pile = []
    apply_events(pile)
    old = Message.objects.filter(at__lt=last - UNHEARD_SINCE)
    old.update(heard_at=timezone.now())


def _without_lines(plan: Plan) -> Plan:
    """Return the plan with nobody waiting in a line: a pretended call is alone in the world."""
    nodes = {
        id: msgspec.structs.replace(node, queue=False) if isinstance(node, RingNode) else node
        for id, node in plan.nodes.items()
    }
    return msgspec.structs.replace(plan, nodes=nodes)


def _call(plan: Plan, name: str, at: datetime, dice: random.Random, room: bool) -> Told:
    told = Told(name, at.timestamp())
    kind = dice.random()
    placing = [u for u in plan.users if any(d.user == u.id for d in plan.devices)]
    caller, caller_name = _outsider(dice)
    if kind < 0.17:
        return outbound(plan, dice.choice(placing), plan.numbers[0], caller, told, dice)
    if kind < 0.22:
        user, colleague = dice.sample(placing, 2)
        return internal(plan, user, colleague, told, dice)
    number = _called(plan, at, dice)
    call = InboundCall(plan, number, told, dice)
    return call.run(caller, caller_name, recorded=number.record_inbound and room)


def _called(plan: Plan, at: datetime, dice: random.Random) -> Number:
    """Return the number somebody dials: people mostly know when it is open."""
    shares = [line.share for line in cast.NUMBERS]
    number = dice.choices(plan.numbers, shares)[0]
    while dice.random() < 0.8 and not _is_open(plan, number, at):
        number = dice.choices(plan.numbers, shares)[0]
    return number


def _is_open(plan: Plan, number: Number, at: datetime) -> bool:
    node = plan.nodes[number.entry]
    return isinstance(node, HoursNode) and opening(node.hours, at).is_open


def _outsider(dice: random.Random) -> tuple[str, str]:
    """Return somebody who calls: mobiles of a range kept for fiction, a third of them known by name."""
    turn = dice.randrange(120)
    name = cast.CALLERS[turn] if turn < len(cast.CALLERS) else ""
    if dice.random() < 0.2:
        turn, name = dice.randrange(len(cast.CALLERS)), ""
        name = cast.CALLERS[turn]
    return f"+3363998{1000 + turn * 37:04d}", name


def _with_sounds(told: Told, sounds: Sounds, left: dict[str, int]) -> list[e.AnyEvent]:
    """Write the call's sounds; when there is room for no more, the call is told without them."""
    gone: set[str] = set()
    lengths: dict[str, float] = {}
    for kind, path, _seconds in told.recordings:
        name = path.rsplit("/", 1)[-1].removesuffix(".wav")
        if left[kind] <= 0:
            gone.add(name)
            continue
        left[kind] -= 1
        lengths[name] = sounds.make(kind, path)
    kept = [event for event in told.events if getattr(event, "recording", "") not in gone]
    fixed = [_fit(event, lengths) for event in kept]
    if gone and fixed and isinstance(fixed[-1], e.CallEnded) and fixed[-1].outcome == "voicemail":
        fixed[-1] = msgspec.structs.replace(fixed[-1], outcome="missed")
    return list(fixed)


def _fit(event: e.CallEvent, lengths: dict[str, float]) -> e.CallEvent:
    """Say the length the sound really has."""
    if isinstance(event, e.RecordingEnded | e.MessageLeft) and event.recording in lengths:
        return msgspec.structs.replace(event, seconds=round(lengths[event.recording], 2))
    return event

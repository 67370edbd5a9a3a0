"""From whom a flow wants to ring to the INVITEs that ring them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carillon.flows.ring import target_name
from carillon.schema.plan import OutsideTarget, Target, UserTarget
from carillon.sip.headers import quote
from carillon.switch import canary
from carillon.switch.legs import Dial, Leg, Party
from carillon.switch.trunks import trunk_credentials, trunk_flow

if TYPE_CHECKING:
    from carillon.switch.calls import Call
    from carillon.switch.switchboard import Switchboard

MOST_RINGING = 40
"""More phones than this are not rung at once for one call."""


def legs_for(board: Switchboard, call: Call, targets: tuple[Target, ...]) -> list[Leg]:
    """Make a leg for every phone of the targets, not started yet."""
    legs: list[Leg] = []
    for target in targets:
        if isinstance(target, OutsideTarget):
            legs.append(_outside_leg(board, call, target.e164))
        elif isinstance(target, UserTarget):
            legs += _user_legs(board, call, target.user)
    for leg in legs:
        leg.call = call
    return legs[:MOST_RINGING]


def _user_legs(board: Switchboard, call: Call, user: str) -> list[Leg]:
    who = target_name(call.plan, UserTarget(user)) or user
    host = board.config.host
    arrived = call.arrived
    name = arrived.caller_name or arrived.caller
    from_ = f"{quote(name)} <sip:{arrived.caller.lstrip('+') or 'anonymous'}@{host}>"
    if arrived.caller.startswith("+"):
        from_ = f"{quote(name)} <sip:{arrived.caller}@{host}>"
    legs = []
    for device in board.plans.devices_of(call.plan.company, user):
        for binding in board.devices.bindings(device.username):
            dial = Dial(binding.contact, binding.flow, from_, f"<sip:{device.username}@{host}>")
            party = Party(who, user=user, device=device.id)
            legs.append(Leg(board, call.next_leg_id(), party, dial=dial))
    return legs


def _outside_leg(board: Switchboard, call: Call, e164: str) -> Leg:
    is_canary = call.plan.company == canary.COMPANY
    trunks = board.trunks
    trunk = trunks.sandbox if is_canary else trunks.way_out(board.plans.trunks)
    shown = call.number.e164
    dial = Dial(
        uri=f"sip:{e164}@{trunk.host}:{trunk.port}",
        flow=trunk_flow(trunk),
        from_=f"<sip:{shown}@{board.config.host}>",
        to=f"<sip:{e164}@{trunk.host}>",
        credentials=trunk_credentials(trunk),
    )
    party = Party(e164, e164=e164, trunk=trunk.id)
    return Leg(board, call.next_leg_id(), party, dial=dial)

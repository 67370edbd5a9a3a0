"""From whom a flow wants to ring to the INVITEs that ring them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carillon.flows.people import target_name
from carillon.schema.cdr import CALLER_LEG
from carillon.schema.plan import (
    Address,
    DeviceTarget,
    Number,
    OutsideTarget,
    Plan,
    Target,
    Trunk,
    User,
    UserTarget,
)
from carillon.sip.headers import quote
from carillon.sip.multipart import Part
from carillon.sip.registrar import Binding
from carillon.switch import canary
from carillon.switch.legs import Dial, Leg, Party
from carillon.switch.location import in_words, located
from carillon.switch.trunks import trunk_credentials, written

if TYPE_CHECKING:
    from carillon.switch.calls import Call
    from carillon.switch.switchboard import Switchboard

MOST_RINGING = 40
"""More phones than this are not rung at once for one call."""
NO_LINE, NOT_ALLOWED = 503, 403
"""What a phone of ours is answered that could not be connected to the outside."""
Headers = tuple[tuple[str, str], ...]


def legs_for(
    board: Switchboard, call: Call, number: Number, targets: tuple[Target, ...]
) -> list[Leg]:
    """Make a leg for every phone of the targets, not started yet; the outside is shown `number`."""
    legs: list[Leg] = []
    for target in targets:
        if isinstance(target, OutsideTarget):
            legs += _outside_legs(board, call, number, target)
        elif isinstance(target, UserTarget):
            legs += _user_legs(board, call, target.user)
        elif isinstance(target, DeviceTarget):
            owner = board.plans.phone(call.plan.company, target.device)
            legs += _user_legs(board, call, owner.user.id, target.device) if owner else []
    for leg in legs:
        leg.call = call
    return legs[:MOST_RINGING]


def _user_legs(board: Switchboard, call: Call, user: str, only: str = "") -> list[Leg]:
    who = target_name(call.plan, UserTarget(user)) or user
    host = board.config.host
    arrived = call.arrived
    name = arrived.caller_name or arrived.caller
    from_ = f"{quote(name)} <sip:{arrived.caller.lstrip('+') or 'anonymous'}@{host}>"
    if arrived.caller.startswith("+"):
        from_ = f"{quote(name)} <sip:{arrived.caller}@{host}>"
    legs = []
    for device in board.plans.devices_of(call.plan.company, user):
        if only not in ("", device.id):
            continue
        for binding in _bindings(board, call, user, device.username):
            to = f"<sip:{device.username}@{host}>"
            dial = Dial(
                *(binding.contact, binding.flow, from_, to),
                headers=binding.routes,
                hops=call.brought.hops,
            )
            party = Party(who, user=user, device=device.id)
            legs.append(
                Leg(
                    *(board, call.next_leg_id(), party, call.sounds),
                    dial=dial,
                    encryption=device.encryption,
                )
            )
    return legs


def _bindings(board: Switchboard, call: Call, user: str, username: str) -> list[Binding]:
    """Return where a phone can be rung: everywhere, or at the one place whose GRUU was dialled."""
    gruu = call.brought.gruu
    owner = board.plans.device(gruu.username) if gruu else None
    if gruu is None or owner is None or owner.user.id != user:
        return board.devices.bindings(username)
    found = board.devices.find_gruu(gruu) if gruu.username == username else None
    return [found] if found else []


def caller_legs(board: Switchboard, plan: Plan, user: User, device: str, shown: str) -> list[Leg]:
    """Make the legs that ring a user's own phones before the call the user wants: a, a2, a3…

    `shown` is whom the phones name. One `device`, or all of them.
    """
    host = board.config.host
    from_ = f"{quote(shown)} <sip:{user.extension or 'carillon'}@{host}>"
    legs: list[Leg] = []
    for each in board.plans.devices_of(plan.company, user.id):
        if device not in ("", each.id):
            continue
        for binding in board.devices.bindings(each.username):
            to = f"<sip:{each.username}@{host}>"
            dial = Dial(binding.contact, binding.flow, from_, to, headers=binding.routes)
            name = f"{CALLER_LEG}{len(legs) + 1}" if legs else CALLER_LEG
            party = Party(user.name, user=user.id, device=each.id)
            legs.append(
                Leg(
                    *(board, name, party, board.halls.of(plan.company)),
                    dial=dial,
                    encryption=each.encryption,
                )
            )
    return legs[:MOST_RINGING]


# -- the outside ---------------------------------------------------------------------------------


def _outside_legs(
    board: Switchboard, call: Call, number: Number, target: OutsideTarget
) -> list[Leg]:
    """Make the leg to an outside number over the best trunk; none where the company forbids it."""
    is_canary = call.plan.company == canary.COMPANY
    if not (is_canary or target.emergency):
        reason = board.tolls.refuses(call.plan, target.e164, board.now)
        if reason:
            call.decide(reason, number=target.e164)
            _refuse(call, NO_LINE if reason == "call.limit" else NOT_ALLOWED)
            return []
    if target.emergency:
        _tell_emergency(board, call, target.e164)
    trunks = [board.trunks.sandbox] if is_canary else board.trunks.ways_out()
    shown = number.e164 or call.number.e164
    caller = call.arrived.caller
    if target.show_caller and call.arrived.direction == "inbound" and caller.startswith("+"):
        shown = caller
    leg = outside_leg(board, call, shown, target, trunks)
    if leg is None:
        call.decide("call.no-trunk")
        _refuse(call, NO_LINE)
        return []
    return [leg]


def _refuse(call: Call, status: int) -> None:
    if call.visit is not None:
        call.visit.ringing.refuse(status)


def outside_leg(
    board: Switchboard, call: Call, shown: str, target: OutsideTarget, trunks: list[Trunk]
) -> Leg | None:
    """Make a leg over the first of these trunks that can be reached; the rest are for when it fails."""
    for place, trunk in enumerate(trunks):
        flow = board.trunks.flow(trunk)
        if flow is None:
            continue
        to = written(trunk, target.e164)
        location, part = _location(board, call, trunk, shown, target)
        dial = Dial(
            uri=f"sip:{to}@{trunk.host}:{trunk.port}",
            flow=flow,
            from_=_from(board, call, trunk, shown),
            to=f"<sip:{to}@{trunk.host}>",
            credentials=trunk_credentials(trunk),
            headers=(*_headers(board, call, trunk, shown, target), *location),
            part=part,
            hops=call.brought.hops,
            others=tuple(trunks[place + 1 :]),
            shown=shown,
            target=target,
        )
        party = Party(target.e164, e164=target.e164, trunk=trunk.id)
        return Leg(board, call.next_leg_id(), party, call.sounds, dial=dial)
    return None


def _tell_emergency(board: Switchboard, call: Call, number: str) -> None:
    """Say in the timeline who calls for help and where: others are notified of it at once."""
    party = call.visit.leg.party if call.visit is not None else call.a.party
    phones = board.plans.devices_of(call.plan.company, party.user or "")
    phone = next((each.label for each in phones if each.id == party.device), "")
    address = in_words(_address(board, call))
    call.decide("call.emergency", number=number, who=party.who, phone=phone, address=address)


def _address(board: Switchboard, call: Call) -> Address | None:
    """Return where the caller's phone is: the user's own address, else the company's."""
    party = call.visit.leg.party if call.visit is not None else call.a.party
    plan = board.plans.plan(call.plan.company) or call.plan
    user = board.plans.user(plan.company, party.user or "")
    return user.address if user is not None and user.address is not None else plan.address


def _location(
    board: Switchboard, call: Call, trunk: Trunk, shown: str, target: OutsideTarget
) -> tuple[Headers, Part | None]:
    address = _address(board, call) if target.emergency and trunk.takes_location else None
    if address is None:
        return (), None
    host = board.config.host
    return located(address, f"sip:{written(trunk, shown) or 'anonymous'}@{host}", host)


def _from(board: Switchboard, call: Call, trunk: Trunk, shown: str) -> str:
    user = trunk.username if trunk.caller_id == "username" else written(trunk, shown)
    host = trunk.host if trunk.registers else board.config.host
    return f"<sip:{user or 'anonymous'}@{host}>"


def _headers(
    board: Switchboard, call: Call, trunk: Trunk, shown: str, target: OutsideTarget
) -> Headers:
    """Say who calls (RFC 3325), on whose behalf (RFC 5806), whose signature (RFC 8224), how urgently."""
    headers: list[tuple[str, str]] = []
    host = board.config.host
    if (trunk.caller_id != "from" or target.emergency) and shown:
        headers.append(("P-Asserted-Identity", f"<sip:{written(trunk, shown)}@{host}>"))
    arrived = call.arrived
    if arrived.direction == "inbound" and arrived.called.startswith("+"):
        headers.append(("Diversion", f"<sip:{written(trunk, arrived.called)}@{host}>"))
        headers += [("Identity", value) for value in call.brought.identities]
    if target.emergency:
        # RFC 4412 §12.7 (esnet) and RFC 3261 §20.26.
        headers += [("Priority", "emergency"), ("Resource-Priority", "esnet.1")]
    return tuple(headers)

"""The system itself calls somebody, says something and may record the answer (R15, R69)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carillon.flows.announcement import announcement
from carillon.flows.outgoing import is_e164
from carillon.schema.cdr import CALLER_LEG
from carillon.schema.commands import CallOut, CommandAnswer
from carillon.schema.events import CallArrived
from carillon.schema.plan import Number, OutsideTarget, Plan, Target, UserTarget
from carillon.switch.beginning import new_call
from carillon.switch.calls import Call
from carillon.switch.legs import Leg, Party

if TYPE_CHECKING:
    from carillon.switch.switchboard import Switchboard

RING_SECONDS = 45.0


def call_out(board: Switchboard, command: CallOut) -> CommandAnswer:
    """Call an outside number or a user's phones; the flow goes on once somebody picks up."""
    plan = board.plans.plan(command.company)
    if plan is None:
        return CommandAnswer(False, "no-such-user")
    shown = plan.number(command.number) or next(
        iter(plan.numbers), Number("", "", plan.name, entry="")
    )
    target = _target(plan, command.to)
    reason = _refusal(board, plan, shown, target)
    if target is None or reason:
        return CommandAnswer(False, reason)
    arrived = new_call(
        *(board, plan, "outbound", shown.e164, command.to, plan.name),
        number=shown.id or None,
        purpose=command.purpose,
    )
    _ring(board, arrived, announcement(plan, shown, command), target)
    return CommandAnswer(True, call=arrived.call)


def _target(plan: Plan, to: str) -> Target | None:
    if to.startswith("+"):
        return OutsideTarget(to) if is_e164(to) else None
    user = plan.colleague(to)
    return UserTarget(user.id) if user else None


def _refusal(board: Switchboard, plan: Plan, shown: Number, target: Target | None) -> str:
    """Return why somebody cannot be called, one of `schema.commands.REFUSALS`; "" when they can."""
    if target is None:
        return "bad-number"
    if board.full or board.stopping:
        return "full"
    if isinstance(target, UserTarget):
        phones = board.plans.devices_of(plan.company, target.user)
        rings = any(board.devices.bindings(phone.username) for phone in phones)
        return "" if rings else "no-phone"
    assert isinstance(target, OutsideTarget)
    if not shown.e164 or board.tolls.refuses(plan, target.e164, board.now):
        return "not-allowed"
    return ""


def _ring(
    board: Switchboard, arrived: CallArrived, flow: tuple[Plan, Number], target: Target
) -> None:
    plan, number = flow
    # Nobody calls: the first leg only stands for the system until somebody picks up.
    system = Leg(board, CALLER_LEG, Party(plan.name), board.halls.of(plan.company))
    call = Call(board, arrived, plan, number, system, placed=True)
    call.legs.clear()
    board.calls[call.id] = call
    board.emit(call, arrived)
    with board.guard(call):
        call.decide("call.spoken", to=arrived.called)
        legs = board.legs_for(call, number, (target,))
        if legs:
            call.guests.invite(call, legs, RING_SECONDS, Call.follow, _not_picked_up)
        else:
            _not_picked_up(call, "failed")


def _not_picked_up(call: Call, reason: str) -> None:
    call.end(by="system", detail="not-picked-up")

"""How every call begins, whoever begins it: its name, and the first line of its story."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, TypedDict, Unpack

from carillon.schema.events import CallArrived
from carillon.schema.plan import Plan

if TYPE_CHECKING:
    from carillon.switch.switchboard import Switchboard

LONGEST_NAME = 80


class Facts(TypedDict, total=False):
    """What not every call has, as `CallArrived` names it."""

    number: str | None
    user: str | None
    trunk: str | None
    purpose: str
    callback: str


def new_call(
    board: Switchboard,
    plan: Plan,
    direction: str,
    caller: str,
    called: str,
    caller_name: str = "",
    **facts: Unpack[Facts],
) -> CallArrived:
    """Return the event a call of this company begins with, under a fresh name."""
    return CallArrived(
        call=secrets.token_hex(8),
        seq=1,
        at=board.clock(),
        company=plan.company,
        plan_version=plan.version,
        direction=direction,
        caller=caller,
        called=called,
        caller_name=caller_name[:LONGEST_NAME],
        **facts,
    )

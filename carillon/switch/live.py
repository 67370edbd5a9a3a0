"""A call in progress as the portal sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carillon.schema.commands import LiveCall, LiveLeg
from carillon.switch.conversation import LISTEN, WHISPER

if TYPE_CHECKING:
    from carillon.switch.calls import Call
    from carillon.switch.legs import Leg


def live_call(call: Call) -> LiveCall:
    """Return what is worth telling of a call."""
    return LiveCall(
        call.id,
        call.plan.company,
        call.arrived.direction,
        call.arrived.caller,
        call.arrived.called,
        call.arrived.at,
        state(call),
        tuple(
            LiveLeg(leg.id, leg.who, leg.party.user, _state(call, leg))
            for leg in call.legs
            if not leg.gone
        ),
        call.recordings.state,
        call.slot,
    )


def state(call: Call) -> str:
    """Say in a word what a call is doing."""
    if call.closing:
        return "ending"
    if call.slot:
        return "parked"
    if len(call.talk):
        return "talking"
    if call.visit is not None and call.visit.ringing:
        return "ringing"
    return "recording" if call.recordings.recording_message else "announcement"


def _state(call: Call, leg: Leg) -> str:
    role = call.talk.role(leg)
    if role == LISTEN:
        return "listening"
    if role == WHISPER:
        return "whispering"
    if role:
        if call.talk.holds(leg):
            return "holding"
        return "waiting" if leg in call.talk.waiting else "talking"
    return "calling" if call.visit is not None and leg is call.visit.leg else "ringing"

"""What becomes of a call whose media process failed it, went away or came back."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from carillon.switch.calls import Call
    from carillon.switch.legs import Leg


def soundless(call: Call, leg: Leg) -> None:
    """The media process could not make a leg: without sound it is no use."""
    if leg in call.ringing:
        leg.hang_up("", status=503)
        call.failed(leg, 503)
    elif len(call.talk.talkers) > 2 and leg in call.talk:
        leg.hang_up("", status=503)
        call.part(leg)
    else:
        call.end(by="system", detail="no-media")


def lose_sound(call: Call) -> None:
    """Wait no longer for files that a lost media process was closing."""
    if call.closing or call.caller_gone:
        call.recordings.give_up()
        call.maybe_finish()


def restore_sound(call: Call) -> None:
    """Build up in a new media process what the lost one knew of this call."""
    if call.closing:
        return
    for leg in call.legs:
        if not leg.gone:
            leg.reopen()
    call.talk.restore()
    if call.visit is not None and not call.visit.connected:
        call.visit.restore_sound()
    call.recordings.resume()

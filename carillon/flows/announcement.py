"""What the system calls somebody to say: a code, or how to record a prompt by phone (R15, R69)."""

from __future__ import annotations

from msgspec import structs

from carillon.flows.steps import (
    Asked,
    Context,
    Decide,
    GoTo,
    Happening,
    Play,
    Played,
    SetTimer,
    TimerFired,
)
from carillon.schema.commands import CallOut
from carillon.schema.plan import AnnounceNode, HangUpNode, Node, Number, Plan, VoicemailNode

MOST_TIMES = 10
DICTATION = "prompt:"
"""How the box of a dictation is named, before its ticket."""


class AnnounceRun:
    """Somebody who was called and is told something."""

    def __init__(self, node: AnnounceNode) -> None:
        self._node = node
        self._left = max(1, min(MOST_TIMES, node.times))

    def enter(self, context: Context) -> list[Asked]:
        """Say it for the first time."""
        if not self._node.prompts:
            return [GoTo(self._node.then)]
        return [Decide(self._node.id, "announce.play"), Play(self._node.prompts)]

    def step(self, event: Happening, context: Context) -> list[Asked]:
        """Say it again after a pause, or go on."""
        match event:
            case Played():
                self._left -= 1
                again = SetTimer(self._node.pause_seconds)
                return [again if self._left > 0 else GoTo(self._node.then)]
            case TimerFired():
                return [Play(self._node.prompts)]
            case _:
                return []


def announcement(plan: Plan, shown: Number, command: CallOut) -> tuple[Plan, Number]:
    """Return what somebody called by the system hears, and with a ticket is recorded by."""
    end = HangUpNode("end")
    if command.ticket:
        box = DICTATION + command.ticket
        record = VoicemailNode("record", None, box, dictation=True)
        say = AnnounceNode("say", command.prompts, "record", command.times)
        nodes: dict[str, Node] = {"say": say, "record": record, "end": end}
    else:
        nodes = {"say": AnnounceNode("say", command.prompts, "end", command.times), "end": end}
    number = structs.replace(
        shown, entry="say", language=command.language, record_inbound=False, record_outbound=False
    )
    return structs.replace(plan, nodes=nodes), number

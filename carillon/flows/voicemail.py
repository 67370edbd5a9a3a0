"""The voicemail node: a message, a beep, a recording, and a menu after # (R67, R68, A37).

message --Played--> beep --Played--> recording --#, limit--> menu --3, 4, silence--> sent
                      ^                  |                    | |
                      +-------- 2 -------|--------------------+ +--1--> listening --> menu
                                         +--silence, hang-up--> kept
"""

from __future__ import annotations

from carillon.flows.saying import sentence
from carillon.flows.steps import (
    Asked,
    ClearTimer,
    Context,
    Decide,
    DropRecording,
    End,
    Happening,
    KeepMessage,
    Play,
    PlayBeep,
    Played,
    PlayRecording,
    Pressed,
    Record,
    Recorded,
    SetTimer,
    TimerFired,
)
from carillon.schema.plan import VoicemailNode

SHORTEST_SECONDS = 1.0
"""Less than this is a cough or a hang-up, not a message."""
MENU_SECONDS = 6.0
SILENCE_SECONDS = 8
"""So long without a voice ends a recording."""


class VoicemailRun:
    """One caller leaving a message."""

    def __init__(self, node: VoicemailNode) -> None:
        self._node = node
        self._state = "message"
        self._seconds = 0.0
        self._asked_twice = False

    def enter(self, context: Context) -> list[Asked]:
        """Play the message, where there is one."""
        if self._node.dictation:
            return self._after_message()
        reason = "voicemail.message" if self._node.box else "voicemail.closed"
        default = "voicemail-default" if self._node.box else "closed-default"
        prompt = self._node.prompt or sentence(context, default)
        if prompt is None:
            return self._after_message()
        return [Decide(self._node.id, reason), Play((prompt,))]

    def step(self, event: Happening, context: Context) -> list[Asked]:
        """Follow the picture above."""
        match self._state, event:
            case "message", Played():
                return self._after_message()
            case "message", Pressed("#") if self._node.box:
                return self._after_message()
            case "beep", Played():
                self._state = "recording"
                assert self._node.box is not None
                record = Record(self._node.box, self._node.max_seconds, SILENCE_SECONDS)
                return [self._may_record(), record]
            case "recording", Recorded(reason, seconds):
                return self._recorded(reason, seconds, context)
            case "listening", Played() | Pressed():
                return self._menu(context)
            case "menu", Pressed(digit):
                return self._chosen(digit, context)
            case "menu", Played():
                return [SetTimer(MENU_SECONDS)]
            case "menu", TimerFired():
                return self._no_choice(context)
            case "sent", Played():
                return [End()]
            case _:
                return []

    def leave(self) -> list[Asked]:
        """The caller hung up: what was recorded is a message unless it is too short.

        While sound is being recorded, stop the recording and feed its `Recorded` instead of this.
        """
        if self._state in ("menu", "listening"):
            return self._keep(urgent=False)
        return []

    def _may_record(self) -> Decide:
        if self._node.of:
            return Decide(self._node.id, "voicemail.record-for", {"who": self._node.of})
        return Decide(self._node.id, "voicemail.record")

    def _after_message(self) -> list[Asked]:
        if self._node.box is None:
            return [End()]
        self._state = "beep"
        return [PlayBeep()]

    def _recorded(self, reason: str, seconds: float, context: Context) -> list[Asked]:
        self._seconds = seconds
        spoken = seconds - SILENCE_SECONDS if reason == "silence" else seconds
        if spoken < SHORTEST_SECONDS and reason != "digit":
            self._state = "sent"
            return [DropRecording(), Decide(self._node.id, "voicemail.too-short"), End()]
        if reason in ("digit", "limit"):
            return [Decide(self._node.id, "voicemail.menu"), *self._menu(context)]
        return [*self._keep(urgent=False), End()]

    def _menu(self, context: Context) -> list[Asked]:
        self._state = "menu"
        name = "dictation-menu" if self._node.dictation else "voicemail-menu"
        prompt = sentence(context, name)
        return [Play((prompt,))] if prompt else [SetTimer(MENU_SECONDS)]

    def _no_choice(self, context: Context) -> list[Asked]:
        if not self._asked_twice:
            self._asked_twice = True
            return self._menu(context)
        return self._send(context, urgent=False)

    def _chosen(self, digit: str, context: Context) -> list[Asked]:
        match digit:
            case "1":
                self._state = "listening"
                listen = Decide(self._node.id, "voicemail.listen")
                return [ClearTimer(), listen, PlayRecording()]
            case "2":
                self._state = "beep"
                again = Decide(self._node.id, "voicemail.again")
                return [ClearTimer(), DropRecording(), again, PlayBeep()]
            case "3" | "#":
                return self._send(context, urgent=False)
            case "4" if not self._node.dictation:
                return self._send(context, urgent=True)
            case _:
                return []

    def _send(self, context: Context, *, urgent: bool) -> list[Asked]:
        kept = self._keep(urgent=urgent)
        name = "dictation-kept" if self._node.dictation else "voicemail-sent"
        prompt = sentence(context, name)
        return [ClearTimer(), *kept, Play((prompt,)) if prompt else End()]

    def _keep(self, *, urgent: bool) -> list[Asked]:
        self._state = "sent"
        if self._seconds < SHORTEST_SECONDS:
            return [DropRecording(), Decide(self._node.id, "voicemail.too-short")]
        reason = "voicemail.urgent" if urgent else "voicemail.kept"
        facts = {"seconds": str(round(self._seconds))}
        return [KeepMessage(urgent), Decide(self._node.id, reason, facts)]

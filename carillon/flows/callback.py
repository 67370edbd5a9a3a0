"""A caller who waits asks to be called back (A25): at once, or after agreeing on the number.

asked --no confirmation--> noted (a sentence, then the end)
asked --> the number is read out --1--> noted
                    |    ^--------------- # after another number
                    +--star, or silence twice--> back to waiting
"""

from __future__ import annotations

from carillon.flows.outgoing import may_call, normalise
from carillon.flows.saying import digit_names, say, sentences
from carillon.flows.steps import (
    Asked,
    ClearTimer,
    Context,
    Decide,
    End,
    Happening,
    Play,
    Played,
    Pressed,
    RequestCallback,
    SetTimer,
    TimerFired,
)
from carillon.schema.plan import Callback

PATIENCE_SECONDS = 8.0
LONGEST_TYPED = 20


class CallbackRun:
    """One caller agreeing on a callback. `refused`: nobody can be called there, the wait goes on."""

    def __init__(self, node: str, callback: Callback) -> None:
        self._node = node
        self._callback = callback
        self._e164 = ""
        self._typed = ""
        self._silences = 0
        self._noted = False
        self.refused = False
        self.given_up = False

    def enter(self, context: Context) -> list[Asked]:
        """Note the callback, or read the number out."""
        if self._may_call(context.caller, context):
            self._e164 = context.caller
        if self._callback.confirm:
            return self._read_out(context)
        if self._e164:
            return self._note(context)
        self.refused = True
        return [Decide(self._node, "callback.no-number"), *say(context, "callback-impossible")]

    def step(self, event: Happening, context: Context) -> list[Asked]:
        """Follow the picture above."""
        if self._noted:
            return [End()] if isinstance(event, Played) else []
        match event:
            case Played():
                return [SetTimer(PATIENCE_SECONDS)]
            case Pressed("1") if not self._typed and self._e164:
                return self._note(context)
            case Pressed("*"):
                return self._give_up()
            case Pressed("#") if self._typed:
                return self._take_typed(context)
            case Pressed(digit) if digit.isdigit():
                self._typed = (self._typed + digit)[:LONGEST_TYPED]
                return [SetTimer(PATIENCE_SECONDS)]
            case TimerFired():
                self._typed = ""
                self._silences += 1
                return self._read_out(context) if self._silences < 2 else self._give_up()
            case _:
                return []

    def _may_call(self, e164: str, context: Context) -> bool:
        return e164.startswith("+") and may_call(context.plan.limits, e164)

    def _read_out(self, context: Context) -> list[Asked]:
        if not self._e164:
            prompts = sentences(context, "callback-type")
        else:
            digits = digit_names(self._e164, context.plan.dial_rules)
            prompts = sentences(context, "callback-number", *digits, "callback-confirm")
        asked = Decide(self._node, "callback.confirm", {"number": self._e164})
        return [asked, Play(prompts) if prompts else SetTimer(PATIENCE_SECONDS)]

    def _take_typed(self, context: Context) -> list[Asked]:
        typed, self._typed = self._typed, ""
        e164 = normalise(typed, context.plan.dial_rules) or ""
        if not self._may_call(e164, context):
            refused = Decide(self._node, "callback.bad-number", {"number": typed})
            return [refused, *(say(context, "callback-impossible") or self._read_out(context))]
        self._e164 = e164
        return self._read_out(context)

    def _note(self, context: Context) -> list[Asked]:
        self._noted = True
        noted = Decide(self._node, "callback.asked", {"number": self._e164})
        said = say(context, "callback-noted") or [End()]
        return [ClearTimer(), noted, RequestCallback(self._e164), *said]

    def _give_up(self) -> list[Asked]:
        self.given_up = True
        return [ClearTimer(), Decide(self._node, "callback.given-up")]

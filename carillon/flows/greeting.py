"""The greeting node: answer, play, go on (A18)."""

from __future__ import annotations

from carillon.flows.steps import Asked, Context, Decide, GoTo, Happening, Play, Played
from carillon.schema.plan import GreetingNode


class GreetingRun:
    """One caller hearing a greeting."""

    def __init__(self, node: GreetingNode, reason: str = "greeting.play") -> None:
        self._node = node
        self._reason = reason

    def enter(self, context: Context) -> list[Asked]:
        """Play the prompt, or pass on where there is none."""
        if self._node.prompt is None:
            return [Decide(self._node.id, "greeting.none"), GoTo(self._node.then)]
        return [Decide(self._node.id, self._reason), Play((self._node.prompt,))]

    def step(self, event: Happening, context: Context) -> list[Asked]:
        """Go on when the prompt is over."""
        return [GoTo(self._node.then)] if isinstance(event, Played) else []

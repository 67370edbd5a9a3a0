"""The menu node: keys, and extensions dialled at any moment (A29, A36-A38, R48, R49).

greeting --Played--> prompt --Played--> silence --TimerFired--> prompt, `replays` times, then `then`
   any of them --a key, a whole extension--> its node
               --something else--> "wrong choice" and the prompt; the third time `then`
               --the beginning of an extension--> dialling --a pause--> what was dialled
"""

from __future__ import annotations

from carillon.flows.extensions import user_entry
from carillon.flows.saying import sentences
from carillon.flows.steps import (
    Asked,
    ClearTimer,
    Context,
    Decide,
    GoTo,
    Happening,
    Play,
    Played,
    Pressed,
    SetTimer,
    StopPlaying,
    TimerFired,
)
from carillon.schema.plan import MenuNode, Prompt, User

MOST_WRONG = 3
DIALLING_SECONDS = 2.0
"""So long is another digit waited for where what was dialled may be whole."""
LONGEST_PAUSE_SECONDS = 4.0
"""And so long where it is not."""


class MenuRun:
    """One caller choosing."""

    def __init__(self, node: MenuNode) -> None:
        self._node = node
        self._greeting = True
        self._dialled = ""
        self._wrong = 0
        self._replays = 0

    def enter(self, context: Context) -> list[Asked]:
        """Play greeting and prompt; without either the menu does not work (A36)."""
        node = self._node
        said = tuple(each for each in (node.greeting, node.prompt) if each is not None)
        if not said:
            return [Decide(node.id, "menu.none"), GoTo(node.then)]
        return [Decide(node.id, "menu.play"), Play(said)]

    def step(self, event: Happening, context: Context) -> list[Asked]:
        """Follow the picture above."""
        match event:
            case Pressed(digit):
                return self._pressed(digit, context)
            case Played() if not self._dialled:
                return [SetTimer(self._node.seconds)]
            case TimerFired() if self._dialled:
                return self._whole(context)
            case TimerFired():
                return self._silence()
            case _:
                return []

    def _silence(self) -> list[Asked]:
        if self._replays < self._node.replays:
            self._replays += 1
            return [Decide(self._node.id, "menu.replay"), self._say()]
        return [Decide(self._node.id, "menu.silence"), GoTo(self._node.then)]

    def _say(self, *first: Prompt) -> Asked:
        again = self._node.prompt or self._node.greeting
        return Play((*first, again)) if again else SetTimer(self._node.seconds)

    # -- keys ------------------------------------------------------------------------------------

    def _pressed(self, digit: str, context: Context) -> list[Asked]:
        if digit == "#" and self._dialled:
            return self._whole(context)
        dialled = self._dialled + digit
        longer = self._extensions(dialled, context)
        if not longer:
            return self._take(dialled, context)
        self._dialled = dialled
        if [user.extension for user in longer] == [dialled] and dialled not in self._node.keys:
            return self._take(dialled, context)
        whole = dialled in self._node.keys or self._find(dialled, context) is not None
        pause = DIALLING_SECONDS if whole else LONGEST_PAUSE_SECONDS
        return [StopPlaying(), SetTimer(pause)]

    def _whole(self, context: Context) -> list[Asked]:
        return self._take(self._dialled, context)

    def _take(self, dialled: str, context: Context) -> list[Asked]:
        """Go where a key or an extension leads."""
        self._dialled = ""
        user = self._find(dialled, context)
        node = self._node.keys.get(dialled)
        if node is not None and node in context.plan.nodes:
            chosen = Decide(self._node.id, "menu.key", {"key": dialled})
            return [ClearTimer(), StopPlaying(), chosen, GoTo(node)]
        if user is not None:
            facts = {"who": user.name, "extension": dialled}
            chosen = Decide(self._node.id, "menu.extension", facts)
            return [ClearTimer(), StopPlaying(), chosen, GoTo(user_entry(context.plan, user))]
        return self._is_wrong(dialled, context)

    def _is_wrong(self, dialled: str, context: Context) -> list[Asked]:
        self._wrong += 1
        wrong = Decide(self._node.id, "menu.wrong", {"keys": dialled})
        if self._wrong >= MOST_WRONG:
            return [ClearTimer(), StopPlaying(), wrong, GoTo(self._node.then)]
        return [ClearTimer(), wrong, self._say(*sentences(context, "wrong-choice"))]

    def _extensions(self, dialled: str, context: Context) -> list[User]:
        """Return the users whose extension begins with what was dialled."""
        if not self._node.extensions:
            return []
        return [user for user in context.plan.users if user.extension.startswith(dialled)]

    def _find(self, dialled: str, context: Context) -> User | None:
        found = (u for u in self._extensions(dialled, context) if u.extension == dialled)
        return next(found, None)

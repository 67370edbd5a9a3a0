"""What a caller is given to hear, known well enough to begin again in another media process."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from carillon.switch.legs import Leg


class Ear:
    """The prompts and tones of one leg, one after the other."""

    def __init__(self, leg: Leg) -> None:
        self._leg = leg
        self._play = 0
        self._again: Callable[[], None] | None = None

    def hear_files(self, paths: tuple[str, ...], *, loop: bool = False) -> None:
        """Play files instead of what was heard; `is_over` once they end, unless they `loop`."""
        self._begin(lambda: self._leg.play_files(self._play, paths, loop=loop))

    def hear_tone(self, tone: str) -> None:
        """Play a tone; a beep ends by itself."""
        self._begin(lambda: self._leg.play_tone(self._play, tone))

    def _begin(self, sound: Callable[[], None]) -> None:
        self._play += 1
        self._again = sound
        sound()

    def is_over(self, play: int) -> bool:
        """Take the news that something ended; say whether it is what is being heard."""
        if play != self._play or self._again is None:
            return False
        self._again = None
        return True

    def leave(self) -> None:
        """Something else is heard from now on: another party, or nothing."""
        self._again = None

    def restore(self) -> None:
        """Play again from its beginning what was not over."""
        if self._again is not None:
            self._again()

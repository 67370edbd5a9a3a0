"""What a leg is given to hear, known well enough to begin again in another media process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carillon.schema.mediacontrol import PlayFiles, PlayTone, StopPlay

if TYPE_CHECKING:
    from carillon.switch.sounds import Sounds


class Ear:
    """The prompts and tones of one leg, `media` to the media process, one after the other."""

    def __init__(self, sounds: Sounds, media: int) -> None:
        self._sounds = sounds
        self._media = media
        self._play = 0
        self._heard: PlayFiles | PlayTone | None = None

    def hear_files(self, paths: tuple[str, ...], *, loop: bool = False, over: bool = False) -> None:
        """Play files instead of what was heard; `is_over` once they end, unless they `loop`."""
        self._hear(PlayFiles(self._media, self._play + 1, paths, loop, over))

    def hear_tone(self, tone: str, country: str) -> None:
        """Play a tone in a country's cadence; a beep ends by itself."""
        self._hear(PlayTone(self._media, self._play + 1, tone, country))

    def _hear(self, command: PlayFiles | PlayTone) -> None:
        self._play = command.play
        self._heard = command
        self._sounds.ask(command)

    def is_over(self, play: int) -> bool:
        """Take the news that something ended; say whether it is what is being heard."""
        if self._heard is None or play != self._heard.play:
            return False
        self._heard = None
        return True

    def leave(self) -> None:
        """Something else is heard from now on, and whoever brings it ends what was played."""
        self._heard = None

    def stop(self) -> None:
        """Play no more."""
        if self._heard is not None:
            self._heard = None
            self._sounds.ask(StopPlay(self._media))

    def restore(self) -> None:
        """Play again from its beginning what was not over."""
        if self._heard is not None:
            self._sounds.ask(self._heard)

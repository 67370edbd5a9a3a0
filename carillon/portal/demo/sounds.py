"""The sounds of the demo company's past: messages and a few conversations, spoken."""

from __future__ import annotations

import array
import shutil
import wave
from collections.abc import Sequence
from pathlib import Path

from django.conf import settings

from carillon.portal.demo import cast
from carillon.portal.routing.speaking import sound_path, sound_seconds, speak

RATE = 8000
PAUSE_SECONDS = 0.5


class Sounds:
    """Speaks each text once and copies it to where a recording is said to lie."""

    def __init__(self) -> None:
        self._messages = [sound_path(speak(text, "fr")[0]) for text in cast.MESSAGES]
        self._talks = [_talk(lines) for lines in cast.TALKS]
        self._made = 0

    def message_seconds(self, turn: int) -> float:
        """Return how long a message plays."""
        return sound_seconds(self._messages[turn % len(self._messages)])

    def make(self, kind: str, relative: str) -> float:
        """Write one recording and return its seconds."""
        target = Path(settings.CONFIG.recordings) / relative
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._made += 1
        if kind == "voicemail":
            source = self._messages[self._made % len(self._messages)]
            shutil.copyfile(source, target)
        else:
            _write_stereo(target, *self._talks[self._made % len(self._talks)])
        return sound_seconds(target)


def _talk(lines: Sequence[tuple[int, str]]) -> tuple[array.array[int], array.array[int]]:
    """Return what the caller and what the other side says, silent while the other speaks."""
    sides = (array.array("h"), array.array("h"))
    for who, text in lines:
        said = _samples(sound_path(speak(text, "fr")[0]))
        said.extend([0] * int(PAUSE_SECONDS * RATE))
        sides[who].extend(said)
        sides[1 - who].extend([0] * len(said))
    return sides


def _samples(path: Path) -> array.array[int]:
    with wave.open(str(path), "rb") as file:
        return array.array("h", file.readframes(file.getnframes()))


def _write_stereo(path: Path, left: array.array[int], right: array.array[int]) -> None:
    both = array.array("h", [0]) * (2 * len(left))
    both[0::2], both[1::2] = left, right
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(both.tobytes())

"""What legs hear that no leg says: prompts, tones, silence. Where each leg is in it, tick by tick."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from carillon.media.g711 import FRAME_SAMPLES, Samples
from carillon.media.prompt import Cursors, Prompt, make_loop, make_prompt, make_tone
from carillon.mediaplane.legs import MAX_LEGS, Legs
from carillon.mediaplane.prompts import Prompts

AIM_PATIENCE = 2.0
"""Seconds a prompt waits for its leg's far end to be known before it runs unheard."""
MOST_LOOPS = 16
"""Kept for whoever hears them next; who hears one keeps it anyway."""
ENDLESS_TONES = ("ringback", "busy")

Rows = NDArray[np.intp]
Addresses = NDArray[np.uint64]


@dataclass(slots=True)
class Playing:
    """What one leg hears: `sounds` in order from `index` on, of a loop one; `begun` when the first has.

    `over`: together with the legs it hears, not instead of them.
    """

    play: int
    paths: tuple[str, ...]
    loop: bool
    over: bool
    wait_until: float
    sounds: list[Prompt] = field(default_factory=list)
    index: int = 0
    begun: bool = False


class Player:
    """Plays to rows; `changed(row)` when a play begins or ends, `tell_ended` before the latter."""

    def __init__(
        self,
        legs: Legs,
        prompts: Prompts,
        changed: Callable[[int], None],
        tell_ended: Callable[[int, int], None],
    ) -> None:
        self._legs = legs
        self._prompts = prompts
        self._changed = changed
        self._tell_ended = tell_ended
        self._cursors = Cursors(MAX_LEGS)
        self._playing: dict[int, Playing] = {}
        self._waiting: set[int] = set()
        # Legs whose sound goes to the mixer instead of to the wire.
        self._aside = np.zeros(MAX_LEGS, np.bool_)
        self._silence = make_loop([make_prompt(np.zeros(FRAME_SAMPLES, np.int16))])
        self._loops: dict[tuple[str, ...], tuple[list[Prompt], Prompt]] = {}
        self._tones: dict[tuple[str, str], Prompt] = {}

    @property
    def busy(self) -> bool:
        """Somebody hears something, or is about to."""
        return self._cursors.count > 0 or bool(self._waiting)

    def plays(self, row: int) -> bool:
        """Tell whether a prompt or tone is all this leg hears."""
        playing = self._playing.get(row)
        return playing is not None and not playing.over

    def plays_over(self, row: int) -> bool:
        """Tell whether a prompt or tone has begun that this leg hears together with others."""
        playing = self._playing.get(row)
        return playing is not None and playing.over and playing.begun

    def play_files(
        self, row: int, play: int, paths: tuple[str, ...], loop: bool, over: bool, now: float
    ) -> None:
        """Play files, from when all of them have been read and the leg is aimed."""
        self._play(row, Playing(play, paths, loop, over, now + AIM_PATIENCE), now)

    def play_tone(
        self, row: int, play: int, tone: str, country: str, over: bool, now: float
    ) -> bool:
        """Play a tone; False when there is no such tone."""
        sound = self._tones.get((tone, country))
        if sound is None:
            samples: Samples | None = make_tone(tone, country)
            if samples is None:
                return False
            sound = make_prompt(samples)
            sound = make_loop([sound]) if tone in ENDLESS_TONES else sound
            if len(self._tones) < 64:
                self._tones[tone, country] = sound
        endless = tone in ENDLESS_TONES
        self._play(row, Playing(play, (), endless, over, now + AIM_PATIENCE, [sound]), now)
        return True

    def _play(self, row: int, playing: Playing, now: float) -> None:
        if self._cursors.active[row]:
            self._cursor_to(row, self._silence, True)
        self._playing[row] = playing
        self._waiting.add(row)
        self._changed(row)
        self.collect(now)

    def collect(self, now: float) -> None:
        """Begin plays that waited for their files or for their leg to be aimed."""
        self._prompts.collect()
        for row in sorted(self._waiting):
            playing = self._playing[row]
            if playing.paths and not playing.sounds and not self._gather(playing):
                continue
            if self._legs.aimed[row] or now >= playing.wait_until:
                self._waiting.discard(row)
                playing.begun = True
                self._begin(row, playing)
                self._changed(row)

    def _gather(self, playing: Playing) -> bool:
        """Take a play's sounds from the cache; False when one has not been read yet."""
        found = [self._prompts.find(path) for path in playing.paths]
        if not all(read for read, _ in found):
            return False
        sounds = [sound for _, sound in found if sound is not None]
        playing.sounds = [self._loop(playing.paths, sounds)] if playing.loop and sounds else sounds
        return True

    def _loop(self, paths: tuple[str, ...], sounds: list[Prompt]) -> Prompt:
        """Return these sounds as one loop, which all who hear it share."""
        known, loop = self._loops.pop(paths, ([], None))
        alike = len(known) == len(sounds) and all(map(operator.is_, known, sounds))
        if loop is None or not alike:
            loop = make_loop(sounds)
        self._loops[paths] = sounds, loop
        while len(self._loops) > MOST_LOOPS:
            del self._loops[next(iter(self._loops))]
        return loop

    def _begin(self, row: int, playing: Playing) -> None:
        """Begin the sound at `index`, or end the play when there is none."""
        if playing.index >= len(playing.sounds):
            del self._playing[row]
            self._cursor_to(row, self._silence, True)
            self._tell_ended(row, playing.play)
            self._changed(row)
            return
        self._cursor_to(row, playing.sounds[playing.index], playing.loop)

    def _cursor_to(self, row: int, sound: Prompt, loop: bool) -> None:
        address = sound.address(int(self._legs.codec[row]))
        self._cursors.start(row, address, sound.length, loop)

    def rest(self, row: int) -> None:
        """Let a leg hear silence, from the next tick on, until something else."""
        self._aside[row] = False
        self._cursor_to(row, self._silence, True)

    def speak(self, row: int, aside: bool) -> None:
        """Let what is being played to a leg be sent, or, `aside`, be mixed with what else it hears."""
        self._aside[row] = aside
        if not self._cursors.active[row]:
            self._cursor_to(row, self._silence, True)

    def stop(self, row: int) -> None:
        """Forget what is being played to a leg; it goes on hearing silence."""
        self._waiting.discard(row)
        if self._playing.pop(row, None):
            self._cursor_to(row, self._silence, True)

    def leave(self, row: int) -> None:
        """Let a leg hear nothing of ours but what has not begun: others are heard there, or it is gone."""
        self._cursors.stop(row)

    def change_law(self, row: int) -> None:
        """Go on in the leg's new codec."""
        if not self._cursors.active[row]:
            return
        playing = self._playing.get(row)
        sound = self._silence
        if playing and playing.begun:
            sound = playing.sounds[playing.index]
        self._cursors.move(row, sound.address(int(self._legs.codec[row])))

    def tick(self, now: float) -> tuple[tuple[Rows, Addresses], tuple[Rows, Samples], Rows]:
        """Return where each leg's next frame lies; what goes to the mixer; and for whom it was the last.

        Once it has been sent, `go_on` with those.
        """
        if self._waiting:
            self.collect(now)
        rows = np.flatnonzero(self._cursors.active)
        aside = self._aside[rows]
        mixed = rows[aside], self._samples(rows[aside])
        frames, ended = self._cursors.advance(rows)
        return (rows[~aside], frames[~aside]), mixed, ended

    def _samples(self, rows: Rows) -> Samples:
        """Return the next frames of these legs, (n, 160)."""
        samples = np.zeros((len(rows), FRAME_SAMPLES), np.int16)
        heard: dict[int, tuple[Prompt, list[int]]] = {}
        for index, row in enumerate(rows.tolist()):
            playing = self._playing.get(row)
            if playing and playing.begun:
                sound = playing.sounds[playing.index]
                heard.setdefault(id(sound), (sound, []))[1].append(index)
        for sound, where in heard.values():
            samples[where] = sound.samples(self._cursors.position(rows[where]))
        return samples

    def go_on(self, ended: Rows) -> None:
        """Let these legs hear what follows the sound that has ended."""
        for row in ended.tolist():
            playing = self._playing.get(row)
            if playing:
                playing.index += 1
                self._begin(row, playing)

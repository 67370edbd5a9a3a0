"""Sends what legs hear that is not another leg: prompts, tones, silence. One frame each per tick."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from carillon.media import rtp
from carillon.media.g711 import FRAME_SAMPLES, Samples
from carillon.media.prompt import Cursors, Prompt, make_prompt, make_tone
from carillon.mediaplane.legs import MAX_LEGS, Legs
from carillon.mediaplane.prompts import Prompts
from carillon.mediaplane.sender import Sender
from carillon.mediaplane.wire import Outbox

AIM_PATIENCE = 2.0
"""Seconds a prompt waits for its leg's far end to be known before it runs unheard."""

Rows = NDArray[np.intp]


@dataclass(slots=True)
class Playing:
    """What one leg hears: `sounds` in order from `index` on; `begun` when the first one has."""

    play: int
    paths: tuple[str, ...]
    loop: bool
    wait_until: float
    sounds: list[Prompt] = field(default_factory=list)
    index: int = 0
    begun: bool = False


class Player:
    """Plays to rows; `tell_ended(row, play)` when a play comes to its end by itself."""

    def __init__(
        self, legs: Legs, prompts: Prompts, fd: int, tell_ended: Callable[[int, int], None]
    ) -> None:
        self._legs = legs
        self._streams = legs.streams
        self._prompts = prompts
        self._tell_ended = tell_ended
        self._cursors = Cursors(MAX_LEGS)
        self._playing: dict[int, Playing] = {}
        self._waiting: set[int] = set()
        self._marked = np.zeros(MAX_LEGS, np.bool_)
        self._silence = make_prompt(np.zeros(FRAME_SAMPLES, np.int16))
        self._tones: dict[tuple[str, str], Prompt] = {}
        self._heads = np.zeros((MAX_LEGS, 3), np.uint32)
        base = np.uint64(self._heads.ctypes.data)
        self._heads_at = base + np.arange(MAX_LEGS, dtype=np.uint64) * np.uint64(rtp.HEADER_BYTES)
        outbox = Outbox(MAX_LEGS, pieces=2)
        self._sender = Sender(legs, fd, legs.fd, outbox)

    @property
    def busy(self) -> bool:
        """Somebody hears something, or is about to."""
        return self._cursors.count > 0 or bool(self._waiting)

    def plays(self, row: int) -> bool:
        """Tell whether a prompt or tone is what this leg hears."""
        return row in self._playing

    def play_files(
        self, row: int, play: int, paths: tuple[str, ...], loop: bool, now: float
    ) -> None:
        """Play files, from when all of them have been read and the leg is aimed."""
        self._playing[row] = Playing(play, paths, loop, now + AIM_PATIENCE)
        self._waiting.add(row)
        self.rest(row, now)
        self.collect(now)

    def play_tone(self, row: int, play: int, tone: str, country: str, now: float) -> bool:
        """Play a tone; False when there is no such tone."""
        sound = self._tones.get((tone, country))
        if sound is None:
            samples: Samples | None = make_tone(tone, country)
            if samples is None:
                return False
            sound = make_prompt(samples)
            if len(self._tones) < 64:
                self._tones[tone, country] = sound
        self._playing[row] = Playing(play, (), tone != "beep", now + AIM_PATIENCE, [sound])
        self._waiting.add(row)
        self.rest(row, now)
        self.collect(now)
        return True

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

    def _gather(self, playing: Playing) -> bool:
        """Take a play's sounds from the cache; False when one has not been read yet."""
        found = [self._prompts.find(path) for path in playing.paths]
        if not all(read for read, _ in found):
            return False
        playing.sounds = [sound for _, sound in found if sound is not None]
        return True

    def _begin(self, row: int, playing: Playing) -> None:
        """Begin the sound at `index`, or end the play when there is none."""
        if playing.index >= len(playing.sounds) and playing.loop:
            playing.index = 0
        if playing.index >= len(playing.sounds):
            del self._playing[row]
            self._cursor_to(row, self._silence, True)
            self._tell_ended(row, playing.play)
            return
        alone = playing.loop and len(playing.sounds) == 1
        self._cursor_to(row, playing.sounds[playing.index], alone)

    def _cursor_to(self, row: int, sound: Prompt, loop: bool) -> None:
        address = sound.address(self._legs.payload_type(row))
        self._cursors.start(row, address, sound.frames, loop)

    def rest(self, row: int, now: float) -> None:
        """Let a leg hear silence, from the next tick on, until something else."""
        if not self._cursors.active[row]:
            self._streams.catch_up(np.array([row], np.intp), now)
            self._marked[row] = True
        self._cursor_to(row, self._silence, True)

    def stop(self, row: int) -> None:
        """Forget what is being played to a leg; it goes on hearing silence."""
        self._waiting.discard(row)
        if self._playing.pop(row, None):
            self._cursor_to(row, self._silence, True)

    def leave(self, row: int) -> None:
        """Send nothing more to a leg: another one is heard there, or it is gone."""
        self.stop(row)
        self._cursors.stop(row)

    def change_law(self, row: int) -> None:
        """Go on in the leg's new codec."""
        if not self._cursors.active[row]:
            return
        playing = self._playing.get(row)
        sound = self._silence
        if playing and playing.begun:
            sound = playing.sounds[playing.index]
        self._cursors.move(row, sound.address(self._legs.payload_type(row)))

    def tick(self, now: float) -> None:
        """Send the next frame to every leg that hears something, and go on to what follows."""
        if self._waiting:
            self.collect(now)
        rows = np.flatnonzero(self._cursors.active)
        frames, ended = self._cursors.advance(rows)
        aimed = self._legs.aimed[rows]
        if not aimed.all():
            rows, frames = rows[aimed], frames[aimed]
        self._send(rows, frames, now)
        for row in ended.tolist():
            playing = self._playing[row]
            playing.index += 1
            self._begin(row, playing)

    def _send(self, rows: Rows, frames: NDArray[np.uint64], now: float) -> None:
        streams, count = self._streams, len(rows)
        if not count:
            return
        heads = np.empty((count, 3), np.uint32)
        heads[:, 0] = self._legs.audio_shape[rows] | streams.next_sequence[rows]
        heads[:, 0] |= np.where(self._marked[rows], rtp.MARKER, 0).astype(np.uint32)
        heads[:, 1] = streams.next_time[rows]
        heads[:, 2] = streams.out_ssrc[rows]
        self._heads[:count] = heads.byteswap()
        names = self._legs.remote_at[rows]
        pieces = [(self._heads_at[:count], rtp.HEADER_BYTES), (frames, FRAME_SAMPLES)]
        self._sender.send(rows, names, pieces)
        self._marked[rows] = False
        streams.next_sequence[rows] = (streams.next_sequence[rows] + 1) & np.uint32(0xFFFF)
        streams.next_time[rows] += np.uint32(FRAME_SAMPLES)
        streams.sent_at[rows] = now
        streams.sent[rows] += 1
        streams.sent_octets[rows] += FRAME_SAMPLES

"""Presses keys towards far ends: RFC 4733 events, or their tones where the far end takes none.

An event is one packet a tick, all with the timestamp of its beginning and each with a longer duration; the
last is sent three times, in the pause (RFC 4733 §2.5.1.4). No sound is sent meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from carillon.media import codecs, rtp
from carillon.media.digits import EVENT_BYTES, KEYS, make_key_tone, write_event
from carillon.media.g711 import FRAME_SAMPLES, encode_alaw, encode_mulaw
from carillon.mediaplane.coding import Encoders
from carillon.mediaplane.legs import MAX_LEGS, NO_DIGITS, Legs
from carillon.mediaplane.speaker import Speaker

MOST_KEYS = 64
END_PACKETS = 3
FRAME_MS = 20
SHORTEST_MS, LONGEST_MS = 40, 5000

Rows = NDArray[np.intp]


@dataclass(slots=True)
class Press:
    """One leg's keys in turn: `frame` counts from the beginning of the present one."""

    keys: list[int]
    tone_frames: int
    pause_frames: int
    frame: int = 0
    time: int = 0


class Keypad:
    """Keys towards any leg; `changed(row)` when the first begins and when the last is done."""

    def __init__(
        self, legs: Legs, speaker: Speaker, encoders: Encoders, changed: Callable[[int], None]
    ) -> None:
        self._legs = legs
        self._streams = legs.streams
        self._speaker = speaker
        self._encoders = encoders
        self._changed = changed
        self._presses: dict[int, Press] = {}
        self._room = np.zeros((MAX_LEGS, FRAME_SAMPLES), np.uint8)

    @property
    def busy(self) -> bool:
        """Keys are being sent."""
        return bool(self._presses)

    def press(self, row: int, keys: str, tone_ms: int, pause_ms: int, now: float) -> None:
        """Send keys after those that are being sent; what is no key is passed over."""
        pressed = [KEYS.index(key) for key in keys.upper() if key in KEYS]
        press = self._presses.get(row)
        if press is not None:
            press.keys += pressed[: MOST_KEYS - len(press.keys)]
            return
        if not pressed or not self._legs.aimed[row]:
            return
        tone = min(max(tone_ms, SHORTEST_MS), LONGEST_MS) // FRAME_MS
        pause = max(min(max(pause_ms, SHORTEST_MS), LONGEST_MS) // FRAME_MS, END_PACKETS)
        self._presses[row] = Press(pressed[:MOST_KEYS], tone, pause)
        self._speaker.pressing[row] = True
        self._changed(row)
        self._speaker.begin(row, now)

    def leave(self, row: int) -> None:
        """Press nothing more: the leg is gone."""
        self._presses.pop(row, None)
        self._speaker.pressing[row] = False

    def tick(self, now: float) -> None:
        """Send what is due of every key."""
        done = []
        for row, press in self._presses.items():
            if self._legs.aimed[row]:
                events = self._legs.digit_shape[row] != NO_DIGITS
                (self._send_event if events else self._send_tone)(row, press, now)
            press.frame += 1
            if press.frame == press.tone_frames + press.pause_frames:
                press.frame = 0
                del press.keys[0]
                if not press.keys:
                    done.append(row)
        for row in done:
            self._end(row)

    def _end(self, row: int) -> None:
        self.leave(row)
        self._speaker.mark(row)
        self._changed(row)

    def _send_event(self, row: int, press: Press, now: float) -> None:
        rows = np.array([row], np.intp)
        if press.frame == 0:
            press.time = int(self._streams.next_time[row])
        if press.frame < press.tone_frames + END_PACKETS:
            ended = press.frame >= press.tone_frames
            frames = min(press.frame + 1, press.tone_frames)
            duration = frames * int(self._legs.digit_clock[row]) * FRAME_MS // 1000
            event = write_event(press.keys[0], ended, duration)
            self._room[row, :EVENT_BYTES] = np.frombuffer(event, np.uint8)
            first = self._legs.digit_shape[rows]
            if press.frame == 0:
                first = first | np.uint32(rtp.MARKER)
            times = np.array([press.time], np.uint32)
            self._speaker.send(rows, first, times, (self._at(rows), np.full(1, EVENT_BYTES)), now)
        self._speaker.pass_time(rows)

    def _send_tone(self, row: int, press: Press, now: float) -> None:
        """Send a frame of a key's tones, or of the pause after it."""
        samples = np.zeros(FRAME_SAMPLES, np.int16)
        if press.frame < press.tone_frames:
            samples = make_key_tone(press.keys[0], press.frame * FRAME_SAMPLES, FRAME_SAMPLES)
        rows = np.array([row], np.intp)
        codec = self._legs.codec[rows]
        if codecs.IS_G711[codec].all():
            encode = encode_alaw if codec[0] == codecs.PCMA else encode_mulaw
            self._room[row] = encode(samples)
            payload = self._at(rows), np.full(1, FRAME_SAMPLES)
        else:
            payload = self._encoders.encode(rows, codec, samples[None, :])
        first = self._legs.audio_shape[rows]
        self._speaker.send(rows, first, self._streams.next_time[rows], payload, now)
        self._speaker.pass_time(rows)

    def _at(self, rows: Iterable[int]) -> NDArray[np.uint64]:
        """Return where these legs' payloads lie."""
        base, room = self._room.ctypes.data, self._room.shape[1]
        return np.array([base + int(row) * room for row in rows], np.uint64)

"""The mixing matrix: what each leg hears is the sum of what others say, each with a gain.

Legs that have nothing to do with each other are in different rooms, and the matrix is one block a room:
rooms of the same shape are multiplied at once. Cost grows with the legs in the rooms, not with their square
over all of them.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from carillon.media.g711 import FRAME_SAMPLES, Samples

LOUDEST = 32767
MANY_SOURCES = 4
"""In rooms of more, the library's product of matrices is faster, whose call costs some microseconds."""

Rows = NDArray[np.intp]
Floats = NDArray[np.float32]


class Matrix:
    """Who hears whom, made once for many frames. Rows and columns are those of `hears`, in any order."""

    def __init__(self, hears: Mapping[int, Mapping[int, float]]) -> None:
        counts = [len(sources) for sources in hears.values()]
        self.listeners: Rows = np.fromiter(hears, np.intp, len(hears))
        total = sum(counts)
        ears = np.repeat(np.arange(len(hears)), counts)
        voices = np.fromiter((s for each in hears.values() for s in each), np.intp, total)
        gains = np.fromiter(
            (g for each in hears.values() for g in each.values()), np.float32, total
        )
        self.sources, mouths = np.unique(voices, return_inverse=True)
        rooms = _rooms(ears, mouths, len(hears))
        self._blocks: list[tuple[Rows, Rows, Floats]] = []
        self._divide(rooms, ears, mouths, gains)

    def _divide(self, rooms: Rows, ears: Rows, mouths: Rows, gains: Floats) -> None:
        """Make the blocks: of all rooms with as many listeners and sources one array of gains."""
        # Every source is in the room of whoever hears it.
        room_of_source = np.zeros(len(self.sources), np.intp)
        room_of_source[mouths] = rooms[ears]
        count = int(rooms.max(initial=-1)) + 1
        heard_by, ear_at = _places(rooms, count)
        spoken_by, mouth_at = _places(room_of_source, count)
        sizes: dict[tuple[int, int], list[int]] = {}
        for room, (ears_in, mouths_in) in enumerate(zip(heard_by, spoken_by, strict=True)):
            if len(mouths_in):
                sizes.setdefault((len(ears_in), len(mouths_in)), []).append(room)
        which = np.full(count, -1, np.intp)
        for (listeners, sources), alike in sizes.items():
            block = np.zeros((len(alike), listeners, sources), np.float32)
            which[:] = -1
            which[alike] = np.arange(len(alike))
            here = np.flatnonzero(which[rooms[ears]] >= 0)
            at = which[rooms[ears[here]]], ear_at[ears[here]], mouth_at[mouths[here]]
            block[at] = gains[here]
            out = np.stack([heard_by[room] for room in alike])
            into = np.stack([spoken_by[room] for room in alike])
            self._blocks.append((out, into, block))

    def mix(self, frames: Samples) -> Floats:
        """Return what each of `listeners` hears, not clipped. `frames`: one of each of `sources`."""
        heard = np.zeros((len(self.listeners), FRAME_SAMPLES), np.float32)
        spoken = frames.astype(np.float32)
        for out, into, gains in self._blocks:
            heard[out] = _multiply(gains, spoken[into])
        return heard


def _multiply(gains: Floats, spoken: Floats) -> Floats:
    """Return `gains @ spoken`, room by room; small rooms, of which there are many, all at once."""
    sources = gains.shape[2]
    if sources > MANY_SOURCES:
        product: Floats = np.matmul(gains, spoken)
        return product
    total: Floats = gains[:, :, :1] * spoken[:, None, 0]
    for source in range(1, sources):
        total += gains[:, :, source, None] * spoken[:, None, source]
    return total


def _rooms(ears: Rows, mouths: Rows, count: int) -> Rows:
    """Number the rooms: listeners that share a source, at however many removes, are in one."""
    room = np.arange(count)
    least = np.zeros(int(mouths.max(initial=-1)) + 1, np.intp)
    while True:
        least[:] = count
        np.minimum.at(least, mouths, room[ears])
        fresh = room.copy()
        np.minimum.at(fresh, ears, least[mouths])
        if np.array_equal(fresh, room):
            _, numbers = np.unique(room, return_inverse=True)
            return numbers
        room = fresh


def _places(rooms: Rows, count: int) -> tuple[list[Rows], Rows]:
    """Return who is in each room, and at which place in it each one is."""
    order = np.argsort(rooms, kind="stable")
    counts = np.bincount(rooms, minlength=count)
    starts = np.cumsum(counts) - counts
    at = np.empty(len(rooms), np.intp)
    at[order] = np.arange(len(rooms)) - np.repeat(starts, counts)
    return np.split(order, starts[1:]), at


def clip(heard: Floats) -> Samples:
    """Return sums as samples; what is too loud is cut."""
    return np.rint(np.clip(heard, -LOUDEST, LOUDEST)).astype(np.int16)

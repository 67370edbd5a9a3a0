"""Who hears whom, and by which way: relayed as it came, mixed, played to, or nothing.

A leg's row of the mixing matrix is a mapping of sources to gains, all of them rows of `legs`. Most legs
hear one other as it is: their packets are relayed. Whatever else is asked for is mixed.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from carillon.media import codecs
from carillon.mediaplane.legs import MAX_LEGS, NONE, Legs
from carillon.mediaplane.mixer import Mixer
from carillon.mediaplane.player import Player
from carillon.mediaplane.relay import Relay
from carillon.mediaplane.speaker import Speaker


class Audience:
    """Chooses anew for a leg whenever something about it changes: `choose`."""

    def __init__(
        self, legs: Legs, player: Player, mixer: Mixer, relay: Relay, speaker: Speaker
    ) -> None:
        self._legs = legs
        self._streams = legs.streams
        self._player = player
        self._mixer = mixer
        self._relay = relay
        self._speaker = speaker
        self._hears: dict[int, dict[int, float]] = {}
        self._heard_by: dict[int, set[int]] = {}
        self._partners = legs.partner
        self.heard = np.zeros(MAX_LEGS, np.bool_)
        self.now = 0.0

    def bridge(self, a: int, b: int) -> None:
        """Let each hear the other and nobody else."""
        for row in (a, b):
            self.part(row)
        self._partners[a], self._partners[b] = b, a
        self._write(a, {b: 1.0})
        self._write(b, {a: 1.0})
        for row in (a, b):
            self._player.stop(row)
            self.choose(row)

    def part(self, row: int) -> None:
        """Let a leg, and the one it is bridged to, hear nobody."""
        peer = int(self._partners[row])
        if peer != NONE:
            self._partners[[row, peer]] = NONE
            self._forget(peer, row)
        if row in self._hears:
            self._write(row, {})
            self.choose(row)

    def hear(self, row: int, sources: Mapping[int, float]) -> None:
        """Let a leg hear these, instead of whom it heard."""
        self._write(row, sources)
        self.choose(row)

    def close(self, row: int) -> None:
        """Let nobody hear a leg, nor it anybody."""
        self.part(row)
        for listener in tuple(self._heard_by.get(row, ())):
            self._forget(listener, row)
        self._player.stop(row)
        self._leave(row)
        self._player.leave(row)
        self._speaker.leave(row)

    def peer(self, row: int) -> int | None:
        """Return the leg this one is bridged to when that hears a mix, and not this one's packets."""
        peer = int(self._partners[row])
        return peer if peer != NONE and self._mixer.mixes(peer) else None

    def _write(self, row: int, sources: Mapping[int, float]) -> None:
        for source in self._hears.pop(row, ()):
            listeners = self._heard_by[source]
            listeners.discard(row)
            if not listeners:
                del self._heard_by[source]
                self.heard[source] = False
        if sources:
            self._hears[row] = dict(sources)
        for source in sources:
            self._heard_by.setdefault(source, set()).add(row)
            self.heard[source] = True

    def _forget(self, row: int, source: int) -> None:
        """Let a leg no longer hear one of those it hears."""
        sources = self._hears.get(row, {})
        if source in sources:
            self._write(row, {each: gain for each, gain in sources.items() if each != source})
            self.choose(row)

    def choose(self, row: int) -> None:
        """Let a leg hear what it should: what is played to it, else whom it hears, else silence."""
        sources = self._hears.get(row, {})
        if self._player.plays(row) or (self._player.plays_over(row) and not sources):
            if self._is_coded(row):
                self._mix(row, {})
                self._relay.refresh(row)
                return
            self._leave(row)
            self._player.speak(row, aside=False)
            self._speaker.begin(row, self.now)
        elif not self._legs.aimed[row]:
            self._leave(row)
            self._player.leave(row)
            self._speaker.leave(row)
        elif not sources and not self._is_coded(row):
            self._leave(row)
            self._player.rest(row)
            self._speaker.begin(row, self.now)
        elif sources and self._can_relay(row, sources):
            self._to_relay(row, next(iter(sources)))
        else:
            self._mix(row, sources)
        self._relay.refresh(row)

    def change_codec(self, row: int) -> None:
        """Choose anew for a leg, and for those that hear it, which may need a mix now or not any more."""
        for each in (row, *self._heard_by.get(row, ())):
            self.choose(each)

    def _is_coded(self, row: int) -> bool:
        """Tell whether a leg's sound has to be encoded leg by leg, so that all of it is the mixer's."""
        return not codecs.IS_G711[self._legs.codec[row]]

    def _can_relay(self, row: int, sources: Mapping[int, float]) -> bool:
        """Tell whether what a leg hears is one other's packets as they are.

        A leg's packets can be relayed to one other only; a bridge comes before who listens to it.
        """
        if len(sources) > 1 or self._player.plays_over(row) or self._speaker.pressing[row]:
            return False
        ((source, gain),) = sources.items()
        if gain != 1.0 or source == row or not self._legs.can_relay(source, row):
            return False
        taker = int(self._streams.target[source])
        if taker in (-1, row):
            return True
        mutual, bridged = self._hears.get(source) == {row: 1.0}, source in self._hears.get(row, {})
        if mutual and bridged and self._hears.get(source) != {taker: 1.0}:
            self._mix(taker, self._hears[taker])
            self._relay.refresh(taker)
            return True
        return False

    def _to_relay(self, row: int, source: int) -> None:
        if self._streams.source[row] == source:
            return
        self._leave(row)
        self._player.leave(row)
        self._speaker.leave(row)
        self._relay.count()
        self._streams.relay(source, row)

    def _mix(self, row: int, sources: Mapping[int, float]) -> None:
        self._hush(row)
        self._mixer.set(row, sources)
        if self._player.plays(row) or self._player.plays_over(row):
            self._player.speak(row, aside=True)
        else:
            self._player.leave(row)
        self._speaker.begin(row, self.now)

    def _leave(self, row: int) -> None:
        """Neither relay to a leg nor mix for it."""
        self._hush(row)
        self._mixer.drop(row)

    def _hush(self, row: int) -> None:
        source = int(self._streams.source[row])
        if source >= 0:
            self._relay.count()
            self._streams.end_relay(source)
            self._relay.refresh(source)

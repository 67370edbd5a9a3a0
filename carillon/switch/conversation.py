"""Who hears whom in one call: people who talk, who hold, who wait with music, who coach."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from carillon.schema.mediacontrol import BridgeLegs, HearLegs
from carillon.switch.legs import Leg

if TYPE_CHECKING:
    from carillon.switch.sounds import Sounds

TALK, LISTEN, WHISPER = "talk", "listen", "whisper"
"""Roles. Who barges in simply talks."""


@dataclass(slots=True, eq=False)
class Party:
    """One leg in the conversation. `to` is whom a whisper is for; `holding` by a command, not by phone."""

    leg: Leg
    role: str = TALK
    to: Leg | None = None
    holding: bool = False

    @property
    def speaks(self) -> bool:
        """Whether the others are meant to hear it."""
        return self.role == TALK and not self.holding and not self.leg.held


def heard_by(party: Party, parties: Iterable[Party]) -> tuple[Leg, ...]:
    """Return the legs a party hears.

    Talkers hear each other and whoever whispers to them; who holds hears nothing; a coach hears every
    talker, and no other coach.
    """
    if party.role == TALK and not party.speaks:
        return ()
    return tuple(
        other.leg
        for other in parties
        if other is not party
        and (other.speaks or (other.role == WHISPER and other.to is party.leg))
    )


class Conversation:
    """The parties, in the order they joined. Every change is put into effect at once."""

    def __init__(self, sounds: Sounds, music: tuple[str, ...]) -> None:
        self.music = music
        """The files that whoever is put on hold hears."""
        self._sounds = sounds
        self._parties: dict[Leg, Party] = {}
        self._heard: dict[Leg, tuple[Leg, ...]] = {}
        self._waiting: set[Leg] = set()

    def __contains__(self, leg: Leg | None) -> bool:
        return leg in self._parties

    def __len__(self) -> int:
        return len(self._parties)

    @property
    def talkers(self) -> list[Leg]:
        """Every leg that takes part for itself; coaches do not."""
        return [party.leg for party in self._parties.values() if party.role == TALK]

    @property
    def legs(self) -> list[Leg]:
        """Every leg, coaches included."""
        return list(self._parties)

    @property
    def waiting(self) -> frozenset[Leg]:
        """Who hears music: everybody else holds, or is gone."""
        return frozenset(self._waiting)

    def role(self, leg: Leg) -> str:
        """Return talk, listen or whisper; "" for a leg that is not here."""
        party = self._parties.get(leg)
        return party.role if party else ""

    def holds(self, leg: Leg) -> bool:
        """Say whether a leg put the others on hold, by command or by its phone."""
        party = self._parties.get(leg)
        return party is not None and (party.holding or leg.held)

    def join(self, *legs: Leg, role: str = TALK, to: Leg | None = None) -> None:
        """Take part, or take part in another role."""
        for leg in legs:
            leg.ear.leave()
            self._parties[leg] = Party(leg, role, to)
        self.refresh()

    def leave(self, *legs: Leg) -> None:
        """Take part no more; what these legs hear next is somebody else's business."""
        for leg in legs:
            self._parties.pop(leg, None)
            if self._heard.pop(leg, ()) and not leg.gone:
                self._sounds.ask(HearLegs(leg.media))
            if leg in self._waiting:
                self._waiting.discard(leg)
                leg.ear.stop()
        self.refresh()

    def hold(self, leg: Leg, holding: bool) -> None:
        """Put the others on hold, or go on."""
        party = self._parties.get(leg)
        if party is not None:
            party.holding = holding
            self.refresh()

    def refresh(self) -> None:
        """Put into effect who hears whom now."""
        parties = list(self._parties.values())
        fresh = {party.leg: heard_by(party, parties) for party in parties}
        waiting = {
            party.leg for party in parties if party.speaks and not self._hears_talker(party, fresh)
        }
        for leg in self._waiting - waiting:
            leg.ear.stop()
        changed = [leg for leg in fresh if fresh[leg] != self._heard.get(leg)]
        pair = self._pair(fresh)
        if pair and any(leg in pair for leg in changed):
            self._sounds.ask(BridgeLegs(pair[0].media, pair[1].media))
            changed = [leg for leg in changed if leg not in pair]
        for leg in changed:
            sources = tuple((source.media, 1.0) for source in fresh[leg])
            self._sounds.ask(HearLegs(leg.media, sources))
        for leg in waiting - self._waiting:
            self._wait(leg)
        self._heard, self._waiting = fresh, waiting

    def _wait(self, leg: Leg) -> None:
        if self.music:
            leg.ear.hear_files(self.music, loop=True)

    def _hears_talker(self, party: Party, fresh: dict[Leg, tuple[Leg, ...]]) -> bool:
        return any(self._parties[leg].role == TALK for leg in fresh[party.leg])

    @staticmethod
    def _pair(heard: dict[Leg, tuple[Leg, ...]]) -> tuple[Leg, Leg] | None:
        """Return the two legs that hear just each other, the usual case and the cheapest."""
        for leg, sources in heard.items():
            if len(sources) == 1 and heard.get(sources[0]) == (leg,):
                return leg, sources[0]
        return None

    def restore(self) -> None:
        """Build it up again in a new media process."""
        self._heard, self._waiting = {}, set()
        self.refresh()

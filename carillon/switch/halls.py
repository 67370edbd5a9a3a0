"""Several media processes: each company has one, so that its calls can always be brought together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carillon.schema.mediacontrol import Ping
from carillon.switch.sounds import Sounds

if TYPE_CHECKING:
    from carillon.switch.switchboard import Switchboard


class Halls:
    """The sound of every media process."""

    def __init__(self, board: Switchboard) -> None:
        self.every = [Sounds(board, index) for index in range(board.config.media_processes)]
        self._of: dict[str, Sounds] = {}

    def of(self, company: str) -> Sounds:
        """Return where a company's calls sound: the one with the fewest companies, from then on."""
        found = self._of.get(company)
        if found is None:
            taken = list(self._of.values())
            found = self._of[company] = min(self.every, key=taken.count)
        return found

    @property
    def connected(self) -> bool:
        """Whether every media process is there."""
        return all(sounds.connected for sounds in self.every)

    def all_but(self, one: Sounds) -> bool:
        """Whether every other media process is there."""
        return all(sounds.connected for sounds in self.every if sounds is not one)

    @property
    def free_ports(self) -> int:
        """How many media ports are left where fewest are."""
        return min(sounds.ports.free for sounds in self.every)

    def ping(self) -> None:
        """Ask each how it is."""
        for sounds in self.every:
            sounds.ask(Ping(0))

    def flush(self) -> None:
        """Send what was asked of each."""
        for sounds in self.every:
            sounds.plane.flush()

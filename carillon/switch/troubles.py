"""What the administrator should know: each trouble is told when it begins and when it is over."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator

from carillon.schema.events import TroubleBegan, TroubleEnded
from carillon.switch.journal import Journal

log = logging.getLogger(__name__)

LONGEST_DETAIL = 500


class Troubles:
    """The troubles there are, by kind."""

    def __init__(self, journal: Journal, clock: Callable[[], float]) -> None:
        self._journal = journal
        self._clock = clock
        self._kinds: set[str] = set()

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._kinds))

    def began(self, kind: str, detail: str = "") -> None:
        """Tell of a trouble; one that was told is not told again."""
        if kind not in self._kinds:
            log.error("trouble: %s %s", kind, detail)
            self._kinds.add(kind)
            event = TroubleBegan(at=self._clock(), kind=kind, detail=detail[:LONGEST_DETAIL])
            self._journal.append([event])

    def ended(self, kind: str) -> None:
        """Tell that it is over, where it was told."""
        if kind in self._kinds:
            log.info("trouble: %s is over", kind)
            self._kinds.discard(kind)
            self._journal.append([TroubleEnded(at=self._clock(), kind=kind)])

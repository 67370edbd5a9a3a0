"""Which free user is offered which waiting call: one company's lines, across its numbers and teams.

Pure: whoever runs it says when somebody waits, leaves, or becomes free, and asks `is_free` of the world. A
caller who waited longest comes first, after those of numbers with more priority; nobody is offered two calls,
because whoever was offered one is not free any more when the next question is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import msgspec

from carillon.flows.steps import Seek

Users = tuple[str, ...]
IsFree = Callable[[str], bool]
IdleSince = Callable[[str], float]
PACE_WEIGHT = 0.3
"""How much the last wait counts in the estimate of the next."""
MOST_PACES = 500


class Offer(msgspec.Struct, frozen=True):
    """Let these users be rung for this call."""

    call: str
    users: tuple[str, ...]


@dataclass(slots=True, eq=False)
class _Waiter:
    """One call in a line. `tried`: this round; `refused`: for good."""

    call: str
    wish: Seek
    offered: tuple[str, ...] = ()
    tried: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)

    @property
    def takes_all(self) -> bool:
        return self.wish.strategy == "all"

    def rank(self) -> tuple[int, float]:
        return -self.wish.priority, self.wish.since

    def turn(self) -> tuple[bool, int, float]:
        """Whoever has no phone ringing at all comes before those who have."""
        return bool(self.offered), *self.rank()

    def wants(self, user: str) -> bool:
        """Whoever was offered the call and let it pass is not offered it twice running."""
        if user in self.refused or user in self.offered or user in self.tried:
            return False
        return self.takes_all or not self.offered


class Dispatcher:
    """The lines of one company."""

    def __init__(self, idle_since: IdleSince) -> None:
        self._idle_since = idle_since
        self._waiters: dict[str, _Waiter] = {}
        self._groups: dict[Users, dict[str, _Waiter]] = {}
        """By whom they wait for, then by call: all callers of a team are one group."""
        self._groups_of: dict[str, dict[Users, None]] = {}
        self._last: dict[str, str] = {}
        """By line: whom round robin offered a call last."""
        self._taken: dict[str, tuple[float, float]] = {}
        """By line: when a call was last taken out of it, and the mean seconds between such moments."""

    def __len__(self) -> int:
        return len(self._waiters)

    def __contains__(self, call: str) -> bool:
        return call in self._waiters

    def seek(self, call: str, wish: Seek) -> None:
        """Put a call into a line; `offer` says to whom it is offered at once."""
        self.leave(call)
        waiter = self._waiters[call] = _Waiter(call, wish)
        if wish.users not in self._groups:
            self._groups[wish.users] = {}
            for user in wish.users:
                self._groups_of.setdefault(user, {})[wish.users] = None
        self._groups[wish.users][call] = waiter

    def leave(self, call: str) -> None:
        """Take a call out of its line, wherever it is."""
        waiter = self._waiters.pop(call, None)
        if waiter is None:
            return
        users = waiter.wish.users
        del self._groups[users][call]
        if not self._groups[users]:
            del self._groups[users]
            for user in dict.fromkeys(users):
                del self._groups_of[user][users]
                if not self._groups_of[user]:
                    del self._groups_of[user]

    def taken(self, call: str, at: float) -> None:
        """Somebody picked a call up: it leaves its line, and the estimate learns from it."""
        waiter = self._waiters.get(call)
        if waiter is None:
            return
        self.leave(call)
        last, mean = self._taken.pop(waiter.wish.queue, (0.0, 0.0))
        if last:
            gap = max(0.0, at - last)
            mean = gap if not mean else mean + PACE_WEIGHT * (gap - mean)
        self._taken[waiter.wish.queue] = (at, mean)
        if len(self._taken) > MOST_PACES:
            del self._taken[next(iter(self._taken))]

    def passed(self, call: str, *, refused: bool) -> None:
        """Nobody offered took the call: `offer` says who is next. Whoever `refused` is not asked again."""
        waiter = self._waiters.get(call)
        if waiter is not None:
            (waiter.refused if refused else waiter.tried).update(waiter.offered)
            waiter.offered = ()

    def in_turn(self, calls: Iterable[str]) -> list[str]:
        """Return those of the calls that wait, whoever is first first."""
        waiters = [self._waiters[call] for call in calls if call in self._waiters]
        return [waiter.call for waiter in sorted(waiters, key=_Waiter.rank)]

    def offer(self, call: str, is_free: IsFree) -> Offer | None:
        """Return whom to offer a call to that is not offered to anybody now."""
        waiter = self._waiters.get(call)
        if waiter is None or waiter.offered:
            return None
        found = self._offer(waiter, is_free, waiter.wish.users)
        if found is None:
            # Nobody is free: a new round begins with whoever is first.
            waiter.tried.clear()
        return found

    def freed(self, user: str, is_free: IsFree) -> Offer | None:
        """A user may be free now; return the call to offer."""
        if user not in self._groups_of or not is_free(user):
            return None
        wanting = [waiter for waiter in self._waiting_for(user) if waiter.wants(user)]
        if not wanting:
            return None
        return self._offer(min(wanting, key=_Waiter.turn), is_free, (user,))

    def _waiting_for(self, user: str) -> list[_Waiter]:
        groups = self._groups_of.get(user, ())
        return [waiter for users in groups for waiter in self._groups[users].values()]

    def wanted(self) -> list[str]:
        """Return every user somebody waits for."""
        return list(self._groups_of)

    def is_offered(self, call: str) -> bool:
        """Say whether somebody's phone rings for a call."""
        waiter = self._waiters.get(call)
        return waiter is not None and bool(waiter.offered)

    def waiting_for(self, user: str) -> list[str]:
        """Return the calls that wait for a user among others."""
        return [waiter.call for waiter in self._waiting_for(user)]

    def hopeless(self, call: str, is_away: IsFree) -> bool:
        """Say whether all whom a call waits for are away, or have refused it."""
        waiter = self._waiters.get(call)
        if waiter is None:
            return False
        return all(user in waiter.refused or is_away(user) for user in waiter.wish.users)

    def place(self, call: str) -> tuple[int, float]:
        """Return a call's place in its line (1: next) and the seconds it may take, 0 when unknown."""
        mine = self._waiters.get(call)
        if mine is None:
            return 1, 0.0
        ahead = sum(
            waiter.wish.queue == mine.wish.queue and waiter.rank() < mine.rank()
            for waiter in self._waiters.values()
        )
        _, mean = self._taken.get(mine.wish.queue, (0.0, 0.0))
        return ahead + 1, (ahead + 1) * mean

    # -- whom -------------------------------------------------------------------------------------

    def _offer(self, waiter: _Waiter, is_free: IsFree, among: Iterable[str]) -> Offer | None:
        free = [user for user in among if user not in waiter.refused and is_free(user)]
        if not waiter.takes_all:
            free = self._one_of(waiter, free)
        if not free:
            return None
        waiter.offered = (*waiter.offered, *free)
        return Offer(waiter.call, tuple(free))

    def _one_of(self, waiter: _Waiter, free: list[str]) -> list[str]:
        fresh = [user for user in free if user not in waiter.tried]
        if free and not fresh:
            # Everybody free has been tried: a new round.
            waiter.tried.clear()
            fresh = free
        if not fresh:
            return []
        queue = waiter.wish.queue
        match waiter.wish.strategy:
            case "longest-idle":
                chosen = min(fresh, key=self._idle_since)
            case "round-robin":
                chosen = _after(self._last.get(queue, ""), waiter.wish.users, set(fresh))
            case _:
                chosen = fresh[0]
        self._last[queue] = chosen
        return [chosen]


def _after(last: str, order: tuple[str, ...], among: set[str]) -> str:
    """Return the first of `among` that comes after `last` in a circle."""
    start = order.index(last) + 1 if last in order else 0
    return next(user for user in (*order[start:], *order[:start]) if user in among)

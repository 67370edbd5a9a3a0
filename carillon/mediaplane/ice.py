"""ICE-lite (RFC 8445 §2.7): answers browsers' checks, and learns which pair of addresses they chose.

All checks come to the shared port and name their leg by our user fragment. What is no check of a leg is
dropped without an answer and costs little: an address may ask so many times a second, all strangers
together so many times. Whoever has been nominated is no stranger: a flood from others ends no call.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from carillon.media import stun
from carillon.schema.mediacontrol import Ice

STRANGERS_A_SECOND = 4000
ADDRESS_A_SECOND = 200
LEG_A_SECOND = 100
NOBODY = -1

Address = tuple[str, int]


class UserTaken(Exception):
    """Another leg has this user fragment."""


@dataclass(slots=True)
class _Pair:
    """What the leg at a row expects, and the pair its browser chose."""

    row: int
    ice: Ice
    address: Address | None = None
    priority: int = 0
    rival: Address | None = None
    second: int = -1
    asked: int = 0


class Checks:
    """Answers checks. `nominate(row, address)` is told of a new pair and says whether it can be had."""

    def __init__(
        self, send: Callable[[bytes, Address], None], nominate: Callable[[int, Address], bool]
    ) -> None:
        self._send = send
        self._nominate = nominate
        self._pairs: dict[str, _Pair] = {}
        self._users: dict[int, str] = {}
        self._chosen: set[Address] = set()
        self._second = -1
        self._strangers = 0
        self._asked: dict[str, int] = {}

    def open(self, row: int, ice: Ice) -> None:
        """Answer checks for a leg; with another user fragment than before it is an ICE restart."""
        other = self._pairs.get(ice.local_user)
        if not ice.local_user or (other is not None and other.row != row):
            raise UserTaken(ice.local_user)
        address = None
        before = self._pairs.get(self._users.get(row, ""))
        if before is not None and before.ice.local_user == ice.local_user:
            before.ice = ice
            return
        if before is not None:
            # Until the browser nominates anew, the pair it had goes on.
            address = before.address
        self.close(row)
        if address is not None:
            self._chosen.add(address)
        self._users[row] = ice.local_user
        self._pairs[ice.local_user] = _Pair(row, ice, address)

    def close(self, row: int) -> None:
        """Answer no checks for a leg."""
        pair = self._pairs.pop(self._users.pop(row, ""), None)
        if pair is not None and pair.address is not None:
            self._chosen.discard(pair.address)

    def receive(self, octets: bytes, source: Address, now: float) -> int:
        """Take a packet that may be a check; return the row it is a genuine one for, -1 for none."""
        if source not in self._chosen and not self._is_welcome(source, now):
            return NOBODY
        message = stun.parse(octets)
        if message is None or message.kind != stun.REQUEST:
            return NOBODY
        mine, theirs = message.users
        pair = self._pairs.get(mine)
        if pair is None or not self._may_ask(pair, now):
            return NOBODY
        password = pair.ice.local_password
        if theirs != (pair.ice.remote_user or theirs) or not message.is_genuine(password):
            # RFC 8489 §9.1.3: no password of ours in the answer to one who has none.
            refusal = 401 if message.integrity_at else 400
            self._send(stun.write_failure(message, refusal), source)
        elif message.unknown:
            self._send(stun.write_failure(message, 420, password), source)
        elif stun.ICE_CONTROLLED in message.attributes:
            # Being lite we never control (RFC 8445 §6.1.1); they have to.
            self._send(stun.write_failure(message, 487, password), source)
        else:
            self._send(stun.write_success(message, source, password), source)
            if stun.USE_CANDIDATE in message.attributes:
                self._follow(pair, source, message.priority)
            return pair.row
        return NOBODY

    def follow_sound(self, row: int, source: Address) -> None:
        """Sound that is genuine came from another pair than the chosen one: that is where they are."""
        pair = self._pairs.get(self._users.get(row, ""))
        if pair is not None:
            self._choose(pair, source, 0)

    def _follow(self, pair: _Pair, source: Address, priority: int) -> None:
        """Follow the browser to another pair.

        One that nominates every pair it tries (RFC 5245 §8.1.1.2) means the best of them; one that
        nominates a worse pair and its old one no more has moved to another network.
        """
        if source == pair.address:
            pair.priority, pair.rival = priority, None
            return
        if pair.address is not None and priority < pair.priority and pair.rival != source:
            pair.rival = source
            return
        self._choose(pair, source, priority)

    def _choose(self, pair: _Pair, source: Address, priority: int) -> None:
        if self._nominate(pair.row, source):
            if pair.address is not None:
                self._chosen.discard(pair.address)
            self._chosen.add(source)
            pair.address, pair.priority, pair.rival = source, priority, None

    def _is_welcome(self, source: Address, now: float) -> bool:
        """Say whether this address may still ask this second."""
        if int(now) != self._second:
            self._second, self._strangers = int(now), 0
            self._asked.clear()
        asked = self._asked.get(source[0], 0) + 1
        self._strangers += 1
        if asked > ADDRESS_A_SECOND or self._strangers > STRANGERS_A_SECOND:
            return False
        self._asked[source[0]] = asked
        return True

    def _may_ask(self, pair: _Pair, now: float) -> bool:
        if pair.second != int(now):
            pair.second, pair.asked = int(now), 0
        pair.asked += 1
        return pair.asked <= LEG_A_SECOND

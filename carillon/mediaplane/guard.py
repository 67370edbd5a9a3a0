"""Lets browsers and secured phones in: their checks, their handshakes, and the keys they end in.

A leg that shall be secured is locked, mute and deaf, until it has keys. Handshakes are only had with legs
that expect one, and only from the pair their checks chose, or from where the switch said they are.
"""

from __future__ import annotations

import itertools
import logging
import socket
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from carillon.media import stun
from carillon.mediaplane import wire
from carillon.mediaplane.dtls import (
    HANDSHAKE_SECONDS,
    Agreed,
    Certificate,
    Failed,
    Flight,
    Handshakes,
)
from carillon.mediaplane.ice import Address, Checks, UserTaken
from carillon.mediaplane.legs import LegRefused, Legs
from carillon.mediaplane.srtp import BadKeys
from carillon.schema.mediacontrol import AimLeg, Dtls, LegInsecure, LegSecured, MediaEvent, OpenLeg

MAX_A_STEP = 200
"""Strangers' packets handled between two looks at the sound; of a flood, the rest is lost."""
MAX_PAIRS = 8
"""Addresses remembered of one leg's checks."""
_HASHES = ("sha-256", "sha-384", "sha-512")

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Expected:
    """The handshake a leg is to have; `number` 0 until it has begun."""

    dtls: Dtls
    until: float
    number: int = 0
    done: bool = False
    told: bool = False


class Guard:
    """`opened(row)` is told of a leg that has just become able to hear, or has moved."""

    def __init__(
        self,
        legs: Legs,
        fd: int,
        certificate: Certificate,
        wake: Callable[[], None],
        tell: Callable[[MediaEvent], None],
        opened: Callable[[int], None],
    ) -> None:
        self._legs = legs
        self._fd = fd
        self._tell = tell
        self._opened = opened
        self._checks = Checks(self._answer_check, self._nominate)
        self._handshakes = Handshakes(certificate, wake)
        self._numbers = itertools.count(1)
        self._expected: dict[int, _Expected] = {}
        self._rows: dict[int, int] = {}
        self._left = MAX_A_STEP
        self._seen: dict[int, int] = {}
        self._seen_of: dict[int, deque[int]] = {}

    def aim(self, row: int, wanted: OpenLeg | AimLeg, now: float) -> None:
        """Take how a leg is to be reached and secured; `LegRefused` when it cannot be."""
        if wanted.sdes is not None:
            sdes = wanted.sdes
            try:
                self._legs.covers.set(row, sdes.profile, sdes.local_key, sdes.remote_key)
            except BadKeys as bad:
                raise LegRefused("bad-keys") from bad
            self._legs.lock(row, False)
        if wanted.dtls is not None:
            self._expect(row, wanted.dtls, now)
        elif wanted.ice is not None and row not in self._expected:
            # The far end's fingerprint comes with its answer.
            self._legs.lock(row, True)
        if wanted.ice is not None and row not in self._legs.own:
            try:
                self._checks.open(row, wanted.ice)
            except UserTaken as taken:
                raise LegRefused("user-taken") from taken

    def _expect(self, row: int, dtls: Dtls, now: float) -> None:
        if dtls.role not in ("active", "passive") or dtls.fingerprint.split(" ")[0] not in _HASHES:
            raise LegRefused("bad-keys")
        before = self._expected.get(row)
        if before is not None and before.dtls == dtls:
            return
        self._forget_handshake(row)
        self._legs.covers.forget(row)
        self._legs.lock(row, True)
        self._expected[row] = _Expected(dtls, now + HANDSHAKE_SECONDS)
        self._begin_if_active(row)

    def _begin_if_active(self, row: int) -> None:
        """Speak first where that is our part, once there is somebody to speak to."""
        expected = self._expected.get(row)
        if expected and expected.dtls.role == "active" and self._legs.reaches(row):
            self._begin(row, expected)

    def _begin(self, row: int, expected: _Expected) -> None:
        if not expected.number and not expected.told:
            expected.number = next(self._numbers)
            self._rows[expected.number] = row
            dtls = expected.dtls
            self._handshakes.begin(expected.number, dtls.role, dtls.fingerprint)

    def close(self, row: int) -> None:
        """Forget a leg."""
        self._checks.close(row)
        self._forget_handshake(row)
        for sender in self._seen_of.pop(row, ()):
            if self._seen.get(sender) == row:
                del self._seen[sender]

    def _forget_handshake(self, row: int) -> None:
        expected = self._expected.pop(row, None)
        if expected and expected.number:
            del self._rows[expected.number]
            self._handshakes.forget(expected.number)

    # -- what comes from the wire ------------------------------------------------------------------

    def renew(self) -> None:
        """Have patience for as many packets again."""
        self._left = MAX_A_STEP

    def take(self, row: int, octets: bytes, sender: int, now: float) -> None:
        """Take a packet that is no RTP; `row` is the leg it may belong to, -1 for none."""
        if row < 0 or int(self._legs.remote[row]) != sender:
            self._left -= 1
            if self._left < 0:
                return
        if stun.is_stun(octets[0]):
            self._remember(self._checks.receive(octets, _address(sender), now), sender)
        elif 20 <= octets[0] < 64 and row >= 0:
            self._take_handshake(row, octets, sender)

    def _remember(self, row: int, sender: int) -> None:
        """Remember where a leg's checks came from: a browser may speak from there before it says so."""
        if row >= 0 and self._seen.get(sender) != row:
            mine = self._seen_of.setdefault(row, deque())
            if len(mine) == MAX_PAIRS:
                self._seen.pop(mine.popleft(), None)
            mine.append(sender)
            self._seen[sender] = row

    def row_at(self, sender: int) -> int:
        """Return the leg whose checks came from an address too, -1 for none."""
        return self._seen.get(sender, -1)

    def follow_sound(self, row: int, sender: int) -> None:
        """Genuine sound of a leg came from there."""
        self._checks.follow_sound(row, _address(sender))

    def _take_handshake(self, row: int, octets: bytes, sender: int) -> None:
        expected = self._expected.get(row)
        if expected is None:
            return
        if self._legs.learning[row]:
            # Without checks, a phone behind NAT shows where it is by its first word.
            self._legs.learn(row, sender)
        if int(self._legs.remote[row]) != sender:
            return
        self._begin(row, expected)
        if expected.number:
            self._handshakes.receive(expected.number, octets)

    def _answer_check(self, octets: bytes, address: Address) -> None:
        host, port = address
        wire.send_to(self._fd, octets, wire.socket_address(host, port))

    def _nominate(self, row: int, address: Address) -> bool:
        """Send to the pair a browser chose."""
        try:
            self._legs.nominate(row, address)
        except LegRefused as refusal:
            log.warning("leg %d: %s", self._legs.leg_of[row], refusal)
            return False
        self._begin_if_active(row)
        self._opened(row)
        return True

    # -- what comes from the thread ----------------------------------------------------------------

    def collect(self) -> None:
        """Send what handshakes have to say, and give legs their keys."""
        outcomes = self._handshakes.outcomes
        while outcomes:
            outcome = outcomes.popleft()
            row = self._rows.get(outcome.number)
            if row is None:
                continue
            match outcome:
                case Flight(_, datagrams):
                    fd = int(self._legs.fd[row])
                    for datagram in datagrams:
                        remote = self._legs.remotes[row]
                        wire.send_to(self._fd if fd < 0 else fd, datagram, remote)
                case Agreed(_, profile, local_key, remote_key):
                    self._expected[row].done = True
                    self._legs.covers.set(row, profile, local_key, remote_key)
                    self._legs.lock(row, False)
                    self._tell(LegSecured(self._legs.leg_of[row], profile))
                    self._opened(row)
                case Failed(_, reason):
                    self._fail(row, reason)

    def _fail(self, row: int, reason: str) -> None:
        expected = self._expected[row]
        if expected.number:
            del self._rows[expected.number]
            self._handshakes.forget(expected.number)
            expected.number = 0
        if not expected.told:
            expected.told = True
            self._tell(LegInsecure(self._legs.leg_of[row], reason))

    def watch(self, now: float) -> None:
        """Give up legs that got no keys in time; call about once a second."""
        for row, expected in list(self._expected.items()):
            if not expected.done and not expected.told and now >= expected.until:
                self._fail(row, "timeout")


def _address(sender: int) -> Address:
    """Return the address the kernel's first 8 bytes of one mean."""
    octets = sender.to_bytes(8, "little")
    return socket.inet_ntoa(octets[4:8]), int.from_bytes(octets[2:4], "big")

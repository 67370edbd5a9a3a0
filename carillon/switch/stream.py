"""One leg's stream of sound: what was said of it in SDP, and its place in the media process."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import TYPE_CHECKING

from carillon.media import codecs, sdp
from carillon.media.codecs import G722, IS_G711, OPUS, PCMA, PCMU
from carillon.schema.mediacontrol import AimLeg, OpenLeg
from carillon.switch.securing import DTLS, SDES, Securing
from carillon.switch.sounds import NoPort

if TYPE_CHECKING:
    from carillon.switch.legs import Leg
    from carillon.switch.switchboard import Switchboard

DIGITS = 101
"""The payload type we offer for RFC 4733 digits."""
NOWHERE = "0.0.0.0"
KNOWN = (PCMA, PCMU, G722, OPUS)
TO_CARRIERS = (PCMA, PCMU)
"""What we offer a carrier: its other side is the telephone network."""


class Stream:
    """`number` is its name towards the media process, `codec` the one in use or to be.

    `wish` says how it is offered to be secured, see `securing`; `required`: or not at all.
    """

    def __init__(
        self,
        board: Switchboard,
        leg: Leg,
        *,
        to_carrier: bool,
        wish: str = "",
        required: bool = False,
    ) -> None:
        self._sounds = leg.sounds
        self.number = self._sounds.number()
        self.remote: sdp.Session | None = None
        self.codec = PCMA
        self.settled = False
        """Whether the far end has been told which codec it is."""
        self.held = False
        self.securing = Securing(wish, required=required)
        self._board = board
        # Its leg has it, so it must not have its leg: both would wait for the collector.
        self._owner = weakref.ref(leg)
        self._to_carrier = to_carrier
        self._port = 0
        self._offered_port = 0
        self._fingerprint = ""
        self._shared: tuple[str, int] | None = None
        self._opened = False
        self._closed = False
        self._numbers: dict[int, int] = {}
        self._version = 1

    @property
    def _leg(self) -> Leg:
        leg = self._owner()
        assert leg is not None, "a leg outlives its stream"
        return leg

    @property
    def sounding(self) -> bool:
        """Whether the media process still has this leg."""
        return self._opened and not self._closed

    @property
    def codecs(self) -> tuple[int, ...]:
        """What somebody who shall talk with this leg is best offered: what it has, in its order."""
        if self.remote is None or self.settled:
            return (self.codec,)
        return self.remote.codecs

    # -- descriptions ----------------------------------------------------------------------------

    def take(self, description: bytes, *, answer: bool = False) -> bool:
        """Take an offer or an answer; False when it cannot be used.

        Of an answer the first codec counts: it is what they send, whatever else they could hear.
        """
        try:
            session = sdp.parse(description)
            codec = sdp.first_common(session, KNOWN, () if answer else self._liked(session))
        except sdp.NotAcceptable:
            return False
        target = (session.address, session.port)
        if ":" in session.address or not self._can_move(target):
            return False
        if not self.securing.take(session, answer=answer):
            return False
        self.remote = session
        self.codec = codec
        self.settled = self.settled or answer
        self.held = session.held
        self._numbers = {each.codec: each.pt for each in session.payloads if each.codec >= 0}
        return True

    def _liked(self, session: sdp.Session) -> Sequence[int]:
        """Prefer what is in use; else G.711, for our own prompts and recordings are in it."""
        if self.settled and self.codec in session.codecs:
            return (self.codec,)
        return [codec for codec in session.codecs if IS_G711[codec]]

    def suit(self, wanted: Sequence[int]) -> None:
        """Before the far end is told: choose a codec that the one it will talk with has."""
        if self.remote is not None and not self.settled:
            self.codec = sdp.first_common(self.remote, KNOWN, wanted or (self.codec,))

    def _can_move(self, target: tuple[str, int]) -> bool:
        """Two legs on the shared port are only told apart by where they send from, or by ICE."""
        on_shared = self._opened and not self._port and not self.securing.over_ice
        return not on_shared or self._sounds.can_share(target, self._leg)

    def _here(self) -> sdp.Local:
        config = self._board.config
        self._offered_port = self._port or self._sounds.shared_port
        return sdp.Local(
            config.host, self._offered_port, session=self.number, version=self._version
        )

    def offer(self, wanted: Sequence[int] = ()) -> bytes:
        """Write an offer: what is in use first, or what is `wanted`, then all else that we know."""
        known = TO_CARRIERS if self._to_carrier else KNOWN
        first = wanted or (self.codec,)
        order = [codec for codec in first if codec in known]
        order += [codec for codec in known if codec not in order]
        remote = self.remote
        digits = remote.digits if remote and remote.digits >= 0 else DIGITS
        self._fingerprint = self._sounds.fingerprint
        secured = self.securing.offered(self._fingerprint)
        return sdp.offer(
            self._here(),
            order,
            digits=digits,
            secured=secured,
            numbers=self._numbers,
        )

    def describe(self) -> bytes:
        """Return the answer to their offer, or our offer where they made none."""
        if self.remote is None:
            return self.offer()
        self.settled = True
        self._fingerprint = self._sounds.fingerprint
        secured = self.securing.answered(self._fingerprint)
        return sdp.answer(self.remote, self._here(), self.codec, secured=secured)

    def change(self) -> None:
        """What is described next differs from what was described before."""
        self._version += 1

    @property
    def moved(self) -> bool:
        """Whether the sound is elsewhere than we said, or shows another certificate."""
        dtls = self.securing.kind == DTLS
        if dtls and self._fingerprint not in ("", self._sounds.fingerprint):
            return True
        return bool(self._port) and self._offered_port != self._port

    # -- the media process -----------------------------------------------------------------------

    def prepare(self) -> None:
        """Have a place before a phone is offered one. `NoPort` when there is none.

        With keys in SDP there is nothing to listen to before theirs are known.
        """
        if self.securing.kind == DTLS and not self._sounds.fingerprint:
            raise NoPort
        if self.securing.kind == SDES:
            self._port = self._port or self._sounds.ports.take()
        else:
            self.open()

    def open(self) -> None:
        """Make the media leg: on the shared port where ICE or a carrier's address tells it, else apart."""
        if self._opened:
            return
        if not (self.securing.over_ice or self._port or (self._to_carrier and self._claim())):
            self._port = self._sounds.ports.take()
        self._opened = True
        self._sounds.opened(self._leg)
        self._sounds.ask(self._open_command())

    def _claim(self) -> bool:
        """Claim the far end's address on the shared port in place of the one before."""
        target = self._target()
        if target is None or not self._sounds.can_share(target, self._leg):
            return False
        if self._shared is not None:
            self._sounds.unshare(self._shared, self._leg)
        self._shared = None
        # Nobody sends from where a leg on hold says that it is; many may say so at once.
        if target[0] != NOWHERE and self._sounds.share(target, self._leg):
            self._shared = target
        return True

    def _target(self) -> tuple[str, int] | None:
        # What a browser's SDP calls its address is a guess; its checks show it.
        if self.remote is None or self.securing.over_ice:
            return None
        return self.remote.address, self.remote.port

    def _payload_types(self) -> tuple[int, int, int]:
        """Return the sound's payload type, and type and clock of the keys beside it."""
        if self.remote is None:
            return codecs.BY_NUMBER[self.codec].payload_type, -1, 8000
        return self.remote.payload(self.codec).pt, *self.remote.digits_for(self.codec)

    @property
    def _hears_inband(self) -> bool:
        return self._board.trunks.hears_inband(self._leg.party.trunk)

    def _open_command(self) -> OpenLeg:
        payload_type, digits, clock = self._payload_types()
        return OpenLeg(
            self.number,
            self._port,
            payload_type,
            digits,
            self._target(),
            # A phone may be behind NAT, so its real address is learnt; a carrier says where it is.
            learn=self._port != 0,
            codec=codecs.BY_NUMBER[self.codec].name,
            digit_clock=clock,
            hear_inband_digits=self._hears_inband,
            **self.securing.facts(),
        )

    def aim(self) -> None:
        """Tell the media process what has become known or has changed."""
        if not self.sounding:
            return
        if not self._port and not self.securing.over_ice:
            self._claim()
        payload_type, digits, clock = self._payload_types()
        self._sounds.ask(
            AimLeg(
                self.number,
                payload_type,
                digits,
                self._target(),
                learn=self._port != 0,
                codec=codecs.BY_NUMBER[self.codec].name,
                digit_clock=clock,
                hear_inband_digits=self._hears_inband,
                **self.securing.facts(),
            )
        )

    def reopen(self) -> None:
        """Make the leg again in a new media process, on the same port."""
        if self.sounding:
            self._sounds.ask(self._open_command())

    def close(self) -> None:
        """The media process has no such leg any more: give back what it had."""
        self._closed = True
        self.give_back()

    def give_back(self) -> None:
        """Give back port and address, also of a leg that was never opened."""
        if self._port:
            self._sounds.ports.give_back(self._port)
        self._port = 0
        if self._shared is not None:
            self._sounds.unshare(self._shared, self._leg)
        self._shared = None

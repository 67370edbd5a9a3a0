"""One party of a call: a SIP leg and a stream of sound, kept in step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from carillon.media import sdp
from carillon.schema.events import LegEnded, LegStarted
from carillon.schema.mediacontrol import (
    AimLeg,
    LegStats,
    OpenLeg,
)
from carillon.schema.plan import OutsideTarget, Trunk
from carillon.sip.digest import Credentials
from carillon.sip.endpoint import Flow
from carillon.switch.ear import Ear

if TYPE_CHECKING:
    from carillon.switch.calls import Call
    from carillon.switch.switchboard import Switchboard

DIGITS = 101
"""The payload type we offer for RFC 4733 digits."""
PCMU, PCMA = 0, 8
CARRIER_PATIENCE = 4.0
"""How long a carrier may say nothing at all when there is another to be tried."""
NOWHERE = "0.0.0.0"
COUNTRIES = {"33": "fr", "44": "gb", "1": "us"}


@dataclass(frozen=True, slots=True)
class Party:
    """Who is at the other end: one of our phones, or the outside over a trunk."""

    who: str
    user: str | None = None
    device: str | None = None
    e164: str | None = None
    trunk: str | None = None


@dataclass(frozen=True, slots=True)
class Dial:
    """How to reach somebody we ring."""

    uri: str
    flow: Flow
    from_: str
    to: str
    credentials: Credentials | None = None
    headers: tuple[tuple[str, str], ...] = ()
    hops: int = 70
    """Max-Forwards: one less than the call came with, so that loops through us end."""
    others: tuple[Trunk, ...] = ()
    """The carriers to be tried when this one fails, for the same `target`, shown the same number."""
    shown: str = ""
    target: OutsideTarget | None = None


class Leg:
    """A leg of one call. `sip` and `media` are its names towards the endpoint and the media process.

    `answered` once two can talk (for the caller's leg: the ACK came), `gone` once its SIP side is over.
    """

    def __init__(self, board: Switchboard, name: str, party: Party, *, dial: Dial | None = None):
        self.id = name
        self.party = party
        self.call: Call | None = None
        self.sip = 0
        self.media = board.sounds.number()
        self.remote: sdp.Session | None = None
        self.payload = PCMA
        self.answered = False
        self.rang = False
        self.early = False
        self.held = False
        self.gone = False
        self.coach = False
        self.counted = ""
        """The company whose outside calls it counts among, "" for a leg that does not."""
        self.ear = Ear(board, self.media)
        self.accepted = False
        self._board = board
        self._dial = dial
        self._port = 0
        self._offered_port = 0
        self._shared: tuple[str, int] | None = None
        self._opened = False
        self._closed = False
        self._digits = -1
        self._version = 1
        self._status = 0
        self._cause = ""
        self._told = False

    @property
    def dial(self) -> Dial | None:
        """How it is reached; None for a leg that called us."""
        return self._dial

    @property
    def who(self) -> str:
        """How the timeline names this party."""
        return self.party.who

    # -- SIP: the caller's leg -------------------------------------------------------------------

    def take_offer(self, offer: bytes) -> bool:
        """Take the offer of an INVITE (none: we will offer); False when we share no codec."""
        return not offer or self._take(offer)

    def ring(self, *, early: bool = False) -> None:
        """Tell the caller that it rings; `early` lets sound through before the answer."""
        if early:
            self._open()
            self.early = True
            answer = self._description()
            self._board.endpoint.ring(self.sip, self._board.now, status=183, sdp=answer)
        else:
            self._board.endpoint.ring(self.sip, self._board.now)

    def accept(self) -> None:
        """Answer the caller; with no offer in the INVITE ours goes in the 200. `NoPort` when full."""
        if self.gone:
            return
        self._open()
        self.accepted = True
        self._board.endpoint.accept(self.sip, self._description(), self._board.now)

    def confirmed(self, answer: bytes) -> bool:
        """Take the ACK; it holds the answer when the offer was ours. False when it cannot be used."""
        if answer and self._take(answer):
            self._aim()
        return self.remote is not None

    # -- SIP: the legs we ring -------------------------------------------------------------------

    def start(self) -> None:
        """Send the INVITE. `NoPort` and `LocalError` when it cannot be done."""
        assert self._dial is not None and self.call is not None
        dial = self._dial
        self.payload = self.call.a.payload
        if self.party.trunk is None:
            self._open()
        self.sip = self._board.endpoint.invite(
            dial.uri,
            dial.flow,
            self._board.now,
            from_=dial.from_,
            to=dial.to,
            sdp=self._offer(),
            headers=dial.headers,
            credentials=dial.credentials,
            max_forwards=dial.hops,
            patience=CARRIER_PATIENCE if dial.others else 0.0,
        )
        self._board.legs[self.sip] = self
        party = self.party
        self._board.began_outside(self)
        self.call.emit(
            LegStarted,
            leg=self.id,
            user=party.user,
            device=party.device,
            e164=party.e164,
            trunk=party.trunk,
        )

    def take_answer(self, answer: bytes) -> bool:
        """Take the answer to our offer (also an early one); False when it cannot be used."""
        if not answer:
            return self.remote is not None
        if not self._take(answer):
            return False
        if self._opened:
            self._aim()
        else:
            self._open()
        return True

    def settle(self) -> None:
        """Where its sound had to move to another port than we offered, say so."""
        if self._port and self._offered_port != self._port:
            self.probe()

    # -- SIP: both -------------------------------------------------------------------------------

    def offered(self, offer: bytes) -> None:
        """Answer a re-INVITE or UPDATE (hold, resume, a new address); offer where they want ours."""
        now = self._board.now
        if offer and not self._take(offer):
            self._board.endpoint.refuse_offer(self.sip, 488, now)
            return
        self._version += 1
        if offer:
            self._aim()
        description = self._description() if offer else self._offer()
        self._board.endpoint.answer_offer(self.sip, description, now)

    def offer_answered(self, answer: bytes) -> None:
        """Take the answer to an offer we made within the call; one we cannot use changes nothing."""
        if answer and self._take(answer):
            self._aim()

    def probe(self) -> None:
        """Offer again what holds: a phone that is still there says so, and where its sound is."""
        if self.sip and self.answered and not self.gone:
            self._version += 1
            self._board.endpoint.reoffer(self.sip, self._offer(), self._board.now)

    def hang_up(self, reason: str, *, status: int = 480) -> None:
        """Cancel, refuse or say goodbye, whatever its state asks."""
        if self.gone:
            return
        self.ended(0 if self.answered or self.accepted else status, cause=reason)
        self._board.endpoint.hang_up(self.sip, self._board.now, reason=reason, status=status)

    def ended(self, status: int, *, cause: str = "") -> None:
        """The SIP side is over; the sound is closed and `LegEnded` told with its figures."""
        if self.gone:
            return
        self.gone = True
        self._status = status
        self._cause = cause
        self._board.legs.pop(self.sip, None)
        self._board.ended_outside(self)
        if self.call is not None:
            self._board.people.release(self.call, self)
        if self.sounding:
            self._board.sounds.close(self)
        else:
            self.tell_end(None)

    # -- sound -----------------------------------------------------------------------------------

    @property
    def sounding(self) -> bool:
        """Whether the media process still has this leg."""
        return self._opened and not self._closed

    def _take(self, description: bytes) -> bool:
        try:
            session = sdp.parse(description)
            codec = sdp.first_common(session, (PCMA, PCMU))
        except sdp.NotAcceptable:
            return False
        target = (session.address, session.port)
        if ":" in session.address or not self._can_move(target):
            return False
        self.remote = session
        self.payload = codec
        self._digits = session.digits
        self.held = session.held
        return True

    def _can_move(self, target: tuple[str, int]) -> bool:
        """Two legs on the shared port are only told apart by where they send from."""
        on_shared = self._opened and not self._port
        return not on_shared or self._board.sounds.can_share(target, self)

    def _here(self) -> sdp.Local:
        config = self._board.config
        self._offered_port = self._port or config.rtp_port
        return sdp.Local(config.host, self._offered_port, session=self.media, version=self._version)

    def _offer(self) -> bytes:
        order = (self.payload, PCMU if self.payload == PCMA else PCMA)
        digits = self._digits if self._digits >= 0 else DIGITS
        return sdp.offer(self._here(), order, digits=digits)

    def _description(self) -> bytes:
        """Return the answer to their offer, or our offer where they made none."""
        if self.remote is None:
            return self._offer()
        return sdp.answer(self.remote, self._here(), self.payload)

    def _target(self) -> tuple[str, int] | None:
        return None if self.remote is None else (self.remote.address, self.remote.port)

    def _open(self) -> None:
        """Make the media leg: on the shared port where a trunk's address is known, else on its own."""
        if self._opened:
            return
        if self.party.trunk is None or not self._claim():
            self._port = self._board.sounds.ports.take()
        self._opened = True
        self._board.sounds.opened(self)
        self._board.sounds.ask(self._open_command())

    def _claim(self) -> bool:
        """Claim the far end's address on the shared port in place of the one before."""
        target = self._target()
        if target is None or not self._board.sounds.can_share(target, self):
            return False
        if self._shared is not None:
            self._board.sounds.unshare(self._shared, self)
        self._shared = None
        # Nobody sends from where a leg on hold says that it is; many may say so at once.
        if target[0] != NOWHERE and self._board.sounds.share(target, self):
            self._shared = target
        return True

    def _open_command(self) -> OpenLeg:
        # A phone may be behind NAT, so its real address is learnt; a carrier says where it is.
        learn = self._port != 0
        return OpenLeg(self.media, self._port, self.payload, self._digits, self._target(), learn)

    def _aim(self) -> None:
        if not self.sounding:
            return
        if not self._port:
            self._claim()
        target, learn = self._target(), self._port != 0
        self._board.sounds.ask(AimLeg(self.media, self.payload, self._digits, target, learn))

    def hear_tone(self, tone: str) -> None:
        """Play a tone to this party, in its company's country's cadence."""
        assert self.call is not None
        country = COUNTRIES.get(self.call.plan.dial_rules.country_code, "fr")
        self.ear.hear_tone(tone, country)

    def reopen(self) -> None:
        """Make the leg again in a new media process, on the same port."""
        if self.sounding:
            self._board.sounds.ask(self._open_command())

    def sound_closed(self, stats: LegStats | None) -> None:
        """The media process told the figures, or never will (None)."""
        if not self.sounding:
            return
        self._closed = True
        if self._port:
            self._board.sounds.ports.give_back(self._port)
        if self._shared is not None:
            self._board.sounds.unshare(self._shared, self)
        if self.gone:
            self.tell_end(stats)

    def tell_end(self, stats: LegStats | None) -> None:
        """Emit `LegEnded`, once, of a leg that was begun."""
        if self.call is None or self._told or not self.sip:
            return
        self._told = True
        figures = {}
        if stats is not None:
            figures = {
                "packets_received": stats.packets_received,
                "packets_lost": stats.packets_lost,
                "jitter_ms": stats.jitter_ms,
            }
        self.call.emit(
            LegEnded, leg=self.id, status=self._status, cause=self._cause[:200], **figures
        )

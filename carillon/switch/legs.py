"""One party of a call: a SIP leg and a stream of sound, kept in step."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from carillon.media import sdp
from carillon.schema.events import LegEnded, LegStarted
from carillon.schema.mediacontrol import (
    AimLeg,
    BridgeLegs,
    CloseLeg,
    LegStats,
    OpenLeg,
    PlayFiles,
    PlayTone,
)
from carillon.sip.digest import Credentials
from carillon.sip.endpoint import Flow

if TYPE_CHECKING:
    from carillon.switch.calls import Call
    from carillon.switch.switchboard import Switchboard

DIGITS = 101
"""The payload type we offer for RFC 4733 digits."""
PCMU, PCMA = 0, 8


class Ports:
    """The media ports that legs may have of their own. A freed port rests before it is used again."""

    def __init__(self, first: int, last: int) -> None:
        self._free = deque(range(first, last + 1, 2))

    def take(self) -> int:
        """Return a port, 0 when none is free."""
        return self._free.popleft() if self._free else 0

    def give_back(self, port: int) -> None:
        """Take a port back."""
        if port:
            self._free.append(port)


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


class Leg:
    """A leg of one call. `sip` and `media` are its names towards the endpoint and the media process."""

    def __init__(self, board: Switchboard, name: str, party: Party, *, dial: Dial | None = None):
        self.id = name
        self.party = party
        self.call: Call | None = None
        self.sip = 0
        self.media = board.next_media()
        self.remote: sdp.Session | None = None
        self.answered = False
        self.rang = False
        self.early = False
        self.bridged = False
        self.held = False
        self.gone = False
        self._board = board
        self._dial = dial
        self._port = 0
        self._shared: tuple[str, int] | None = None
        self._opened = False
        self._closed = False
        self._payload = PCMA
        self._digits = -1
        self._version = 1
        self._status = 0
        self._cause = ""

    @property
    def who(self) -> str:
        """How the timeline names this party."""
        return self.party.who

    # -- SIP: the caller's leg -------------------------------------------------------------------

    def take_offer(self, offer: bytes) -> bool:
        """Take the offer of an INVITE (none: we will offer); False when we share no codec."""
        if not offer:
            return True
        return self._take(offer)

    def ring(self, *, early: bool = False) -> None:
        """Tell the caller that it rings; `early` lets sound through before the answer."""
        if early:
            self.early = True
            self._open()
            answer = self._local_sdp()
            self._board.endpoint.ring(self.sip, self._board.now, status=183, sdp=answer)
        else:
            self._board.endpoint.ring(self.sip, self._board.now)

    def accept(self) -> None:
        """Answer the caller; with no offer in the INVITE ours goes in the 200."""
        if self.gone:
            return
        self._open()
        self._board.endpoint.accept(self.sip, self._local_sdp(), self._board.now)

    def confirmed(self, answer: bytes) -> None:
        """The ACK came; it holds the answer when the offer was ours."""
        if answer and self._take(answer):
            self._aim()

    # -- SIP: the legs we ring -------------------------------------------------------------------

    def start(self) -> None:
        """Send the INVITE."""
        assert self._dial is not None and self.call is not None
        dial = self._dial
        if self.party.trunk is None:
            self._open()
        self.sip = self._board.endpoint.invite(
            dial.uri,
            dial.flow,
            self._board.now,
            from_=dial.from_,
            to=dial.to,
            sdp=self._local_sdp(),
            headers=dial.headers,
            credentials=dial.credentials,
        )
        self._board.legs[self.sip] = self
        party = self.party
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

    # -- SIP: both -------------------------------------------------------------------------------

    def offered(self, offer: bytes) -> None:
        """Answer a re-INVITE or UPDATE: hold, resume, a new address."""
        if offer and not self._take(offer):
            self._board.endpoint.refuse_offer(self.sip, 488, self._board.now)
        else:
            self._version += 1
            if offer:
                self._aim()
            self._board.endpoint.answer_offer(self.sip, self._local_sdp(), self._board.now)

    def probe(self) -> None:
        """Ask a phone that went silent whether it is still there (a re-INVITE that changes nothing)."""
        if self.sip and self.answered and not self.gone:
            self._board.endpoint.reoffer(self.sip, self._local_sdp(), self._board.now)

    def hang_up(self, reason: str, *, status: int = 480) -> None:
        """Cancel, refuse or say goodbye, whatever its state asks."""
        if self.gone:
            return
        self.ended(0 if self.answered else status, cause=reason)
        self._board.endpoint.hang_up(self.sip, self._board.now, reason=reason, status=status)

    def ended(self, status: int, *, cause: str = "") -> None:
        """The SIP side is over; the sound is closed and `LegEnded` told with its figures."""
        if self.gone:
            return
        self.gone = True
        self._board.legs.pop(self.sip, None)
        self._board.release(self)
        self._status = status
        self._cause = cause
        if self._opened:
            self._board.close_leg_sound(self)
        else:
            self._tell_end(None)

    @property
    def sounding(self) -> bool:
        """Whether the media process still has this leg."""
        return self._opened and not self._closed

    # -- sound -----------------------------------------------------------------------------------

    def _take(self, description: bytes) -> bool:
        try:
            session = sdp.parse(description)
            codec = sdp.first_common(session, (PCMA, PCMU))
        except sdp.NotAcceptable:
            return False
        self.remote = session
        self._payload = codec
        self._digits = session.digits
        self.held = session.held
        return True

    def _local_sdp(self) -> bytes:
        config = self._board.config
        port = self._port or config.rtp_port
        here = sdp.Local(config.host, port, session=self.media, version=self._version)
        if self.remote is None:
            preferred = self.call.a.payload if self.call is not None else PCMA
            order = (preferred, PCMU if preferred == PCMA else PCMA)
            return sdp.offer(here, order, digits=DIGITS)
        return sdp.answer(self.remote, here, self._payload)

    @property
    def payload(self) -> int:
        """The codec this party speaks: 0 PCMU, 8 PCMA."""
        return self._payload

    def _target(self) -> tuple[str, int] | None:
        return None if self.remote is None else (self.remote.address, self.remote.port)

    def _open(self) -> None:
        """Make the media leg: on the shared port where a trunk's address is known, else on its own."""
        if self._opened:
            return
        target = self._target()
        if self.party.trunk is not None and target is not None and self._board.share(target):
            self._shared = target
        else:
            self._port = self._board.ports.take()
        self._opened = True
        self._board.sounding[self.media] = self
        self._board.media.ask(self._open_command())

    def _open_command(self) -> OpenLeg:
        # A phone may be behind NAT, so its real address is learnt; a carrier says where it is.
        learn = self._port != 0
        return OpenLeg(self.media, self._port, self._payload, self._digits, self._target(), learn)

    def _aim(self) -> None:
        target = self._target()
        if self._shared is not None and target != self._shared:
            self._board.unshare(self._shared)
            self._shared = target
            if target is not None:
                self._board.share(target)
        learn = self._port != 0
        self._board.media.ask(AimLeg(self.media, self._payload, self._digits, target, learn))

    def bridge(self, other: Leg) -> None:
        """Let two legs hear each other."""
        self.bridged = other.bridged = True
        self._board.media.ask(BridgeLegs(self.media, other.media))

    def play_files(self, play: int, paths: tuple[str, ...], *, loop: bool = False) -> None:
        """Play prompts to this party."""
        self._board.media.ask(PlayFiles(self.media, play, paths, loop))

    def play_tone(self, play: int, tone: str) -> None:
        """Play a tone to this party, in its company's country's cadence."""
        assert self.call is not None
        country = {"33": "fr", "44": "gb", "1": "us"}.get(self.call.plan.dial_rules.country_code)
        self._board.media.ask(PlayTone(self.media, play, tone, country or "fr"))

    def reopen(self) -> None:
        """Make the leg again in a new media process, on the same port."""
        if self._opened and not self._closed:
            self._board.media.ask(self._open_command())

    def close_sound(self) -> None:
        """Forget the stream; its figures follow."""
        if self._opened and not self._closed:
            self._board.media.ask(CloseLeg(self.media))

    def sound_closed(self, stats: LegStats | None) -> None:
        """The media process told the figures, or never will (None)."""
        if self._closed or not self._opened:
            return
        self._closed = True
        self._board.ports.give_back(self._port)
        if self._shared is not None:
            self._board.unshare(self._shared)
        self._tell_end(stats)

    def _tell_end(self, stats: LegStats | None) -> None:
        if self.call is None:
            return
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

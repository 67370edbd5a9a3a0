"""One party of a call: a SIP leg and a stream of sound, kept in step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from carillon.media import codecs, sdp
from carillon.schema.events import LegEnded, LegStarted
from carillon.schema.mediacontrol import LegStats
from carillon.schema.plan import OutsideTarget, Trunk
from carillon.sip.digest import Credentials
from carillon.sip.endpoint import Flow
from carillon.sip.multipart import Part
from carillon.switch.ear import Ear
from carillon.switch.securing import OFF, PLAIN, REQUIRED, SDES, wish_for
from carillon.switch.sounds import NoPort, Sounds
from carillon.switch.stream import Stream

if TYPE_CHECKING:
    from carillon.switch.calls import Call
    from carillon.switch.switchboard import Switchboard

CARRIER_PATIENCE = 4.0
"""How long a carrier may say nothing at all when there is another to be tried."""
CANNOT_SECURE = frozenset({415, 488, 606})
"""What a phone answers to an offer it cannot read or will not have."""
COUNTRIES = {"33": "fr", "44": "gb", "1": "us"}


class Party(msgspec.Struct, frozen=True):
    """Who is at the other end: one of our phones, or the outside over a trunk."""

    who: str
    user: str | None = None
    device: str | None = None
    e164: str | None = None
    trunk: str | None = None


class Dial(msgspec.Struct, frozen=True):
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
    part: Part | None = None
    """What travels beside the description: where a call for help comes from."""


class Leg:
    """A leg of one call. `sip` and `media` are its names towards the endpoint and the media process.

    `answered` once two can talk (for the caller's leg: the ACK came), `gone` once its SIP side is over.
    """

    def __init__(
        self,
        board: Switchboard,
        name: str,
        party: Party,
        sounds: Sounds,
        *,
        dial: Dial | None = None,
        encryption: str = OFF,
    ):
        self.id = name
        self.sounds = sounds
        self.party = party
        self.call: Call | None = None
        self.sip = 0
        required = encryption == REQUIRED
        wish = wish_for(dial.flow.transport, encryption) if dial and party.trunk is None else PLAIN
        if dial is None and required:
            wish = SDES  # for a caller who lets us offer
        self.stream = Stream(
            board, self, to_carrier=party.trunk is not None, wish=wish, required=required
        )
        self.media = self.stream.number
        self.answered = False
        self.rang = False
        self.early = False
        self.gone = False
        self.coach = False
        self.counted = ""
        """The company whose outside calls it counts among, "" for a leg that does not."""
        self.ear = Ear(sounds, self.media)
        self.accepted = False
        self._board = board
        self._dial = dial
        self._status = 0
        self._cause = ""
        self._told = False

    @property
    def dial(self) -> Dial | None:
        """How it is reached; None for a leg that called us."""
        return self._dial

    @property
    def helps(self) -> bool:
        """Whether it answers an emergency number: nothing is said to it first, nothing recorded of itself."""
        target = self._dial.target if self._dial else None
        return target is not None and target.emergency

    @property
    def who(self) -> str:
        """How the timeline names this party."""
        return self.party.who

    @property
    def remote(self) -> sdp.Session | None:
        """What the far end last said of its sound."""
        return self.stream.remote

    @property
    def held(self) -> bool:
        """Whether the far end does not want to hear us."""
        return self.stream.held

    # -- SIP: the caller's leg -------------------------------------------------------------------

    def take_offer(self, offer: bytes) -> bool:
        """Take the offer of an INVITE (none: we will offer); False when we share no codec."""
        return not offer or self.stream.take(offer)

    def ring(self, other: Leg | None = None) -> None:
        """Tell the caller that it rings; the sound of an `other` leg is let through before the answer."""
        if other is None:
            self._board.endpoint.ring(self.sip, self._board.now)
            return
        self.early = True
        answer = self._describe(other)
        self._board.endpoint.ring(self.sip, self._board.now, status=183, sdp=answer)

    def accept(self, other: Leg | None = None) -> None:
        """Answer the caller, who will talk with `other` where that is known. `NoPort` when full.

        With no offer in the INVITE ours goes in the 200.
        """
        if self.gone:
            return
        answer = self._describe(other)
        self.accepted = True
        self._board.endpoint.accept(self.sip, answer, self._board.now)

    def _describe(self, other: Leg | None) -> bytes:
        self.stream.suit(other.stream.codecs if other else ())
        self.stream.open()
        return self.stream.describe()

    def confirmed(self, answer: bytes) -> bool:
        """Take the ACK; it holds the answer when the offer was ours. False when it cannot be used."""
        if answer and self.stream.take(answer, answer=True):
            self.stream.aim()
        return self.remote is not None

    # -- SIP: the legs we ring -------------------------------------------------------------------

    def start(self) -> None:
        """Send the INVITE. `NoPort` and `LocalError` when it cannot be done."""
        assert self.call is not None
        if self.party.trunk is None:
            self.stream.prepare()
        self._invite()
        self._board.began_outside(self)
        self.tell_start()

    def tell_start(self) -> None:
        """Tell that this party is called, or has come to the call."""
        assert self.call is not None
        party = self.party
        self.call.emit(
            LegStarted,
            leg=self.id,
            user=party.user,
            device=party.device,
            e164=party.e164,
            trunk=party.trunk,
        )

    def _invite(self) -> None:
        assert self._dial is not None and self.call is not None
        dial, caller = self._dial, self.call.a
        # What the caller has comes first, so that nothing has to be translated between the two.
        wanted = caller.stream.codecs if caller is not self else ()
        self.sip = self._board.endpoint.invite(
            dial.uri,
            dial.flow,
            self._board.now,
            from_=dial.from_,
            to=dial.to,
            sdp=self.stream.offer(wanted),
            headers=dial.headers,
            credentials=dial.credentials,
            max_forwards=dial.hops,
            patience=CARRIER_PATIENCE if dial.others else 0.0,
            part=dial.part,
        )
        self._board.legs[self.sip] = self

    def retry_plain(self, status: int) -> bool:
        """Ring a desk phone again that will not have keys in SDP; False where there is nothing to retry."""
        secured = self.stream.securing
        if status not in CANNOT_SECURE or secured.kind != SDES or secured.agreed or self.gone:
            return False
        if secured.required:
            return False
        self._board.legs.pop(self.sip, None)
        self.stream.give_back()
        self.stream = Stream(self._board, self, to_carrier=False)
        self.media = self.stream.number
        self.ear = Ear(self.sounds, self.media)
        try:
            self.stream.prepare()
        except NoPort:
            return False
        self._invite()
        return True

    def take_answer(self, answer: bytes) -> bool:
        """Take the answer to our offer (also an early one); False when it cannot be used."""
        if not answer:
            return self.remote is not None
        if not self.stream.take(answer, answer=True):
            return False
        if self.stream.sounding:
            self.stream.aim()
        else:
            self.stream.open()
        return True

    def settle(self) -> None:
        """Where its sound had to move to another port than we offered, say so."""
        if self.stream.moved:
            self.probe()

    # -- SIP: both -------------------------------------------------------------------------------

    def offered(self, offer: bytes) -> None:
        """Answer a re-INVITE or UPDATE (hold, resume, a new address); offer where they want ours."""
        now = self._board.now
        if offer and not self.stream.take(offer):
            self._board.endpoint.refuse_offer(self.sip, 488, now)
            return
        self.stream.change()
        if offer:
            self.stream.aim()
        description = self.stream.describe() if offer else self.stream.offer()
        self._board.endpoint.answer_offer(self.sip, description, now)

    def offer_answered(self, answer: bytes) -> None:
        """Take the answer to an offer we made within the call; one we cannot use changes nothing."""
        if answer and self.stream.take(answer, answer=True):
            self.stream.aim()

    def probe(self) -> None:
        """Offer again what holds: a phone that is still there says so, and where its sound is."""
        if self.sip and self.answered and not self.gone:
            self.stream.change()
            self._board.endpoint.reoffer(self.sip, self.stream.offer(), self._board.now)

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
            self.sounds.close(self)
        else:
            self.stream.give_back()
            self.tell_end(None)

    # -- sound -----------------------------------------------------------------------------------

    @property
    def sounding(self) -> bool:
        """Whether the media process still has this leg."""
        return self.stream.sounding

    def hear_tone(self, tone: str) -> None:
        """Play a tone to this party, in its company's country's cadence."""
        assert self.call is not None
        country = COUNTRIES.get(self.call.plan.dial_rules.country_code, "fr")
        self.ear.hear_tone(tone, country)

    def reopen(self) -> None:
        """Make the leg again in a new media process, on the same port."""
        self.stream.reopen()
        # Only another certificate makes a browser shake hands again.
        if self.sounding and self.stream.moved:
            self.probe()

    def sound_closed(self, stats: LegStats | None) -> None:
        """The media process told the figures, or never will (None)."""
        if not self.sounding:
            return
        self.stream.close()
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
                "round_trip_ms": stats.round_trip_ms,
                "mos": stats.mos,
                "codec": codecs.BY_NUMBER[self.stream.codec].name,
                "secured": self.stream.securing.kind,
            }
        self.call.emit(
            LegEnded, leg=self.id, status=self._status, cause=self._cause[:200], **figures
        )

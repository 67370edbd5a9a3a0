"""Session descriptions (RFC 8866) and their offers and answers (RFC 3264), as far as a telephone needs them.

One audio stream is understood: the first that has a port and a transport we speak. Every other stream of an
offer is refused in its place. Reading is tolerant and bounded; a description that leaves nothing to agree
on is `NotAcceptable`, which SIP says as 488.

Codecs go by their number of `codecs` and are found by name: a payload type means what its rtpmap says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from carillon.media import codecs, keying
from carillon.media.codecs import G722, OPUS, PCMA, PCMU
from carillon.media.keying import Crypto, Ice, Secured
from carillon.media.sdp_lines import DTLS, PLAIN, Document, Media, NotAcceptable, number, read

__all__ = ["G722", "OPUS", "PCMA", "PCMU", "Crypto", "Ice", "NotAcceptable", "Secured"]

DIGITS = "telephone-event"
# RFC 3551 table 4: what these numbers mean when no rtpmap says it.
_STATIC = {
    0: ("PCMU", 8000, 1),
    3: ("GSM", 8000, 1),
    8: ("PCMA", 8000, 1),
    9: ("G722", 8000, 1),
    18: ("G729", 8000, 1),
}
_OPUS_FMTP = "minptime=10;useinbandfec=1"


@dataclass(frozen=True, slots=True)
class Local:
    """Our side. `session` stays the same throughout a call, `version` grows by one with every change."""

    address: str
    port: int
    session: int
    version: int


@dataclass(frozen=True, slots=True)
class Payload:
    """A payload type and what it means. `fmtp` is its format parameters as they stand."""

    pt: int
    name: str
    clock: int = 8000
    fmtp: str = ""
    channels: int = 1

    @property
    def codec(self) -> int:
        """Its number of `codecs`, -1 for one we do not know."""
        known = codecs.find(self.name)
        same = known and (known.clock, known.channels) == (self.clock, self.channels)
        return known.number if known and same else -1


@dataclass(frozen=True, slots=True)
class Stream:
    """A stream we do not take part in, as the offer named it."""

    kind: str
    protocol: str
    formats: str


@dataclass(frozen=True, slots=True)
class Session:
    """What the far end said about its audio.

    `payloads` holds the audio codecs in their order, `digits` the payload type of its telephone events
    at 8 kHz and `wide_digits` at 48 kHz, -1 for none. `direction` is theirs; "0.0.0.0" as address is hold
    (RFC 2543) and shows as sendonly, but for ICE, where it is only not known yet. `others` are the
    remaining streams with their place, `place` is that of the audio. `bundled`: its `mid` is in a BUNDLE.
    """

    address: str
    port: int
    payloads: tuple[Payload, ...]
    direction: str = "sendrecv"
    ptime: int = 20
    rtcp_mux: bool = False
    digits: int = -1
    wide_digits: int = -1
    place: int = 0
    others: tuple[Stream, ...] = ()
    protocol: str = "RTP/AVP"
    ice: Ice | None = None
    fingerprint: str = ""
    setup: str = ""
    cryptos: tuple[Crypto, ...] = ()
    mid: str = ""
    bundled: bool = False

    @property
    def held(self) -> bool:
        """Whether they do not want to hear us."""
        return self.direction in ("sendonly", "inactive")

    @property
    def keys(self) -> str:
        """How keys are agreed on: "dtls", "sdes" (they are in here), "" for a plain stream."""
        if self.protocol in PLAIN:
            return ""
        # Where both are offered, keys nobody else has ever seen are better.
        return "dtls" if self.fingerprint else "sdes"

    @property
    def codecs(self) -> tuple[int, ...]:
        """The codecs that we know, in their order."""
        return tuple(dict.fromkeys(each.codec for each in self.payloads if each.codec >= 0))

    def payload(self, codec: int) -> Payload:
        """Return how they have one of `codecs`."""
        return next(each for each in self.payloads if each.codec == codec)

    def digits_for(self, codec: int) -> tuple[int, int]:
        """Return payload type and clock of telephone events beside a codec: of its clock if they can."""
        if codec == OPUS and self.wide_digits >= 0:
            return self.wide_digits, 48000
        return self.digits, 8000


def parse(document: bytes) -> Session:
    """Read an offer or an answer; `NotAcceptable` when it has no audio we could talk over."""
    said = read(document)
    audible = (index for index, media in enumerate(said.streams) if media.is_audible())
    place = next(audible, -1)
    if place < 0:
        raise NotAcceptable("no audio stream")
    others = tuple(
        Stream(other.kind, other.protocol, " ".join(other.formats))
        for index, other in enumerate(said.streams)
        if index != place
    )
    return _session(said, place, others)


def _session(said: Document, place: int, others: tuple[Stream, ...]) -> Session:
    media = said.streams[place]
    address = media.address or said.address
    direction = media.direction or said.direction or "sendrecv"
    if not address:
        raise NotAcceptable("no address")
    payloads, digits = _payloads(media)
    user, password = media.user or said.user, media.password or said.password
    ice = None
    if user and password:
        ice = Ice(user, password, said.ice_lite, tuple(media.candidates))
    elif address in ("0.0.0.0", "::"):
        # RFC 2543 hold: no address to send to.
        direction = {"sendrecv": "sendonly", "recvonly": "inactive"}.get(direction, direction)
    session = Session(
        address,
        media.port,
        payloads,
        direction,
        media.ptime,
        media.rtcp_mux,
        digits.get(8000, -1),
        digits.get(48000, -1),
        place,
        others,
        protocol=media.protocol,
        ice=ice,
        fingerprint=media.fingerprint or said.fingerprint,
        setup=media.setup or said.setup,
        cryptos=tuple(media.cryptos),
        mid=media.mid,
        bundled=bool(media.mid) and media.mid in said.bundles,
    )
    if session.protocol in DTLS and not session.fingerprint:
        raise NotAcceptable("no fingerprint")
    if session.keys == "sdes" and not session.cryptos:
        raise NotAcceptable("no keys")
    return session


def _payloads(media: Media) -> tuple[tuple[Payload, ...], dict[int, int]]:
    """Return the stream's codecs, and its telephone events by their clock."""
    payloads = []
    digits: dict[int, int] = {}
    for text in media.formats:
        pt = number(text, 127)
        mapped = media.maps.get(pt) or _STATIC.get(pt) if pt is not None else None
        if pt is None or mapped is None:
            continue
        name, clock, channels = mapped
        if name.lower() == DIGITS:
            digits.setdefault(clock, pt)
        else:
            payloads.append(Payload(pt, name, clock, media.fmtps.get(pt, ""), channels))
    return tuple(payloads), digits


def first_common(session: Session, known: Sequence[int], wanted: Sequence[int] = ()) -> int:
    """Return their first codec of those `wanted`, else of those `known`; `NotAcceptable` if none is."""
    for some in (wanted, known):
        for codec in session.codecs:
            if codec in some and codec in known:
                return codec
    raise NotAcceptable("no common codec")


def offer(
    local: Local,
    offered: Sequence[int],
    *,
    digits: int = 101,
    direction: str = "sendrecv",
    secured: Secured | None = None,
    numbers: Mapping[int, int] | None = None,
) -> bytes:
    """Write an offer of one audio stream with these codecs; `digits` -1: no telephone events.

    `numbers` are payload types agreed on before, by codec, to be kept. Of two that would get one number
    the second gets another.
    """
    # Keys at 8 kHz beside Opus too, against RFC 4733 §2.1: every phone has that clock, and Chromium, offered
    # both, answers both and then sends the one that is not Opus'.
    events = {8000: digits} if digits >= 0 else {}
    taken = set((numbers or {}).values())
    events = {clock: _free(pt, taken) for clock, pt in events.items()}
    ours = []
    for codec in map(codecs.BY_NUMBER.__getitem__, offered):
        kept = (numbers or {}).get(codec.number)
        pt = _free(codec.payload_type, taken) if kept is None else kept
        fmtp = _OPUS_FMTP if codec.number == OPUS else ""
        ours.append(Payload(pt, codec.name, codec.clock, fmtp, codec.channels))
    protocol = secured.protocol if secured else "RTP/AVP"
    audio = _audio(local, protocol, ours, events, direction, secured)
    if secured is None or secured.ice is None:
        return _document(local, [audio])
    return _document(local, [[*audio, "a=mid:0"]], ["a=ice-lite", "a=group:BUNDLE 0"])


def _free(wanted: int, taken: set[int]) -> int:
    """Take a payload type: the one wanted, or a free one of the dynamic range (RFC 3551 §6)."""
    free = (pt for pt in (wanted, *range(96, 128)) if pt not in taken)
    pt = next(free, wanted)
    taken.add(pt)
    return pt


def answer(
    offered: Session,
    local: Local,
    codec: int,
    *,
    direction: str = "sendrecv",
    secured: Secured | None = None,
) -> bytes:
    """Write the answer to an offer: one codec, their telephone events, and every other stream refused.

    `direction` is what we would like; what they asked for limits it. `secured` is how the offer's
    transport wants it.
    """
    ours = answer_direction(offered.direction, direction)
    streams = [[f"m={other.kind} 0 {other.protocol} {other.formats}"] for other in offered.others]
    theirs = offered.payload(codec)
    fmtp = _OPUS_FMTP if codec == OPUS else ""
    payload = Payload(theirs.pt, theirs.name, theirs.clock, fmtp, theirs.channels)
    digits, clock = offered.digits_for(codec)
    events = {clock: digits} if digits >= 0 else {}
    audio = _audio(local, offered.protocol, [payload], events, ours, secured)
    audio += [f"a=mid:{offered.mid}"] if offered.mid else []
    streams.insert(offered.place, audio)
    head = ["a=ice-lite"] if secured and secured.ice else []
    head += [f"a=group:BUNDLE {offered.mid}"] if offered.bundled else []
    return _document(local, streams, head)


def answer_direction(theirs: str, wanted: str = "sendrecv") -> str:
    """Return the direction to answer with (RFC 3264 §6.1): never more than the offer allows."""
    sends = theirs in ("sendrecv", "recvonly") and wanted in ("sendrecv", "sendonly")
    hears = theirs in ("sendrecv", "sendonly") and wanted in ("sendrecv", "recvonly")
    if sends and hears:
        return "sendrecv"
    return "sendonly" if sends else "recvonly" if hears else "inactive"


def _audio(
    local: Local,
    protocol: str,
    payloads: Sequence[Payload],
    events: Mapping[int, int],
    direction: str,
    secured: Secured | None,
) -> list[str]:
    numbers = [payload.pt for payload in payloads] + list(events.values())
    lines = [f"m=audio {local.port} {protocol} {' '.join(map(str, numbers))}"]
    for payload in payloads:
        channels = f"/{payload.channels}" if payload.channels > 1 else ""
        lines.append(f"a=rtpmap:{payload.pt} {payload.name}/{payload.clock}{channels}")
        lines += [f"a=fmtp:{payload.pt} {payload.fmtp}"] if payload.fmtp else []
    for clock, pt in events.items():
        lines += [f"a=rtpmap:{pt} {DIGITS}/{clock}", f"a=fmtp:{pt} 0-15"]
    if secured is not None:
        lines += keying.lines(secured, local.address, local.port)
        lines += ["a=rtcp-mux"] if secured.fingerprint else []
    return [*lines, "a=ptime:20", f"a={direction}"]


def _document(
    local: Local, streams: Sequence[Sequence[str]], attributes: Sequence[str] = ()
) -> bytes:
    where = f"IN {'IP6' if ':' in local.address else 'IP4'} {local.address}"
    head = ["v=0", f"o=- {local.session} {local.version} {where}", "s=-", f"c={where}", "t=0 0"]
    lines = [*head, *attributes, *(line for stream in streams for line in stream)]
    return ("\r\n".join(lines) + "\r\n").encode("utf-8", "replace")

"""Session descriptions (RFC 8866) and their offers and answers (RFC 3264), as far as a telephone needs them.

One audio stream is understood: the first that has a port. Every other stream of an offer is refused in its
place. Reading is tolerant and bounded; a description that leaves nothing to agree on is `NotAcceptable`,
which SIP says as 488.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass, replace

MAX_BYTES = 32768
MAX_LINES = 500
MAX_STREAMS = 16
MAX_PAYLOADS = 64
DIGITS = "telephone-event"
DIRECTIONS = ("sendrecv", "sendonly", "recvonly", "inactive")
# RFC 3551 table 4: what these numbers mean when no rtpmap says it.
_STATIC = {
    0: ("PCMU", 8000),
    3: ("GSM", 8000),
    8: ("PCMA", 8000),
    9: ("G722", 8000),
    18: ("G729", 8000),
}


PCMU = 0
PCMA = 8


class NotAcceptable(Exception):
    """Nothing in this description can be agreed on, or it cannot be read."""


@dataclass(frozen=True, slots=True)
class Local:
    """Our side. `session` stays the same throughout a call, `version` grows by one with every change."""

    address: str
    port: int
    session: int
    version: int


@dataclass(frozen=True, slots=True)
class Codec:
    """A payload type and what it means. `fmtp` is its format parameters as they stand."""

    pt: int
    name: str
    clock: int = 8000
    fmtp: str = ""


@dataclass(frozen=True, slots=True)
class Stream:
    """A stream we do not take part in, as the offer named it."""

    kind: str
    protocol: str
    formats: str


@dataclass(frozen=True, slots=True)
class Session:
    """What the far end said about its audio.

    `payloads` holds the audio codecs in their order, `digits` the payload type of its telephone events at
    8 kHz, -1 for none. `direction` is theirs; "0.0.0.0" as address is hold (RFC 2543) and shows as
    sendonly. `others` are the remaining streams with their place, `place` is that of the audio.
    """

    address: str
    port: int
    payloads: tuple[Codec, ...]
    direction: str = "sendrecv"
    ptime: int = 20
    rtcp_mux: bool = False
    digits: int = -1
    place: int = 0
    others: tuple[Stream, ...] = ()
    protocol: str = "RTP/AVP"

    @property
    def held(self) -> bool:
        """Whether they do not want to hear us."""
        return self.direction in ("sendonly", "inactive")


@dataclass(slots=True)
class _Media:
    kind: str
    port: int
    protocol: str
    formats: list[str]
    address: str = ""
    direction: str = ""
    ptime: int = 20
    rtcp_mux: bool = False
    maps: dict[int, tuple[str, int]] | None = None
    fmtps: dict[int, str] | None = None


def parse(document: bytes) -> Session:
    """Read an offer or an answer; `NotAcceptable` when it has no audio we could talk over."""
    if len(document) > MAX_BYTES:
        raise NotAcceptable("too long")
    streams, address, direction = _read(document)
    audible = (
        index
        for index, media in enumerate(streams)
        if media.kind == "audio" and media.port and media.protocol in ("RTP/AVP", "RTP/AVPF")
    )
    place = next(audible, -1)
    if place < 0:
        raise NotAcceptable("no audio stream")
    media = streams[place]
    others = tuple(
        Stream(other.kind, other.protocol, " ".join(other.formats))
        for index, other in enumerate(streams)
        if index != place
    )
    session = _session(media, media.address or address, media.direction or direction or "sendrecv")
    return replace(session, place=place, others=others)


def _read(document: bytes) -> tuple[list[_Media], str, str]:
    text = document.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n")
    lines = text.split("\n")
    if len(lines) > MAX_LINES:
        raise NotAcceptable("too many lines")
    streams: list[_Media] = []
    address = direction = ""
    for line in lines:
        kind, value = line[:2], line[2:].strip(" \t")
        if kind == "m=":
            streams.append(_media(value))
        elif kind == "c=":
            if streams:
                streams[-1].address = _address(value)
            else:
                address = _address(value)
        elif kind == "a=":
            if streams:
                _attribute(streams[-1], value)
            elif value in DIRECTIONS:
                direction = value
    if len(streams) > MAX_STREAMS:
        raise NotAcceptable("too many streams")
    return streams, address, direction


def _media(value: str) -> _Media:
    words = value.split()
    if len(words) < 3:
        raise NotAcceptable("bad m= line")
    port = _number(words[1].partition("/")[0], 65535)
    if port is None:
        raise NotAcceptable("bad port")
    return _Media(words[0], port, words[2], words[3 : 3 + MAX_PAYLOADS], maps={}, fmtps={})


def _address(value: str) -> str:
    words = value.split()
    if len(words) < 3 or words[0] != "IN":
        raise NotAcceptable("bad c= line")
    text = words[2].partition("/")[0]
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise NotAcceptable("not an address") from None


def _attribute(media: _Media, value: str) -> None:
    name, _, rest = value.partition(":")
    if value in DIRECTIONS:
        media.direction = value
    elif value == "rtcp-mux":
        media.rtcp_mux = True
    elif name == "ptime":
        media.ptime = _number(rest.strip(), 200) or 20
    elif name in ("rtpmap", "fmtp"):
        number, _, what = rest.strip().partition(" ")
        pt = _number(number, 127)
        if pt is None:
            return
        if name == "fmtp" and media.fmtps is not None:
            media.fmtps[pt] = what.strip()[:500]
        elif media.maps is not None and (mapped := _rtpmap(what)):
            media.maps[pt] = mapped


def _rtpmap(text: str) -> tuple[str, int] | None:
    name, *rest = text.strip().split("/")
    clock = _number(rest[0], 400_000) if rest else None
    return (name, clock) if name and clock else None


def _number(text: str, most: int) -> int | None:
    if not (text.isascii() and text.isdigit()) or len(text) > 9 or int(text) > most:
        return None
    return int(text)


def _session(media: _Media, address: str, direction: str) -> Session:
    if not address:
        raise NotAcceptable("no address")
    codecs: list[Codec] = []
    digits = -1
    for text in media.formats:
        pt = _number(text, 127)
        mapped = (media.maps or {}).get(pt) or _STATIC.get(pt) if pt is not None else None
        if pt is None or mapped is None:
            continue
        name, clock = mapped
        if name.lower() == DIGITS:
            digits = pt if clock == 8000 and digits < 0 else digits
        else:
            codecs.append(Codec(pt, name, clock, (media.fmtps or {}).get(pt, "")))
    if address in ("0.0.0.0", "::"):
        # RFC 2543 hold: no address to send to.
        direction = {"sendrecv": "sendonly", "recvonly": "inactive"}.get(direction, direction)
    return Session(
        address,
        media.port,
        tuple(codecs),
        direction,
        media.ptime,
        media.rtcp_mux,
        digits,
        protocol=media.protocol,
    )


def first_common(session: Session, known: Sequence[int]) -> int:
    """Return the payload type of their first codec that we know; `NotAcceptable` when there is none.

    `known` are static payload types (RFC 3551); a number that means something else here does not count.
    """
    for codec in session.payloads:
        if codec.pt in known and _STATIC.get(codec.pt) == (codec.name.upper(), codec.clock):
            return codec.pt
    raise NotAcceptable("no common codec")


def offer(
    local: Local, codecs: Sequence[int], *, digits: int = 101, direction: str = "sendrecv"
) -> bytes:
    """Write an offer of one audio stream with these payload types; `digits` -1: no telephone events."""
    return _document(local, [_audio(local.port, "RTP/AVP", codecs, digits, direction)])


def answer(offered: Session, local: Local, codec: int, *, direction: str = "sendrecv") -> bytes:
    """Write the answer to an offer: one codec, their telephone events, and every other stream refused.

    `direction` is what we would like; what they asked for limits it.
    """
    ours = answer_direction(offered.direction, direction)
    streams = [[f"m={other.kind} 0 {other.protocol} {other.formats}"] for other in offered.others]
    audio = _audio(local.port, offered.protocol, (codec,), offered.digits, ours)
    streams.insert(offered.place, audio)
    return _document(local, streams)


def answer_direction(theirs: str, wanted: str = "sendrecv") -> str:
    """Return the direction to answer with (RFC 3264 §6.1): never more than the offer allows."""
    sends = theirs in ("sendrecv", "recvonly") and wanted in ("sendrecv", "sendonly")
    hears = theirs in ("sendrecv", "sendonly") and wanted in ("sendrecv", "recvonly")
    if sends and hears:
        return "sendrecv"
    return "sendonly" if sends else "recvonly" if hears else "inactive"


def _audio(
    port: int, protocol: str, codecs: Sequence[int], digits: int, direction: str
) -> list[str]:
    numbers = [*codecs, digits] if digits >= 0 else codecs
    lines = [f"m=audio {port} {protocol} {' '.join(map(str, numbers))}"]
    for codec in codecs:
        name, clock = _STATIC[codec]
        lines.append(f"a=rtpmap:{codec} {name}/{clock}")
    if digits >= 0:
        lines += [f"a=rtpmap:{digits} {DIGITS}/8000", f"a=fmtp:{digits} 0-15"]
    return [*lines, "a=ptime:20", f"a={direction}"]


def _document(local: Local, streams: Sequence[Sequence[str]]) -> bytes:
    where = f"IN {'IP6' if ':' in local.address else 'IP4'} {local.address}"
    head = ["v=0", f"o=- {local.session} {local.version} {where}", "s=-", f"c={where}", "t=0 0"]
    lines = [*head, *(line for stream in streams for line in stream)]
    return ("\r\n".join(lines) + "\r\n").encode("utf-8", "replace")

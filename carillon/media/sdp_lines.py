"""The lines of a session description (RFC 8866) and what each says, before anything is made of it.

Tolerant and bounded: a line that makes no sense is passed over, unless nothing can be understood without.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from functools import lru_cache

from carillon.media import keying
from carillon.media.keying import Crypto

MAX_BYTES = 32768
MAX_LINES = 500
MAX_STREAMS = 16
MAX_PAYLOADS = 64
_MOST_KNOWN, _MOST_KNOWN_CHARS = 4096, 45
PLAIN = ("RTP/AVP", "RTP/AVPF")
COVERED = ("RTP/SAVP", "RTP/SAVPF")
DTLS = ("UDP/TLS/RTP/SAVP", "UDP/TLS/RTP/SAVPF")


class NotAcceptable(Exception):
    """Nothing in this description can be agreed on, or it cannot be read."""


@dataclass(slots=True)
class Attributes:
    """What may stand at the head of a description or in a stream; a stream's own counts before."""

    direction: str = ""
    user: str = ""
    password: str = ""
    setup: str = ""
    fingerprint: str = ""


@dataclass(slots=True)
class Media(Attributes):
    """One stream: its m= line and what follows it."""

    kind: str = ""
    port: int = 0
    protocol: str = ""
    formats: list[str] = field(default_factory=list)
    address: str = ""
    ptime: int = 20
    rtcp_mux: bool = False
    mid: str = ""
    maps: dict[int, tuple[str, int, int]] = field(default_factory=dict)
    fmtps: dict[int, str] = field(default_factory=dict)
    candidates: list[keying.Candidate] = field(default_factory=list)
    cryptos: list[Crypto] = field(default_factory=list)

    def is_audible(self) -> bool:
        """Say whether this is sound over a transport we speak."""
        if self.kind != "audio" or not self.port:
            return False
        return self.protocol in PLAIN + COVERED + DTLS


@dataclass(slots=True)
class Document(Attributes):
    """The head, and the streams in their order."""

    address: str = ""
    ice_lite: bool = False
    bundles: list[str] = field(default_factory=list)
    streams: list[Media] = field(default_factory=list)


def read(document: bytes) -> Document:
    """Read a description; `NotAcceptable` when it is too long or its m= and c= lines make no sense."""
    if len(document) > MAX_BYTES:
        raise NotAcceptable("too long")
    text = document.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n")
    lines = text.split("\n")
    if len(lines) > MAX_LINES:
        raise NotAcceptable("too many lines")
    said = Document()
    for line in lines:
        kind, value = line[:2], line[2:].strip(" \t")
        stream = said.streams[-1] if said.streams else None
        if kind == "m=":
            said.streams.append(_media(value))
        elif kind == "c=":
            (stream or said).address = _address(value)
        elif kind == "a=":
            name, _, rest = value.partition(":")
            if _shared_attribute(stream or said, name, rest):
                continue
            if stream is None:
                _head_attribute(said, name, rest)
            else:
                _attribute(stream, name, rest.strip())
    if len(said.streams) > MAX_STREAMS:
        raise NotAcceptable("too many streams")
    return said


def _media(value: str) -> Media:
    words = value.split()
    if len(words) < 3:
        raise NotAcceptable("bad m= line")
    port = number(words[1].partition("/")[0], 65535)
    if port is None:
        raise NotAcceptable("bad port")
    formats = words[3 : 3 + MAX_PAYLOADS]
    return Media(kind=words[0], port=port, protocol=words[2], formats=formats)


def _address(value: str) -> str:
    words = value.split()
    if len(words) < 3 or words[0] != "IN":
        raise NotAcceptable("bad c= line")
    text = words[2].partition("/")[0]
    # Many calls come from the same few addresses.
    return _known_ip(text) if len(text) <= _MOST_KNOWN_CHARS else _ip(text)


def _ip(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise NotAcceptable("not an address") from None


_known_ip = lru_cache(_MOST_KNOWN)(_ip)


def _shared_attribute(where: Attributes, name: str, value: str) -> bool:
    """Take an attribute that streams and the head have in common; False for any other."""
    value = value.strip()
    match name:
        case "sendrecv" | "sendonly" | "recvonly" | "inactive":
            where.direction = name
        case "ice-ufrag" if keying.is_ice_text(value, 4):
            where.user = value
        case "ice-pwd" if keying.is_ice_text(value, 22):
            where.password = value
        case "setup" if value in ("active", "passive", "actpass"):
            where.setup = value
        case "fingerprint":
            where.fingerprint = where.fingerprint or keying.read_fingerprint(value)
        case _:
            return False
    return True


def _head_attribute(said: Document, name: str, value: str) -> None:
    if name == "ice-lite":
        said.ice_lite = True
    elif name == "group" and value.startswith("BUNDLE "):
        said.bundles += value.split()[1 : 1 + MAX_STREAMS]


def _attribute(media: Media, name: str, value: str) -> None:
    match name:
        case "rtcp-mux":
            media.rtcp_mux = True
        case "ptime":
            media.ptime = number(value, 200) or 20
        case "mid":
            media.mid = value[:64]
        case "candidate" if len(media.candidates) < keying.MAX_CANDIDATES:
            candidate = keying.read_candidate(value)
            media.candidates += [candidate] if candidate else []
        case "crypto" if len(media.cryptos) < keying.MAX_CRYPTOS:
            crypto = keying.read_crypto(value)
            media.cryptos += [crypto] if crypto else []
        case "rtpmap" | "fmtp":
            first, _, what = value.partition(" ")
            pt = number(first, 127)
            if pt is not None and name == "fmtp":
                media.fmtps[pt] = what.strip()[:500]
            elif pt is not None and (mapped := _rtpmap(what)):
                media.maps[pt] = mapped


def _rtpmap(text: str) -> tuple[str, int, int] | None:
    name, *rest = text.strip().split("/")
    clock = number(rest[0], 400_000) if rest else None
    channels = number(rest[1], 255) if len(rest) > 1 else 1
    return (name, clock, channels or 1) if name and clock else None


def number(text: str, most: int) -> int | None:
    """Return a number of digits, None where it is another thing or more than `most`."""
    if not (text.isascii() and text.isdigit()) or len(text) > 9 or int(text) > most:
        return None
    return int(text)

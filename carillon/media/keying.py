"""How a stream is reached and secured, line by line of SDP: ICE, DTLS fingerprints, SDES keys.

RFC 8839 (ICE), RFC 8122 and 5763 (fingerprint and setup), RFC 4568 and 7714 (crypto). A line we cannot
use is as if it were not there: the phone has others, or none, and then it is told 488.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import string
from dataclasses import dataclass

SUITES = {
    "AES_CM_128_HMAC_SHA1_80": 30,
    "AES_CM_128_HMAC_SHA1_32": 30,
    "AEAD_AES_128_GCM": 28,
    "AEAD_AES_256_GCM": 44,
}
"""Suites for keys told in SDP, and how many bytes master key and salt have together."""
HASHES = {"sha-256": 32, "sha-384": 48, "sha-512": 64}
MAX_CRYPTOS = 8
MAX_CANDIDATES = 16
_ICE_CHARACTERS = frozenset(string.ascii_letters + string.digits + "+/")
_HEX = frozenset(string.hexdigits)
_HOST_PRIORITY = 2130706431
_MAX_TAG = 999_999_999


@dataclass(frozen=True, slots=True)
class Candidate:
    """Where the far end may be reached: an address for RTP over UDP."""

    address: str
    port: int
    priority: int


@dataclass(frozen=True, slots=True)
class Ice:
    """One side's connectivity checks: its user fragment and password."""

    user: str
    password: str
    lite: bool = False
    candidates: tuple[Candidate, ...] = ()


@dataclass(frozen=True, slots=True)
class Crypto:
    """Keys told in SDP: `key` is master key and salt, as long as the suite says."""

    tag: int
    suite: str
    key: bytes


@dataclass(frozen=True, slots=True)
class Secured:
    """How our side of a stream is secured: DTLS with a fingerprint, or keys in SDP.

    `fingerprint` and `setup` go with `ice` or without it; `cryptos` go alone.
    """

    ice: Ice | None = None
    fingerprint: str = ""
    setup: str = ""
    cryptos: tuple[Crypto, ...] = ()

    @property
    def protocol(self) -> str:
        """The transport an offer names."""
        return "UDP/TLS/RTP/SAVPF" if self.fingerprint else "RTP/SAVP"


def read_candidate(value: str) -> Candidate | None:
    """Read what follows "candidate:"; None for RTCP, TCP, and names (mDNS) nobody here can look up."""
    words = value.split()
    if len(words) < 8 or words[1] != "1" or words[2].lower() != "udp":
        return None
    priority, port = _number(words[3], 2**32 - 1), _number(words[5], 65535)
    try:
        address = str(ipaddress.ip_address(words[4]))
    except ValueError:
        return None
    if priority is None or not port:
        return None
    return Candidate(address, port, priority)


def read_fingerprint(value: str) -> str:
    """Return "sha-256 AB:CD:…", "" for a weaker hash or a wrong length."""
    name, _, text = value.strip().partition(" ")
    octets = text.strip().upper().split(":")[:65]
    if len(octets) != HASHES.get(name.lower()):
        return ""
    if not all(len(octet) == 2 and set(octet) <= _HEX for octet in octets):
        return ""
    return f"{name.lower()} {':'.join(octets)}"


def read_crypto(value: str) -> Crypto | None:
    """Read what follows "crypto:"; None for what we do not do: other suites, MKI, several keys."""
    words = value.split()
    tag = _number(words[0], _MAX_TAG) if words else None
    # Session parameters may turn encryption off or change how keys are derived.
    if tag is None or len(words) != 3 or not words[2].startswith("inline:"):
        return None
    text, *rest = words[2].removeprefix("inline:").split("|")
    if len(rest) > 1 or any(":" in part for part in rest):
        return None
    suite = words[1].upper()
    try:
        key = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return Crypto(tag, suite, key) if len(key) == SUITES.get(suite) else None


def is_ice_text(value: str, least: int) -> bool:
    """Say whether this can be a user fragment (4 at least) or a password (22)."""
    return least <= len(value) <= 256 and set(value) <= _ICE_CHARACTERS


def lines(ours: Secured, address: str, port: int) -> list[str]:
    """Write the stream's attributes; the candidate is our one address."""
    written = []
    if ours.ice is not None:
        candidate = f"a=candidate:1 1 udp {_HOST_PRIORITY} {address} {port} typ host"
        written = [f"a=ice-ufrag:{ours.ice.user}", f"a=ice-pwd:{ours.ice.password}"]
        written += [candidate, "a=end-of-candidates"]
    if ours.fingerprint:
        written += [f"a=fingerprint:{ours.fingerprint}", f"a=setup:{ours.setup}"]
    for crypto in ours.cryptos:
        key = base64.b64encode(crypto.key).decode()
        written.append(f"a=crypto:{crypto.tag} {crypto.suite} inline:{key}")
    return written


def our_setup(theirs: str) -> str:
    """Return our part of the handshake, passive where they leave it to us (RFC 5763 §5)."""
    return "active" if theirs == "passive" else "passive"


def _number(text: str, most: int) -> int | None:
    if not (text.isascii() and text.isdigit()) or len(text) > 10 or int(text) > most:
        return None
    return int(text)

"""STUN binding requests and their answers (RFC 8489), as far as ICE checks need them (RFC 8445 §7).

A message is parsed without believing anything: every length is a claim, an attribute seen twice counts
once, and what follows MESSAGE-INTEGRITY is ignored but FINGERPRINT (RFC 8489 §14.5). Whether the message
is genuine is asked apart, `is_genuine`, because whose password counts is known only after the user name.
"""

from __future__ import annotations

import hmac
import ipaddress
import zlib
from dataclasses import dataclass

MAGIC = 0x2112A442
HEADER_BYTES = 20
MAX_BYTES = 1200
MAX_USERNAME = 513
_MAX_ATTRIBUTES = 24

REQUEST = 0x0001
INDICATION = 0x0011
SUCCESS = 0x0101
FAILURE = 0x0111

USERNAME = 0x0006
MESSAGE_INTEGRITY = 0x0008
ERROR_CODE = 0x0009
UNKNOWN_ATTRIBUTES = 0x000A
XOR_MAPPED_ADDRESS = 0x0020
PRIORITY = 0x0024
USE_CANDIDATE = 0x0025
FINGERPRINT = 0x8028
ICE_CONTROLLED = 0x8029
ICE_CONTROLLING = 0x802A
_REQUIRED = 0x8000
_KNOWN = {USERNAME, MESSAGE_INTEGRITY, PRIORITY, USE_CANDIDATE, XOR_MAPPED_ADDRESS, ERROR_CODE}
_FINGERPRINT_XOR = 0x5354554E
_INTEGRITY_BYTES = 20
_REASONS = {
    400: "Bad Request",
    401: "Unauthenticated",
    420: "Unknown Attribute",
    487: "Role Conflict",
}


@dataclass(frozen=True, slots=True)
class Message:
    """A binding message. `integrity_at` is where its MESSAGE-INTEGRITY begins, 0 where it has none.

    `unknown` are attributes we should understand and do not.
    """

    octets: bytes
    kind: int
    transaction: bytes
    attributes: dict[int, bytes]
    integrity_at: int
    unknown: tuple[int, ...]

    @property
    def users(self) -> tuple[str, str]:
        """Return the two halves of the user name: whom it is for, whom it is from."""
        name = self.attributes.get(USERNAME, b"")
        mine, _, theirs = name[:MAX_USERNAME].decode("utf-8", "replace").partition(":")
        return mine, theirs

    @property
    def priority(self) -> int:
        """The priority the pair has for the one who asks, 0 where it says none."""
        value = self.attributes.get(PRIORITY, b"")
        return int.from_bytes(value, "big") if len(value) == 4 else 0

    @property
    def mapped_address(self) -> tuple[str, int] | None:
        """The address an answer says its request came from."""
        value = self.attributes.get(XOR_MAPPED_ADDRESS, b"")
        if len(value) < 4 or (value[1], len(value)) not in ((1, 8), (2, 20)):
            return None
        port = int.from_bytes(value[2:4], "big") ^ MAGIC >> 16
        key = MAGIC.to_bytes(4, "big") + self.transaction
        host = bytes(one ^ other for one, other in zip(value[4:], key, strict=False))
        return str(ipaddress.ip_address(host)), port

    @property
    def error(self) -> int:
        """The code of a failure, 0 of anything else."""
        value = self.attributes.get(ERROR_CODE, b"")
        return (value[2] & 7) * 100 + value[3] if len(value) >= 4 else 0

    def is_genuine(self, password: str) -> bool:
        """Say whether whoever wrote this knows the password (RFC 8489 §14.5)."""
        at = self.integrity_at
        if not at:
            return False
        given = self.attributes[MESSAGE_INTEGRITY]
        return hmac.compare_digest(_integrity(self.octets[:at], password), given)


def is_stun(first: int) -> bool:
    """Say whether a packet that begins with this byte is STUN (RFC 7983 §7)."""
    return first < 4


def parse(octets: bytes) -> Message | None:
    """Read a binding message; None when it is none, or damaged."""
    size = len(octets)
    if not HEADER_BYTES <= size <= MAX_BYTES or size % 4 or octets[0] > 3:
        return None
    kind = int.from_bytes(octets[:2], "big")
    said = int.from_bytes(octets[2:4], "big")
    cookie = int.from_bytes(octets[4:8], "big")
    if kind not in (REQUEST, INDICATION, SUCCESS, FAILURE) or said + HEADER_BYTES != size:
        return None
    return None if cookie != MAGIC else _read(octets, kind)


def _read(octets: bytes, kind: int) -> Message | None:
    attributes: dict[int, bytes] = {}
    unknown: list[int] = []
    at, integrity_at, size = HEADER_BYTES, 0, len(octets)
    for _ in range(_MAX_ATTRIBUTES):
        if at == size:
            return Message(octets, kind, octets[8:20], attributes, integrity_at, tuple(unknown))
        if at + 4 > size:
            return None
        name = int.from_bytes(octets[at : at + 2], "big")
        length = int.from_bytes(octets[at + 2 : at + 4], "big")
        value = octets[at + 4 : at + 4 + length]
        if at + 4 + length > size:
            return None
        if name == FINGERPRINT:
            if length != 4 or at + 8 != size or int.from_bytes(value, "big") != _crc(octets[:at]):
                return None
        elif not integrity_at:
            if name == MESSAGE_INTEGRITY:
                if length != _INTEGRITY_BYTES:
                    return None
                integrity_at = at
            elif name < _REQUIRED and name not in _KNOWN:
                unknown.append(name)
            attributes.setdefault(name, value)
        at += 4 + length + -length % 4
    return None


def write(
    kind: int, transaction: bytes, attributes: list[tuple[int, bytes]], password: str
) -> bytes:
    """Write a message with MESSAGE-INTEGRITY ("": without) and FINGERPRINT."""
    body = b"".join(_attribute(name, value) for name, value in attributes)
    head = kind.to_bytes(2, "big") + bytes(2) + MAGIC.to_bytes(4, "big") + transaction
    octets = head + body
    if password:
        octets += _attribute(MESSAGE_INTEGRITY, _integrity(octets, password))
    octets = _with_length(octets, len(octets) + 8)
    return octets + _attribute(FINGERPRINT, _crc(octets).to_bytes(4, "big"))


def write_success(request: Message, source: tuple[str, int], password: str) -> bytes:
    """Answer a check with the address it came from."""
    host, port = source
    packed = ipaddress.ip_address(host).packed
    key = MAGIC.to_bytes(4, "big") + request.transaction
    mapped = bytes([0, 1 if len(packed) == 4 else 2]) + (port ^ MAGIC >> 16).to_bytes(2, "big")
    mapped += bytes(one ^ other for one, other in zip(packed, key, strict=False))
    return write(SUCCESS, request.transaction, [(XOR_MAPPED_ADDRESS, mapped)], password)


def write_failure(request: Message, code: int, password: str = "") -> bytes:
    """Refuse a check; with a password once the other side has shown that it knows it."""
    reason = bytes([0, 0, code // 100, code % 100]) + _REASONS.get(code, "").encode()
    attributes = [(ERROR_CODE, reason)]
    if code == 420:
        names = b"".join(name.to_bytes(2, "big") for name in request.unknown)
        attributes.append((UNKNOWN_ATTRIBUTES, names))
    return write(FAILURE, request.transaction, attributes, password)


def _attribute(name: int, value: bytes) -> bytes:
    padding = bytes(-len(value) % 4)
    return name.to_bytes(2, "big") + len(value).to_bytes(2, "big") + value + padding


def _with_length(octets: bytes, size: int) -> bytes:
    return octets[:2] + (size - HEADER_BYTES).to_bytes(2, "big") + octets[4:]


def _integrity(before: bytes, password: str) -> bytes:
    """Return the digest of a message up to its integrity attribute, whose length it counts already."""
    counted = _with_length(before, len(before) + 4 + _INTEGRITY_BYTES)
    return hmac.digest(password.encode(), counted, "sha1")


def _crc(before: bytes) -> int:
    """Return the fingerprint of a message up to that attribute; its length in the header is final."""
    return zlib.crc32(before) ^ _FINGERPRINT_XOR

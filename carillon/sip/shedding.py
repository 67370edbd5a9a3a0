"""Turning new calls away for next to nothing, when there are more than can be taken (RFC 3261 §21.5.4).

A 503 made from the raw text costs a fiftieth of what a call does, so that a switch offered twice what it can
carry still carries it. Calls there are, CANCEL, BYE, registrations and emergency calls are not looked at.
"""

from __future__ import annotations

import re

from carillon.schema.emergency import KNOWN
from carillon.sip.errors import RemoteError
from carillon.sip.headers import parse_via
from carillon.sip.transaction import Key

MOST_BYTES = 8192
EMERGENCY = frozenset(number.encode() for number in KNOWN)
"""What a request for help is addressed to, in the countries we know."""
_NAMES = {
    b"via": b"Via: ",
    b"v": b"Via: ",
    b"from": b"From: ",
    b"f": b"From: ",
    b"to": b"To: ",
    b"t": b"To: ",
    b"call-id": b"Call-ID: ",
    b"i": b"Call-ID: ",
    b"cseq": b"CSeq: ",
}
_NEEDED = frozenset(_NAMES.values())
# Nothing here can match in two ways: the time is that of reading the text once.
_LINES = re.compile(
    rb"\r\n(via|v|from|f|to|t|call-id|i|cseq)[ \t]*:[ \t]*([^\r\n]+)", re.IGNORECASE
)
_USUAL_VIA = re.compile(
    r"SIP/2\.0/[A-Z]{2,3} ([a-z0-9.-]+)(?::([0-9]{1,5}))?;(?:rport;)?branch=(z9hG4bK[^;, \t\"]+)(?:;rport)?$",
    re.ASCII,
)


def is_new_call(data: bytes) -> bool:
    """Say whether this is an INVITE outside every dialog, and no call for help."""
    if not data.startswith(b"INVITE ") or len(data) > MOST_BYTES:
        return False
    target = data[7 : data.find(b" ", 7)]
    user = target.rpartition(b":")[2] if b"@" not in target else target.partition(b"@")[0]
    return user.rpartition(b":")[2].lower() not in EMERGENCY


def turn_away(data: bytes, tag: bytes, retry_after: int) -> tuple[Key, bytes] | None:
    """Return an INVITE's transaction and the 503 to it; None when it is no first one, or not quickly read."""
    head = data.partition(b"\r\n\r\n")[0]
    if b"\r\n " in head or b"\r\n\t" in head:
        return None  # folded: rare enough to be left to the real parser
    lines = [b"SIP/2.0 503 Service Unavailable"]
    found = set()
    via = b""
    for name, value in _LINES.findall(head):
        name = _NAMES[name.lower()]
        if name == b"To: ":
            if b"tag=" in value.rpartition(b">")[2].lower():
                return None
            value = value.rstrip(b" \t") + b";tag=" + tag
        elif name == b"Via: " and not via:
            via = value
        found.add(name)
        lines.append(name + value)
    key = _key(via.decode("latin-1")) if found == _NEEDED else None
    if key is None:
        return None
    lines.append(b"Retry-After: %d\r\nContent-Length: 0\r\n\r\n" % retry_after)
    return key, b"\r\n".join(lines)


def _key(via: str) -> Key | None:
    """Return what `admission.transaction_key` would, without ceremony for the Via nearly everybody writes."""
    usual = _USUAL_VIA.match(via)
    if usual is not None:
        host, port, branch = usual.groups()
        return branch, host, str(int(port or 0)), "INVITE"
    try:
        read = parse_via(via.partition(",")[0].strip())
    except RemoteError:
        return None
    return read.branch, read.host.lower(), str(read.port), "INVITE"

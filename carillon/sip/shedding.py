"""Turning new calls away for next to nothing, when there are more than can be taken (RFC 3261 §21.5.4).

A 503 made from the raw text costs a tenth of what a transaction would, so that a switch offered twice what it
can carry still carries it. Calls there are, CANCEL, BYE, registrations and emergency calls are not looked at.
"""

from __future__ import annotations

from carillon.schema.emergency import KNOWN

_WANTED = {
    b"via": b"Via",
    b"v": b"Via",
    b"from": b"From",
    b"f": b"From",
    b"to": b"To",
    b"t": b"To",
    b"call-id": b"Call-ID",
    b"i": b"Call-ID",
    b"cseq": b"CSeq",
}
MOST_LINES = 80
MOST_BYTES = 8192
EMERGENCY = frozenset(number.encode() for number in KNOWN)
"""What a request for help is addressed to, in the countries we know."""


def is_new_call(data: bytes) -> bool:
    """Say whether this is an INVITE outside every dialog, and no call for help."""
    if not data.startswith(b"INVITE ") or len(data) > MOST_BYTES:
        return False
    target = data[7 : data.find(b" ", 7)]
    user = target.rpartition(b":")[2] if b"@" not in target else target.partition(b"@")[0]
    return user.rpartition(b":")[2].lower() not in EMERGENCY


def turn_away(data: bytes, tag: str, retry_after: int) -> bytes | None:
    """Return the 503 to an INVITE's text; None when it is no first INVITE, or cannot be read so quickly."""
    found: dict[bytes, list[bytes]] = {}
    head = data[:MOST_BYTES].partition(b"\r\n\r\n")[0]
    for line in head.split(b"\r\n", MOST_LINES)[1:]:
        if line[:1] in (b" ", b"\t"):
            return None  # folded: rare enough to be left to the real parser
        name, colon, value = line.partition(b":")
        known = _WANTED.get(name.strip().lower())
        if known is not None and colon:
            found.setdefault(known, []).append(value.strip())
    if found.keys() != {b"Via", b"From", b"To", b"Call-ID", b"CSeq"}:
        return None
    to = found[b"To"][0]
    if b"tag=" in to.rpartition(b">")[2].lower():
        return None
    found[b"To"] = [to + b";tag=" + tag.encode()]
    lines = [b"SIP/2.0 503 Service Unavailable"]
    lines += [name + b": " + value for name, values in found.items() for value in values]
    lines += [b"Retry-After: %d" % retry_after, b"Content-Length: 0", b"", b""]
    return b"\r\n".join(lines)


def first_via(data: bytes) -> str:
    """Return the topmost Via, "" when it cannot be found quickly."""
    for line in data[:MOST_BYTES].split(b"\r\n", MOST_LINES)[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() in (b"via", b"v"):
            return value.partition(b",")[0].strip().decode("latin-1")
    return ""

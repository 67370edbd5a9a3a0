"""Keys that a phone sends as SIP INFO instead of in its sound."""

from __future__ import annotations

KEYS = frozenset("0123456789*#ABCD")
MOST_BYTES = 200


def key_of(content_type: str, body: bytes) -> str:
    """Return the key of an application/dtmf-relay or application/dtmf body, "" when there is none."""
    text = body[:MOST_BYTES].decode("ascii", "replace")
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "application/dtmf-relay":
        lines = (line.partition("=") for line in text.splitlines())
        text = next((value for name, _, value in lines if name.strip().lower() == "signal"), "")
    elif kind != "application/dtmf":
        return ""
    key = text.strip().upper()
    # Some phones number the keys as RFC 4733 does: 10 is the star, 11 the hash.
    key = {"10": "*", "11": "#"}.get(key, key)
    return key if key in KEYS else ""

"""A message with more than a session description in it (RFC 5621)."""

from __future__ import annotations

from typing import NamedTuple

from carillon.sip.message import Message


class Part(NamedTuple):
    """One more body: its media type, the name a `cid:` URI finds it by, and its bytes."""

    content_type: str
    name: str
    body: bytes


def attach(message: Message, part: Part, boundary: str) -> None:
    """Put a part beside the message's body; `boundary` must be in neither."""
    kind = message.get("Content-Type") or "application/sdp"
    line = f"--{boundary}".encode()
    message.body = b"\r\n".join(
        (
            line,
            f"Content-Type: {kind}".encode(),
            b"",
            message.body.removesuffix(b"\r\n"),
            line,
            f"Content-Type: {part.content_type}".encode(),
            f"Content-ID: <{part.name}>".encode(),
            # RFC 6442 §4.1: whoever does not understand it takes the call all the same.
            b"Content-Disposition: by-reference;handling=optional",
            b"",
            part.body,
            line + b"--",
            b"",
        )
    )
    message.headers["Content-Type"] = [f'multipart/mixed;boundary="{boundary}"']

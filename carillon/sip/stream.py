"""SIP over a byte stream (RFC 3261 §18.3): cut it into messages and keep-alives (RFC 5626 §3.5.1)."""

from __future__ import annotations

from carillon.sip.errors import RemoteError
from carillon.sip.message import MAX_MESSAGE_BYTES, content_length

KEEP_ALIVE = b"\r\n\r\n"
PONG = b"\r\n"
MAX_HEAD_BYTES = 32768


class Framer:
    """Collects what arrives on one connection; keeps less than one message from one call to the next."""

    __slots__ = ("_buffer", "_missing", "_searched")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._searched = 0
        self._missing = 0

    def receive(self, data: bytes) -> list[bytes]:
        """Return the whole messages now complete, and `KEEP_ALIVE` for each double CRLF between them.

        A keep-alive is to be answered with `PONG`; a lone CRLF is their pong, and dropped. `RemoteError` when
        the stream cannot be followed any more: close the connection.
        """
        self._buffer += data
        if len(self._buffer) < self._missing:
            return []
        self._missing = 0
        parts: list[bytes] = []
        start = 0
        while start < len(self._buffer) and (found := self._next(start)) is not None:
            part, start = found
            if part:
                parts.append(part)
        # Cut once, not per message: many small messages in one read must not cost quadratic time.
        if start:
            del self._buffer[:start]
        return parts

    def _next(self, start: int) -> tuple[bytes, int] | None:
        buffer = self._buffer
        if buffer[start] in b"\r\n":
            return self._between(start)
        end = buffer.find(b"\r\n\r\n", start + self._searched)
        self._searched = 0
        if end < 0:
            if len(buffer) - start > MAX_HEAD_BYTES:
                raise RemoteError(513)
            self._searched = max(0, len(buffer) - start - 3)
            return None
        total = end + 4 + _length(bytes(buffer[start:end]))
        if total - start > MAX_MESSAGE_BYTES:
            raise RemoteError(513)
        if len(buffer) < total:
            self._missing = total - start
            return None
        return bytes(buffer[start:total]), total

    def _between(self, start: int) -> tuple[bytes, int] | None:
        ahead = bytes(self._buffer[start : start + 4])
        if ahead == KEEP_ALIVE:
            return KEEP_ALIVE, start + 4
        if KEEP_ALIVE.startswith(ahead):
            # Half a keep-alive, or a pong: the next bytes will tell.
            return None
        return b"", start + (2 if ahead.startswith(PONG) else 1)


def _length(head: bytes) -> int:
    # Without Content-Length a message on a stream has no end (§20.14).
    found: int | None = None
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() in (b"content-length", b"l"):
            length = content_length(value.strip().decode("latin-1"))
            if found not in (None, length):
                raise RemoteError(400, "Repeated Content-Length")
            found = length
    if found is None:
        raise RemoteError(400, "Missing Content-Length")
    return found

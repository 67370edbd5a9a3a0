"""Messages on the socket of `schema.mediacontrol`: 4 bytes of length (big-endian), then the message."""

from __future__ import annotations

from collections.abc import Iterator

from carillon.schema.mediacontrol import MAX_MESSAGE_BYTES

LENGTH_BYTES = 4
READ_BYTES = 1 << 16
"""To be read at once: some hundred messages; what more there is waits until these are done."""


class TooLong(ValueError):
    """A message says that it is longer than any can be."""


def frame(message: bytes) -> bytes:
    """Return a message with its length before it."""
    return len(message).to_bytes(LENGTH_BYTES, "big") + message


class Frames:
    """Cuts what comes, in pieces of any size, into messages."""

    def __init__(self) -> None:
        self._received = b""

    def feed(self, octets: bytes | memoryview) -> Iterator[bytes]:
        """Yield the messages that are whole now, to the last of them; `TooLong` ends it."""
        self._received += octets
        at = 0
        while len(self._received) >= (start := at + LENGTH_BYTES):
            end = start + int.from_bytes(self._received[at:start], "big")
            if end - start > MAX_MESSAGE_BYTES:
                raise TooLong(f"a message of {end - start} bytes")
            if len(self._received) < end:
                break
            yield self._received[start:end]
            at = end
        self._received = self._received[at:]

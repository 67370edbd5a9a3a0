"""The switch's connection: framed MessagePack in and out, never blocking."""

from __future__ import annotations

import contextlib
import socket
from pathlib import Path

import msgspec

from carillon.schema.frames import READ_BYTES, Frames, TooLong, frame
from carillon.schema.mediacontrol import MediaCommand, MediaEvent

MAX_UNREAD_BYTES = 4 << 20
"""A switch that reads nothing for so long is no switch."""


class Broken(Exception):
    """The connection cannot go on; its text says why."""


def listen(path: Path) -> socket.socket:
    """Listen for the switch, on a socket only this user can open; a stale one is replaced."""
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    listener.bind(str(path))
    path.chmod(0o600)
    listener.listen(4)
    return listener


class Connection:
    """One switch."""

    def __init__(self, peer: socket.socket) -> None:
        peer.setblocking(False)
        self._peer = peer
        self._frames = Frames()
        self._room = memoryview(bytearray(READ_BYTES))
        self._unsent = bytearray()
        self._decoder = msgspec.msgpack.Decoder(MediaCommand)
        self._encoder = msgspec.msgpack.Encoder()

    @property
    def fd(self) -> int:
        """The descriptor to wait on."""
        return self._peer.fileno()

    @property
    def unsent(self) -> int:
        """How many bytes wait for the switch to read."""
        return len(self._unsent)

    def receive(self) -> list[MediaCommand]:
        """Return the commands that have come whole; `Broken` at the end, or when they make no sense."""
        try:
            count = self._peer.recv_into(self._room)
        except BlockingIOError:
            return []
        except OSError as error:
            raise Broken(str(error)) from error
        if not count:
            raise Broken("closed by the switch")
        try:
            return [*map(self._decoder.decode, self._frames.feed(self._room[:count]))]
        except TooLong as error:
            raise Broken(str(error)) from error
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise Broken(f"not understood: {error}") from error

    def tell(self, event: MediaEvent) -> None:
        """Queue an event; `flush` sends it."""
        self._unsent += frame(self._encoder.encode(event))

    def flush(self) -> None:
        """Send what is queued as far as the switch reads; `Broken` when it does not at all."""
        if not self._unsent:
            return
        try:
            sent = self._peer.send(self._unsent)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            raise Broken(str(error)) from error
        del self._unsent[:sent]
        if len(self._unsent) > MAX_UNREAD_BYTES:
            raise Broken("the switch does not read")

    def close(self) -> None:
        """Hang up."""
        with contextlib.suppress(OSError):
            self._peer.close()

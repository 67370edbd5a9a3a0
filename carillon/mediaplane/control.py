"""The switch's connection: framed MessagePack in and out, never blocking."""

from __future__ import annotations

import contextlib
import socket
from pathlib import Path

import msgspec

from carillon.schema.mediacontrol import MAX_MESSAGE_BYTES, MediaCommand, MediaEvent

LENGTH_BYTES = 4
READ_BYTES = 1 << 16
"""Some hundred commands: what more there is waits until these are done."""
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
        self._received = bytearray()
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
        self._received += self._room[:count]
        return self._cut()

    def _cut(self) -> list[MediaCommand]:
        commands: list[MediaCommand] = []
        at = 0
        while len(self._received) - at >= LENGTH_BYTES:
            start = at + LENGTH_BYTES
            size = int.from_bytes(self._received[at:start], "big")
            if size > MAX_MESSAGE_BYTES:
                raise Broken(f"a message of {size} bytes")
            if len(self._received) < start + size:
                break
            at = start + size
            try:
                commands.append(self._decoder.decode(memoryview(self._received)[start:at]))
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
                raise Broken(f"not understood: {error}") from error
        del self._received[:at]
        return commands

    def tell(self, event: MediaEvent) -> None:
        """Queue an event; `flush` sends it."""
        message = self._encoder.encode(event)
        self._unsent += len(message).to_bytes(LENGTH_BYTES, "big") + message

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

"""How messages are told apart on a connection: by Content-Length, or by WebSocket frames (RFC 7118)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol
from websockets.typing import Origin, Subprotocol

from carillon.sip.errors import RemoteError
from carillon.sip.message import MAX_MESSAGE_BYTES
from carillon.sip.stream import KEEP_ALIVE, PONG, Framer


class Framing(Protocol):
    """One connection's reader and writer; does no I/O."""

    over: bool
    """Whether the connection is to be closed once `reply` is sent."""

    def receive(self, data: bytes) -> list[bytes]:
        """Return the messages now complete; `RemoteError` when the stream cannot be followed."""

    def reply(self) -> bytes:
        """Return what the transport itself has to say now: handshakes, pongs."""

    def frame(self, message: bytes) -> bytes:
        """Return a message as it is sent."""

    def ping(self) -> bytes:
        """Return a question that any live peer answers, b"" where the transport has none."""


class ByLength:
    """TCP and TLS. Their pings are answered (RFC 5626 §3.5.1); ours are the kernel's."""

    over = False

    def __init__(self) -> None:
        self._framer = Framer()
        self._pongs = 0

    def receive(self, data: bytes) -> list[bytes]:
        """Return the messages now complete."""
        parts = self._framer.receive(data)
        messages = [part for part in parts if part != KEEP_ALIVE]
        self._pongs += len(parts) - len(messages)
        return messages

    def reply(self) -> bytes:
        """Return the pongs due."""
        pongs, self._pongs = self._pongs, 0
        return PONG * pongs

    def frame(self, message: bytes) -> bytes:
        """Return it as it is."""
        return message

    def ping(self) -> bytes:
        """Return nothing: CRLFs from a server confuse some phones."""
        return b""


class ByFrame:
    """WebSocket: one message a frame, text or binary; the subprotocol is `sip`."""

    def __init__(self, origins: Sequence[str] = ()) -> None:
        # Only browsers say where a script comes from; whoever says nothing could say anything.
        allowed = [None, *(Origin(origin) for origin in origins)] if origins else None
        self._socket = ServerProtocol(
            origins=allowed, subprotocols=[Subprotocol("sip")], max_size=MAX_MESSAGE_BYTES
        )
        self._parts = bytearray()
        self._out = bytearray()
        self.over = False

    def receive(self, data: bytes) -> list[bytes]:
        """Return the messages now complete; the handshake is part of it."""
        self._socket.receive_data(data)
        messages: list[bytes] = []
        for event in self._socket.events_received():
            if isinstance(event, Request):
                # What follows it may have ended the connection already, with nothing more to be said.
                if self._socket.eof_sent:
                    raise RemoteError(400, "No Handshake")
                self._socket.send_response(self._socket.accept(event))
            elif isinstance(event, Frame) and event.opcode in (
                Opcode.TEXT,
                Opcode.BINARY,
                Opcode.CONT,
            ):
                self._collect(event, messages)
        self._take_output()
        return messages

    def _collect(self, frame: Frame, messages: list[bytes]) -> None:
        self._parts += frame.data
        if len(self._parts) > MAX_MESSAGE_BYTES:
            raise RemoteError(513)
        if not frame.fin:
            return
        whole = bytes(self._parts)
        self._parts.clear()
        if whole.strip(b"\r\n"):
            messages.append(whole)
        elif whole == KEEP_ALIVE:
            self._out += self.frame(PONG)

    def _take_output(self) -> None:
        for data in self._socket.data_to_send():
            self._out += data
            # The library's way to say that it is done: nothing to send, and then the end.
            self.over = self.over or not data
        self.over = self.over or self._socket.close_expected()

    def reply(self) -> bytes:
        """Return what is due: the handshake's answer, pongs, the end."""
        out = bytes(self._out)
        self._out.clear()
        return out

    def frame(self, message: bytes) -> bytes:
        """Return it as a frame, b"" before the handshake and after the end."""
        if self._socket.state.name != "OPEN":
            return b""
        try:
            message.decode()
            self._socket.send_text(message)
        except UnicodeDecodeError:
            self._socket.send_binary(message)
        return b"".join(self._socket.data_to_send())

    def ping(self) -> bytes:
        """Return a ping; browsers answer it by themselves."""
        if self._socket.state.name != "OPEN":
            return b""
        self._socket.send_ping(b"carillon")
        return b"".join(self._socket.data_to_send())

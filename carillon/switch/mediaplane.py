"""The switch's side of the media process's socket. The protocol is `schema.mediacontrol`.

What is asked while the media process is away is not queued: when it is back, `on_return` puts every
live call's sound together again from what the calls know.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import msgspec

from carillon.schema.frames import READ_BYTES, Frames, frame
from carillon.schema.mediacontrol import Hello, MediaCommand, MediaEvent

log = logging.getLogger(__name__)

RETRY_SECONDS = 0.1
MOST_UNSENT_BYTES = 8 << 20
"""A media process that takes nothing for so long is no media process."""


class MediaPlane:
    """A connection that comes back."""

    def __init__(
        self,
        socket: Path,
        *,
        on_event: Callable[[MediaEvent], None],
        on_return: Callable[[Hello], None],
        on_loss: Callable[[], None],
    ) -> None:
        self._socket = socket
        self._on_event = on_event
        self._on_return = on_return
        self._on_loss = on_loss
        self._writer: asyncio.StreamWriter | None = None
        self._pending = bytearray()
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(MediaEvent).decode

    @property
    def connected(self) -> bool:
        """Whether a media process said hello."""
        return self._writer is not None

    def ask(self, command: MediaCommand) -> None:
        """Add a command to what the next `flush` sends."""
        if self._writer is not None:
            self._pending += frame(self._encode(command))

    def flush(self) -> None:
        """Send what was asked, in order, in one write."""
        if self._pending and self._writer is not None:
            self._writer.write(bytes(self._pending))
            if self._writer.transport.get_write_buffer_size() > MOST_UNSENT_BYTES:
                log.error("media: the media process does not listen")
                self._writer.transport.abort()
        self._pending.clear()

    async def follow(self) -> None:
        """Stay connected for ever."""
        while True:
            with contextlib.suppress(OSError, ValueError):
                reader, writer = await asyncio.open_unix_connection(str(self._socket))
                try:
                    await self._converse(reader, writer)
                finally:
                    writer.close()
            await asyncio.sleep(RETRY_SECONDS)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        messages = _messages(reader)
        hello = self._decode(await anext(messages, b""))
        if not isinstance(hello, Hello):
            return
        log.info("media: connected to process %s", hello.pid)
        self._writer = writer
        try:
            self._on_return(hello)
            self.flush()
            async for message in messages:
                self._tell(self._decode(message))
        finally:
            self._writer = None
            self._pending.clear()
            log.error("media: the media process is gone")
            self._on_loss()

    def _tell(self, event: MediaEvent) -> None:
        try:
            self._on_event(event)
        except Exception:
            # The sound of every other call hangs on this connection.
            log.exception("media: a fault of ours in what follows %s", type(event).__name__)


async def _messages(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    """Yield what comes, message by message, until the other side hangs up."""
    frames = Frames()
    while chunk := await reader.read(READ_BYTES):
        for message in frames.feed(chunk):
            yield message

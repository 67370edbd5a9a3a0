"""Runs the SIP machine on its sockets; holds the only drain loop.

The order is the whole point: everything an input leads to is worked out first, then the journal is
written, and only then do packets and media commands leave.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Callable, Iterator

from carillon.schema.events import AnyEvent
from carillon.sip.endpoint import Endpoint, Event, Flow, Send
from carillon.sip.shedding import is_new_call
from carillon.switch.transport.sockets import Secured, Sockets, ports_from

RETRY_AFTER = 3
"""Seconds after which whoever was refused for too much load may try again."""

log = logging.getLogger(__name__)


class Tokens:
    """Fresh random hex texts of 64 bits, drawn from the system many at a time."""

    def __init__(self) -> None:
        self._hex = ""
        self._place = 0

    def __call__(self) -> str:
        """Return the next one."""
        if self._place >= len(self._hex):
            self._hex, self._place = secrets.token_hex(4096), 0
        self._place += 16
        return self._hex[self._place - 16 : self._place]


class Driver:
    """One endpoint and its sockets: UDP and TCP on one port; where `secured`, TLS and WebSocket on the next.

    `admit` says what is listened to at all: what else is sent is dropped unread. `lost` hears of every flow
    that broke.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        on_event: Callable[[Event], None],
        commit: Callable[[list[AnyEvent]], None],
        admit: Callable[[bytes, Flow], bool] = lambda data, flow: True,
        lost: Callable[[Flow], None] = lambda flow: None,
        secured: Secured | None = None,
    ) -> None:
        self._on_event = on_event
        self._commit = commit
        self._admit = admit
        self._lost = lost
        self._loop = asyncio.get_running_loop()
        ports = ports_from(port, secured=secured is not None)
        self.endpoint = Endpoint(host=host, port=port, ports=ports, tokens=Tokens())
        self.sockets = Sockets(host, ports, self._received, self._failed, secured)
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at: float | None = None
        self._draining = False
        self._sends: list[Send] = []
        self._flushing = False
        self.turned_away = 0
        """How many messages of new calls were refused for being too many."""
        self.events: list[AnyEvent] = []
        """What happened and is not in the journal yet."""

    async def listen(self) -> None:
        """Bind the sockets; OSError when a port is taken."""
        await self.sockets.listen()

    @property
    def now(self) -> float:
        """Monotonic seconds."""
        return self._loop.time()

    def drain(self) -> None:
        """Take the machine's outputs until it has none. Call after every command from outside.

        What they lead to leaves at the end of this turn of the loop: all that came in together is one
        write of the journal.
        """
        if self._draining:
            return  # an event's listener gave the machine commands: the loop below will see them
        self._draining = True
        next_output, sends = self.endpoint.next_output, self._sends
        while (output := next_output()) is not None:
            if isinstance(output, Send):
                sends.append(output)
            else:
                self._tell(output)
        self._draining = False
        self.flush_soon()

    def flush_soon(self) -> None:
        """Commit what happened at the end of this turn of the loop, then let everything out."""
        if not self._flushing:
            self._flushing = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        """Write the journal, then let everything out."""
        self._flushing = False
        events = self.events[:]
        self.events.clear()
        self._commit(events)
        sends, self._sends = self._sends, []
        for send in sends:
            self._send(send)
        self._set_timer()

    def _tell(self, event: Event) -> None:
        try:
            self._on_event(event)
        except Exception:
            self._log_fault(type(event).__name__)

    def _send(self, send: Send) -> None:
        try:
            self.sockets.send(send.data, send.flow)
        except (OSError, ValueError, KeyError) as error:
            # An address nobody can send to; the transaction's timer tells whoever waits for an answer.
            log.warning("cannot send to %s:%s: %s", send.flow.host, send.flow.port, error)

    def _received(self, data: bytes, flow: Flow) -> None:
        if self._admit(data, flow):
            # Written out, not `_guard`: this is met by every packet.
            try:
                if not (self.sockets.is_behind and self._turn_away(data, flow)):
                    self.endpoint.receive(data, flow, self._loop.time())
            except Exception:
                self._log_fault("a message", flow)
            self.drain()

    def _turn_away(self, data: bytes, flow: Flow) -> bool:
        """Refuse a new call while we are behind with what we have taken on.

        Far behind we say nothing: whoever hears nothing repeats it later and later (RFC 3261 §17.1.1.2).
        """
        if self.sockets.is_far_behind and is_new_call(data):
            turned_away = True
        else:
            turned_away = self.endpoint.turn_away(data, flow, RETRY_AFTER)
        self.turned_away += turned_away
        return turned_away

    def _failed(self, flow: Flow) -> None:
        with self._guard("a broken flow", flow):
            self.endpoint.flow_failed(flow, self._loop.time())
            self._lost(flow)
        self.drain()

    @contextlib.contextmanager
    def _guard(self, what: str, flow: Flow | None = None) -> Iterator[None]:
        """A bug costs what it meets, never the clockwork of every call."""
        try:
            yield
        except Exception:
            self._log_fault(what, flow)

    @staticmethod
    def _log_fault(what: str, flow: Flow | None = None) -> None:
        where = f" of {flow.host}:{flow.port}" if flow else ""
        log.exception("a fault of ours with %s%s", what, where)

    def _set_timer(self) -> None:
        at = self.endpoint.timer_at
        if at is None or (self._timer_at is not None and self._timer_at <= at):
            return  # an earlier alarm rings first and sets the next one
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = at
        self._timer = self._loop.call_at(at, self._rang)

    def _rang(self) -> None:
        self._timer = self._timer_at = None
        with self._guard("a timer"):
            self.endpoint.handle_timer(self._loop.time())
        self.drain()

    def close(self) -> None:
        """Let out what waits and close the sockets."""
        self._flush()
        if self._timer is not None:
            self._timer.cancel()
        self.sockets.close()

"""A pretend network: endpoints, a clock that jumps from timer to timer, and a wire that may lose things."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import TypeVar

from carillon.sip.endpoint import Endpoint, Event, Flow, Send
from carillon.sip.message import Message, parse

OFFER = b"v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 10.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n"
ANSWER = OFFER.replace(b"10.0.0.1", b"10.0.0.2")
DELAY = 0.01
Told = TypeVar("Told", bound=Event)


def tokens(seed: str) -> Callable[[], str]:
    """Return a source of texts that never repeat."""
    numbers = count(1)
    return lambda: f"{hash_of(seed):08x}{next(numbers):08x}"


def hash_of(seed: str) -> int:
    return sum(ord(char) * 257**i for i, char in enumerate(seed)) % 2**32


@dataclass
class Phone:
    """An endpoint at an address, and all it told."""

    host: str
    transport: str = "udp"
    max_transactions: int = 20000
    session_seconds: int = 1800
    events: list[Event] = field(default_factory=list)
    react: Callable[[Phone, Event, float], None] | None = None

    def __post_init__(self) -> None:
        self.endpoint = Endpoint(
            host=self.host,
            port=5060,
            tokens=tokens(self.host),
            max_transactions=self.max_transactions,
            session_seconds=self.session_seconds,
        )

    @property
    def flow(self) -> Flow:
        return Flow(self.transport, self.host, 5060)

    def last(self, kind: type[Told]) -> Told:
        return next(event for event in reversed(self.events) if isinstance(event, kind))

    def all(self, kind: type[Told]) -> list[Told]:
        return [event for event in self.events if isinstance(event, kind)]

    def kinds(self) -> list[str]:
        return [type(event).__name__ for event in self.events]


class Wire:
    """Carries bytes between phones, but for those that `lose` is true of."""

    def __init__(
        self, *phones: Phone, seed: int = 0, loss: float = 0.0, twice: float = 0.0
    ) -> None:
        self.phones = {phone.host: phone for phone in phones}
        self.now = 0.0
        self.dice = random.Random(seed)
        self.loss = loss
        self.twice = twice
        self.jitter = 0.0
        self.lose: Callable[[Message], bool] = lambda message: False
        self.seen: list[tuple[str, Message]] = []
        self._under_way: list[tuple[float, int, bytes, Phone, Flow]] = []
        self._order = count()

    def drain(self) -> None:
        """Empty every endpoint."""
        for phone in self.phones.values():
            while (output := phone.endpoint.next_output()) is not None:
                if isinstance(output, Send):
                    self._carry(phone, output)
                else:
                    phone.events.append(output)
                    if phone.react:
                        phone.react(phone, output, self.now)

    def _carry(self, phone: Phone, send: Send) -> None:
        message = parse(send.data)
        self.seen.append((phone.host, message))
        target = self.phones.get(send.flow.host)
        reliable = send.flow.transport != "udp"
        if target is None or self.lose(message):
            return
        copies = 1
        if not reliable:
            copies = 0 if self.dice.random() < self.loss else 1
            copies += self.dice.random() < self.twice
        for _ in range(copies):
            delay = DELAY + (0 if reliable else self.dice.random() * self.jitter)
            source = Flow(send.flow.transport, phone.host, 5060, send.flow.connection)
            entry = (self.now + delay, next(self._order), send.data, target, source)
            heapq.heappush(self._under_way, entry)

    def run(self, seconds: float = 1.0) -> None:
        """Let time pass, from event to event."""
        end = self.now + seconds
        self.drain()
        while True:
            timers = [
                phone.endpoint.timer_at
                for phone in self.phones.values()
                if phone.endpoint.timer_at is not None
            ]
            nexts = [*timers, *(entry[0] for entry in self._under_way[:1])]
            if not nexts or min(nexts) > end:
                break
            self.now = max(self.now, min(nexts))
            while self._under_way and self._under_way[0][0] <= self.now:
                _, _, data, target, source = heapq.heappop(self._under_way)
                target.endpoint.receive(data, source, self.now)
                self.drain()
            for phone in self.phones.values():
                if phone.endpoint.timer_at is not None and phone.endpoint.timer_at <= self.now:
                    phone.endpoint.handle_timer(self.now)
            self.drain()
        self.now = end

    def said(self, host: str) -> list[str]:
        """Return what a host sent, as methods and statuses with the method they answer."""
        return [brief(message) for who, message in self.seen if who == host]


def brief(message: Message) -> str:
    """Return `INVITE` or `200 INVITE`."""
    method = (message.get("CSeq") or " ?").split()[-1]
    return f"{message.status} {method}" if message.status else message.method

"""The pretend telephone network: places calls to the switch, answers those the switch sends out.

A number nobody armed behaves by its last two digits: 00 is busy, 99 never answers, 98 is out of service;
any other answers after a second, says who it is, and listens for half a minute.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from dataclasses import dataclass, field

from carillon.bus.config import Config
from carillon.media import sdp
from carillon.sandbox.hands import Hands
from carillon.sandbox.phones import Phone, Result, Script
from carillon.schema.events import AnyEvent
from carillon.sip.endpoint import Endpoint, Event, Flow, InviteReceived, RequestReceived
from carillon.sip.errors import RemoteError
from carillon.sip.headers import sdp_of
from carillon.sip.uri import parse_uri
from carillon.switch.driver import Driver

log = logging.getLogger(__name__)

MOST_ARMED = 1000
MOST_CALLS = 200
MOST_RESULTS = 20
"""What a phone heard is megabytes."""
BUSY, NO_ANSWER, OUT_OF_SERVICE = "00", "99", "98"
DEFAULT_STAY_SECONDS = 30.0


class TooManyCalls(Exception):
    """No more can be placed now."""


@dataclass(slots=True)
class Armed:
    """How a number of the outside world behaves when the switch calls it."""

    script: Script
    status: int = 200
    ring_seconds: float = 1.0
    results: asyncio.Queue[Result] = field(default_factory=asyncio.Queue)

    def keep(self, result: Result) -> None:
        """Keep how a call went for whoever asks; of what nobody asked for, only the newest."""
        if self.results.qsize() >= MOST_RESULTS:
            self.results.get_nowait()
        self.results.put_nowait(result)


BY_HAND = Armed(Script(hang_up=False), ring_seconds=60.0)
"""How a number behaves that a person answers."""


class Network:
    """Every outside phone, on one SIP socket."""

    def __init__(self, config: Config, default_greeting: Script) -> None:
        self.host = "127.0.0.1"
        self._config = config
        self._default = default_greeting
        self._driver = Driver(
            self.host, config.sandbox_sip_port, on_event=self._event, commit=_nothing
        )
        self._phones: dict[int, Phone] = {}
        self._armed: OrderedDict[str, Armed] = OrderedDict()
        self._tasks: set[asyncio.Task[None]] = set()
        self.hands = Hands()

    async def listen(self) -> None:
        """Bind the SIP socket."""
        await self._driver.listen()

    @property
    def endpoint(self) -> Endpoint:
        """The SIP machine."""
        return self._driver.endpoint

    @property
    def now(self) -> float:
        """Monotonic seconds."""
        return self._driver.now

    def drain(self) -> None:
        """Let everything out."""
        self._driver.drain()

    def forget(self, phone: Phone) -> None:
        """A call is over."""
        self._phones.pop(phone.leg, None)

    def arm(self, e164: str, armed: Armed) -> None:
        """Let a number behave like this from now on."""
        self._armed[e164] = armed
        self._armed.move_to_end(e164)
        if len(self._armed) > MOST_ARMED:
            self._armed.popitem(last=False)

    def armed(self, e164: str) -> Armed | None:
        """Return how a number was armed."""
        return self._armed.get(e164)

    async def call(
        self, to: str, caller: str, script: Script, *, name: str = "", ring_seconds: float = 120.0
    ) -> Result:
        """Place a call to one of the switch's numbers and live it to its end."""
        phone = await self.dial(to, caller, script, name=name)
        return await phone.live(ring_seconds)

    async def dial(self, to: str, caller: str, script: Script, *, name: str = "") -> Phone:
        """Place a call; the phone returned is still to be lived."""
        phone = Phone(self, script)
        await phone.open()
        config = self._config
        shown = f'"{name}" ' if name else ""
        phone.leg = self.endpoint.invite(
            f"sip:{to}@{config.host}:{config.sip_port}",
            Flow("udp", config.host, config.sip_port),
            self.now,
            from_=f"{shown}<sip:{caller}@{self.host}>",
            to=f"<sip:{to}@{config.host}>",
            sdp=phone.offer(),
        )
        self._phones[phone.leg] = phone
        self.drain()
        return phone

    async def dial_by_hand(self, to: str, caller: str, longest_seconds: float) -> Phone:
        """Place a call that a person listens to; it lives on by itself, but not for ever."""
        if len(self._phones) >= MOST_CALLS:
            raise TooManyCalls("too many calls are under way")
        phone = await self.dial(to, caller, Script(hang_up=False))
        self.hands.keep_dialled(phone, caller)
        task = asyncio.get_running_loop().create_task(self._live(phone, longest_seconds))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return phone

    async def _live(self, phone: Phone, longest_seconds: float) -> None:
        try:
            await asyncio.wait_for(phone.live(), longest_seconds)
        except TimeoutError:
            phone.hang_up()

    def _event(self, event: Event) -> None:
        if isinstance(event, InviteReceived):
            self._invited(event)
        elif isinstance(event, RequestReceived):
            status = 200 if event.request.method == "OPTIONS" else 405
            self.endpoint.respond(event.transaction, status, self.now)
        elif (phone := self._phones.get(getattr(event, "leg", 0))) is not None:
            phone.take(event)

    def _invited(self, event: InviteReceived) -> None:
        from_switch = (event.flow.host, event.flow.port) == (
            self._config.host,
            self._config.sip_port,
        )
        if not from_switch or len(self._phones) >= MOST_CALLS:
            self.endpoint.refuse(event.leg, 403 if not from_switch else 503, self.now)
            return
        try:
            called = parse_uri(event.request.uri).user
        except RemoteError as error:
            self.endpoint.refuse(event.leg, error.status, self.now)
            return
        by_hand = self.hands.has(called)
        armed = BY_HAND if by_hand else self._armed.get(called) or self._unarmed(called)
        phone = Phone(self, armed.script)
        phone.leg = event.leg
        self._phones[event.leg] = phone
        if by_hand:
            self.hands.keep(phone, called, event.request)
        task = asyncio.get_running_loop().create_task(self._answer(phone, armed, event))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _unarmed(self, called: str) -> Armed:
        status = {BUSY: 486, OUT_OF_SERVICE: 404}.get(called[-2:], 200)
        ring_seconds = 3600.0 if called.endswith(NO_ANSWER) else 1.0
        return Armed(self._default, status, ring_seconds)

    async def _answer(self, phone: Phone, armed: Armed, event: InviteReceived) -> None:
        offer = sdp_of(event.request)
        try:
            await phone.open()
            self.endpoint.ring(phone.leg, self.now)
            self.drain()
            if armed is BY_HAND:
                if not await self.hands.answered(phone, armed.ring_seconds):
                    phone.hang_up()
                    return
            elif not await _passes(phone.ended, armed.ring_seconds):
                armed.keep(phone.result)
                return
            if armed.status != 200:
                self.endpoint.refuse(phone.leg, armed.status, self.now)
                self.drain()
                phone.hang_up()
                return
            answer = phone.answer(offer) if offer else phone.offer()
            self.endpoint.accept(phone.leg, answer, self.now)
            self.drain()
            phone.connect()
            result = await phone.live()
            if armed is not BY_HAND:
                armed.keep(result)
        except (sdp.NotAcceptable, OSError) as error:
            log.info("sandbox: cannot take a call (%s)", error)
            self.endpoint.refuse(phone.leg, 488, self.now)
            self.drain()
            phone.hang_up()

    def close(self) -> None:
        """Hang up on everybody and close."""
        for phone in list(self._phones.values()):
            phone.hang_up()
        for task in self._tasks:
            task.cancel()
        self._driver.close()


async def _passes(ended: asyncio.Event, seconds: float) -> bool:
    """Wait; True when the time passed, False when the call ended first."""
    try:
        await asyncio.wait_for(ended.wait(), seconds)
    except TimeoutError:
        return True
    return False


def _nothing(events: list[AnyEvent]) -> None:
    """The pretend network keeps no journal."""

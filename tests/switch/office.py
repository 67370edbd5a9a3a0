"""A whole switch in this process: real sockets, a carrier and phones on loopback, a scripted media process.

The media process here is a program at the other end of the real socket that speaks the real protocol; it
says what went where and can be told to die, to be slow or to refuse.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

import msgspec

from carillon.bus.client import PortalClient
from carillon.bus.config import Config, read_config
from carillon.media import sdp
from carillon.schema.cdr import CallRecord, fold
from carillon.schema.commands import Command, CommandAnswer
from carillon.schema.events import CallArrived, CallEnded, CallEvent, DigitPressed, JournalEntry
from carillon.schema.mediacontrol import (
    BridgeLegs,
    CloseLeg,
    DigitHeard,
    HearLegs,
    Hello,
    LegFailed,
    LegStats,
    MediaCommand,
    MediaEvent,
    OpenLeg,
    PlayEnded,
    PlayFiles,
    PlayTone,
    RecordingStopped,
    StartRecording,
    StopPlay,
    StopRecording,
)
from carillon.schema.plan import Plan, PlanIndex, PlanRef, Trunk, write_plan
from carillon.sip.endpoint import (
    Answered,
    Cancelled,
    Confirmed,
    Credentials,
    Event,
    Failed,
    Flow,
    HungUp,
    InviteReceived,
    Offered,
    Progressed,
    RequestReceived,
    ResponseReceived,
)
from carillon.sip.headers import sdp_of
from carillon.switch.driver import Driver
from carillon.switch.house import keep_house
from carillon.switch.switchboard import Switchboard
from carillon.switch.transport.sockets import KEEP_ALIVE
from tests.system import MAIN, PASSWORD, acme, free_ports

PATIENCE = 10.0
HOST = "127.0.0.1"


async def until(true: Callable[[], Any], why: str = "", seconds: float = PATIENCE) -> Any:
    """Return the first true answer; AssertionError when it never comes.

    Asking for the last of nothing yet (LookupError) is an answer that has not come.
    """
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while True:
        with contextlib.suppress(LookupError):
            if answer := true():
                return answer
        assert loop.time() < end, f"not within {seconds} s: {why or true}"
        await asyncio.sleep(0.002)


class FakeMedia:
    """The media process as the switch sees it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._server: asyncio.Server | None = None
        self._writer: asyncio.StreamWriter | None = None
        self.asked: list[MediaCommand] = []
        self.legs: dict[int, OpenLeg] = {}
        self.recordings: dict[int, StartRecording] = {}
        self.plays: dict[int, int] = {}
        self.hears: dict[int, set[int]] = {}
        self.seconds = 3.0
        self.ends_plays = True
        self.tells_ends = True
        self.refuses: str = ""
        self.refused: set[int] = set()
        self.faults: list[str] = []
        self.hello = Hello(1, HOST, 1, 2, 3)
        self.stats = lambda leg: LegStats(leg, 100, 100, 1, 2.0)

    async def start(self) -> None:
        self._path.unlink(missing_ok=True)
        self._server = await asyncio.start_unix_server(self._serve, str(self._path))

    async def stop(self) -> None:
        """Die: everything is forgotten and nobody is told."""
        if self._server is not None:
            self._server.close()
        if self._writer is not None:
            self._writer.transport.abort()
            self._writer = None
        self.legs.clear()
        self.recordings.clear()
        self.plays.clear()
        self.hears.clear()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self.tell(self.hello)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                size = int.from_bytes(await reader.readexactly(4), "big")
                command = msgspec.msgpack.decode(await reader.readexactly(size), type=MediaCommand)
                if self._writer is writer:
                    self._obey(command)

    def tell(self, *events: MediaEvent) -> None:
        for event in events:
            if self._writer is not None:
                body = msgspec.msgpack.encode(event)
                self._writer.write(len(body).to_bytes(4, "big") + body)

    def _obey(self, command: MediaCommand) -> None:
        self.asked.append(command)
        match command:
            case OpenLeg(leg, port):
                self._open(command, leg, port)
            case CloseLeg(leg):
                self._close(leg)
            case PlayFiles(leg, play, _, loop):
                self._play(leg, play, loop)
            case PlayTone(leg, play, tone):
                self._play(leg, play, tone != "beep")
            case BridgeLegs(a, b):
                self.hears[a], self.hears[b] = {b}, {a}
                self.plays.pop(a, None)
                self.plays.pop(b, None)
            case HearLegs(leg, sources):
                self._check(leg in self.legs, f"an ear for unknown leg {leg}")
                self.hears[leg] = {source for source, _ in sources}
            case StopPlay(leg):
                self.plays.pop(leg, None)
            case StartRecording():
                known = all(leg in self.legs for leg in command.legs)
                self.recordings[command.recording] = command
                if not known:
                    self.stop_recording(command.recording, "error", partial=True)
            case StopRecording(recording):
                self.stop_recording(recording, "stopped")
            case BridgeLegs(a, b):
                self._check(a in self.legs and b in self.legs, f"a bridge of unknown legs {a} {b}")
            case _:
                pass

    def _check(self, good: bool, fault: str) -> None:
        if not good:
            self.faults.append(fault)

    def _open(self, command: OpenLeg, leg: int, port: int) -> None:
        if self.refuses:
            self.refused.add(leg)
            self.tell(LegFailed(leg, self.refuses))
            return
        self._check(leg not in self.legs, f"leg {leg} is there already")
        taken = port and any(other.port == port for other in self.legs.values())
        self._check(not taken, f"port {port} is taken")
        self.legs[leg] = command

    def _close(self, leg: int) -> None:
        if not self.tells_ends:
            return
        for number, recording in list(self.recordings.items()):
            if recording.legs == (leg,):
                self.stop_recording(number, "leg-closed")
        if self.legs.pop(leg, None) is not None:
            self.plays.pop(leg, None)
            self.tell(self.stats(leg))

    def _play(self, leg: int, play: int, goes_on: bool) -> None:
        if leg in self.refused:
            return
        self._check(leg in self.legs, f"sound for unknown leg {leg}")
        self.plays[leg] = play
        if self.ends_plays and not goes_on:
            self.end_play(leg)

    def end_play(self, leg: int) -> None:
        self.tell(PlayEnded(leg, self.plays.pop(leg)))

    def stop_recording(
        self, number: int, reason: str, *, digit: str = "", partial: bool = False
    ) -> None:
        if self.tells_ends and self.recordings.pop(number, None) is not None:
            self.tell(RecordingStopped(number, self.seconds, reason, partial, digit))

    def press(self, leg: int, digit: str) -> None:
        """Press a key, which also ends recordings of the leg that it should end."""
        self.tell(DigitHeard(leg, digit))
        for number, recording in list(self.recordings.items()):
            if leg in recording.legs and digit in recording.stop_digits:
                self.stop_recording(number, "digit", digit=digit)

    def of(self, kind: type) -> list[Any]:
        """Return what was asked of one kind."""
        return [command for command in self.asked if isinstance(command, kind)]


class Peer:
    """A SIP telephone or carrier: an endpoint on a socket of its own, and all it was told."""

    def __init__(self, port: int, rtp_port: int = 0) -> None:
        self.port = port
        self.rtp_port = rtp_port or port
        self.events: list[Event] = []
        self.registered: list[ResponseReceived] = []
        self.react: Callable[[Peer, Event], None] | None = None
        self.codecs: tuple[int, ...] = (8, 0)
        self.answers_requests = True
        self.empty_lines = 0
        self._driver = Driver(
            *(HOST, port),
            on_event=self._event,
            commit=lambda events: None,
            admit=self._sees,
        )

    def _sees(self, data: bytes, flow: Flow) -> bool:
        self.empty_lines += data == KEEP_ALIVE
        return True

    @property
    def endpoint(self) -> Any:
        return self._driver.endpoint

    @property
    def now(self) -> float:
        return self._driver.now

    async def listen(self) -> None:
        await self._driver.listen()

    def close(self) -> None:
        self._driver.close()

    def _event(self, event: Event) -> None:
        self.events.append(event)
        if isinstance(event, RequestReceived) and self.answers_requests:
            self.endpoint.respond(event.transaction, 405, self.now)
        if isinstance(event, ResponseReceived):
            self.registered.append(event)
        if isinstance(event, Offered):
            self.endpoint.answer_offer(event.leg, self.answer_to(event.sdp), self.now)
        if self.react is not None:
            self.react(self, event)

    # -- what a phone does -----------------------------------------------------------------------

    def offer(self, **more: Any) -> bytes:
        return sdp.offer(sdp.Local(HOST, self.rtp_port, 1, 1), self.codecs, **more)

    def answer_to(self, offer: bytes) -> bytes:
        if not offer:
            return self.offer()
        session = sdp.parse(offer)
        local = sdp.Local(HOST, self.rtp_port, 1, 1)
        return sdp.answer(session, local, sdp.first_common(session, self.codecs))

    def call(self, to: str, switch_port: int, **more: Any) -> int:
        more.setdefault("sdp", self.offer())
        more.setdefault("from_", f"<sip:+33612345678@{HOST}>")
        flow = Flow("udp", HOST, switch_port)
        uri = more.pop("uri", f"sip:{to}@{HOST}:{switch_port}")
        leg: int = self.endpoint.invite(uri, flow, self.now, **more)
        self._driver.drain()
        return leg

    def ring(self, leg: int, **more: Any) -> None:
        self.endpoint.ring(leg, self.now, **more)
        self._driver.drain()

    def answer(self, invite: InviteReceived) -> None:
        self.endpoint.accept(invite.leg, self.answer_to(sdp_of(invite.request)), self.now)
        self._driver.drain()

    def refuse(self, leg: int, status: int) -> None:
        self.endpoint.refuse(leg, status, self.now)
        self._driver.drain()

    def hang_up(self, leg: int) -> None:
        self.endpoint.hang_up(leg, self.now)
        self._driver.drain()

    def drain(self) -> None:
        """Send what was asked of `endpoint`."""
        self._driver.drain()

    def refer(self, leg: int, to: str) -> None:
        """Ask to be replaced."""
        self.endpoint.refer(leg, to, self.now)
        self._driver.drain()

    def reoffer(self, leg: int, offer: bytes) -> None:
        self.endpoint.reoffer(leg, offer, self.now)
        self._driver.drain()

    def inform(self, leg: int, content_type: str, body: bytes, **more: Any) -> None:
        self.endpoint.inform(leg, content_type, body, self.now, **more)
        self._driver.drain()

    def request(self, method: str, switch_port: int, **more: Any) -> int:
        flow = Flow("udp", HOST, switch_port)
        number: int = self.endpoint.request(
            method, f"sip:{HOST}:{switch_port}", flow, self.now, **more
        )
        self._driver.drain()
        return number

    async def register(
        self, switch_port: int, name: str, password: str = PASSWORD, **more: Any
    ) -> int:
        """Send a REGISTER; return the last answer's status."""
        address = f"<sip:{name}@{HOST}>"
        credentials = Credentials(name, password) if password else None
        seen = len(self.registered)
        self.request(
            "REGISTER",
            switch_port,
            from_=address,
            to=address,
            credentials=credentials,
            **{"headers": (("Expires", "600"),), **more},
        )
        await until(lambda: len(self.registered) > seen, f"an answer to {name}'s REGISTER")
        return self.registered[-1].status

    # -- what it was told ------------------------------------------------------------------------

    def of(self, kind: type, leg: int = 0) -> list[Any]:
        return [
            event
            for event in self.events
            if isinstance(event, kind) and (not leg or getattr(event, "leg", 0) == leg)
        ]

    async def invited(self, nth: int = 0) -> InviteReceived:
        """Wait for the nth call."""
        await until(lambda: self.of(InviteReceived)[nth:], "to be rung")
        return self.of(InviteReceived)[nth]  # type: ignore[no-any-return]

    async def picks_up(self, nth: int = 0) -> InviteReceived:
        """Wait for the nth call, and answer it."""
        invite = await self.invited(nth)
        self.answer(invite)
        return invite

    async def is_answered(self, leg: int) -> None:
        await until(lambda: self.of(Answered, leg), "an answer")

    async def is_over(self, leg: int) -> None:
        """Wait until a leg ended, from the other side."""
        await until(lambda: self.of((HungUp, Failed, Cancelled), leg), "the end of a leg")  # type: ignore[arg-type]

    def status(self, leg: int) -> int:
        """Return the final status of a call that was refused."""
        return int(self.of(Failed, leg)[0].status)


class Office:
    """The switch, its carrier, Ann's phone and Ben's."""

    def __init__(self, config: Config, portal: str) -> None:
        self.config = config
        self.board = Switchboard(config, PortalClient(portal, ""))
        self.media = FakeMedia(config.media_socket)
        self.carrier = Peer(config.sandbox_sip_port, 30000)
        self.phones: dict[str, Peer] = {}
        self.all_ports = self.board.halls.every[0].ports.free
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self, *users: str) -> None:
        board = self.board
        await self.media.start()
        await board.driver.listen()
        await self.carrier.listen()
        follow = (board.halls.every[0].plane.follow(), keep_house(board))
        self._tasks = [asyncio.create_task(each) for each in follow]
        await until(lambda: board.halls.every[0].connected, "the media process")
        for user in users:
            await self.add_phone(user)

    def follow(self, part: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Let one more part of the switch run until the office closes."""
        self._tasks.append(asyncio.create_task(part))
        return self._tasks[-1]

    async def add_phone(self, user: str, *, name: str = "") -> Peer:
        """Plug in a phone of a user and register it."""
        port = self.config.sip_port + 6 + len(self.phones)
        phone = Peer(port, 31000 + 2 * len(self.phones))
        await phone.listen()
        self.phones[name or user] = phone
        assert await phone.register(self.config.sip_port, f"acme-{user}") == 200
        return phone

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for peer in (self.carrier, *self.phones.values()):
            peer.close()
        await self.media.stop()
        self.board.driver.close()
        self.board.devices.close()
        self.board.journal.close()

    # -- calls -----------------------------------------------------------------------------------

    def call(self, to: str = MAIN, **more: Any) -> int:
        """Call from outside; return the carrier's leg."""
        return self.carrier.call(to, self.config.sip_port, **more)

    def dial(self, user: str, to: str, **more: Any) -> int:
        """Call from a phone; return its leg."""
        phone = self.phones[user]
        return phone.call(
            to,
            self.config.sip_port,
            credentials=Credentials(f"acme-{user}", PASSWORD),
            from_=f"<sip:acme-{user}@{HOST}>",
            **more,
        )

    def leg(self, name: str) -> int:
        """Return the media process's number of a leg of the only call there is."""
        (call,) = self.board.calls.values()
        return next(leg.media for leg in call.legs if leg.id == name)

    def who_hears(self) -> dict[str, set[str]]:
        """Return who hears whom, by user id or number; "music" is heard where something loops."""
        names = {
            leg.media: leg.party.user or leg.who
            for call in self.board.calls.values()
            for leg in call.legs
            if leg.media in self.media.legs
        }
        return {
            name: {"music"}
            if media in self.media.plays
            else {names[each] for each in self.media.hears.get(media, ()) if each in names}
            for media, name in names.items()
        }

    async def hear(self, **expected: set[str]) -> None:
        """Wait until these parties hear just this."""

        def right() -> bool:
            heard = self.who_hears()
            return all(heard.get(name) == whom for name, whom in expected.items())

        try:
            await until(right)
        except AssertionError:
            raise AssertionError(f"heard: {self.who_hears()}") from None

    async def hear_each_other(self, one: str, other: str) -> None:
        """Wait until two parties hear each other and nobody else."""
        await self.hear(**{one: {other}, other: {one}})

    def keys(self) -> list[DigitPressed]:
        """Return the keys that were told."""
        return [e.event for e in self.entries() if isinstance(e.event, DigitPressed)]

    def do(self, command: Command) -> CommandAnswer:
        """Ask the switch for something, as the portal does."""
        answer = self.board.do(command)
        self.board.driver.drain()
        return answer

    async def talk(self) -> tuple[int, int]:
        """Have Ann answer a call from outside; return the carrier's leg and hers."""
        leg = self.call()
        invite = await self.phones["ann"].picks_up()
        await self.carrier.is_answered(leg)
        await until(lambda: self.media.of(BridgeLegs), "the bridge")
        await until(lambda: self.phones["ann"].of(Confirmed), "the ACK")
        return leg, invite.leg

    async def leave_message(self) -> int:
        """Call where nobody is, up to the recording; return the carrier's leg."""
        leg = self.call()
        await until(lambda: self.media.recordings, "the recording")
        return leg

    # -- what happened ---------------------------------------------------------------------------

    def entries(self) -> list[JournalEntry]:
        return list(self.board.journal.scan())

    def events(self, nth: int = 0) -> list[CallEvent]:
        """Return the events of the nth call."""
        every = [entry.event for entry in self.entries() if isinstance(entry.event, CallEvent)]
        names = list(dict.fromkeys(event.call for event in every))
        return [event for event in every if event.call == names[nth]]

    def reasons(self, nth: int = 0) -> list[str]:
        return [event.reason for event in self.events(nth) if hasattr(event, "node")]

    def reasons_so_far(self) -> list[str]:
        """Return the reasons in the timelines of all calls."""
        return [e.event.reason for e in self.entries() if hasattr(e.event, "node")]

    def offers(self, who: str = "") -> list[Any]:
        """Return the offers made within calls to a phone, or to the carrier."""
        return (self.phones[who] if who else self.carrier).of(Offered)

    async def record(self, nth: int = 0) -> CallRecord:
        """Wait until the nth call ended; return its record."""
        ended = lambda: [e for e in self.entries() if isinstance(e.event, CallEnded)]  # noqa: E731
        await until(lambda: len(ended()) > nth, "a call's end")
        return fold(self.events(nth))

    async def hangs_up(self, leg: int, nth: int = 0) -> CallRecord:
        """Let the outside hang up; return the record of the nth call, that it ends."""
        self.carrier.hang_up(leg)
        return await self.record(nth)

    async def is_quiet(self) -> None:
        """Wait until nothing is left of any call, anywhere; AssertionError says what is."""
        board = self.board
        with contextlib.suppress(AssertionError):
            await until(lambda: not self._left() and not board.endpoint.legs, "", 5.0)
        assert not self._left(), "nothing of a call may outlive it"
        assert board.endpoint.legs == 0
        assert not self.media.faults
        assert_told_once(self.entries())

    def _left(self) -> dict[str, object]:
        board = self.board
        left: dict[str, object] = {
            "calls": list(board.calls),
            "legs": list(board.legs),
            "busy": set(board.people.busy),
            "untold": list(board.driver.events),
            "sounds": sum(board.halls.every[0].kept),
            "ports": self.all_ports - board.halls.every[0].ports.free,
        }
        return {name: what for name, what in left.items() if what}


def assert_told_once(entries: list[JournalEntry]) -> None:
    """Every call begins once, counts its events without gap or repeat, and ends once, at the end."""
    assert [entry.cursor for entry in entries] == list(range(1, len(entries) + 1))
    calls: dict[str, list[CallEvent]] = {}
    for entry in entries:
        if isinstance(entry.event, CallEvent):
            calls.setdefault(entry.event.call, []).append(entry.event)
    for events in calls.values():
        assert [event.seq for event in events] == list(range(1, len(events) + 1))
        kinds = Counter(type(event) for event in events)
        assert (kinds[CallArrived], kinds[CallEnded]) == (1, 1)
        assert isinstance(events[0], CallArrived)
        assert isinstance(events[-1], CallEnded)
        assert events[-1].detail != "bug"


def seed(config: Config, plan: Plan, *trunks: Trunk) -> None:
    """Put a plan where the switch finds it at its start."""
    folder = config.switch_state / "plans"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{plan.company}.plan.json").write_bytes(write_plan(plan))
    index = PlanIndex((PlanRef(plan.company, plan.version),), trunks)
    (folder / "index.json").write_bytes(msgspec.json.encode(index))


def scratch(data: Path) -> Config:
    """Return settings on ports of their own."""
    http, sip, rtp = free_ports()
    ports = {"HTTP": http, "SIP": sip, "RTP": rtp}
    environ = {f"CARILLON_{name}_PORT": str(port) for name, port in ports.items()}
    environ["CARILLON_MEDIA_PROCESSES"] = "1"
    config = read_config({"CARILLON_DATA": str(data), **environ})
    config.make_folders()
    return config


@contextlib.asynccontextmanager
async def office(
    data: Path,
    *users: str,
    plan: Plan | None = None,
    trunks: tuple[Trunk, ...] = (),
    hello: Hello | None = None,
    portal: str = "http://127.0.0.1:9",
) -> AsyncIterator[Office]:
    """Open an office for a while, with these users' phones registered."""
    config = scratch(data)
    seed(config, plan or acme(), *trunks)
    opened = Office(config, portal)
    opened.media.hello = hello or opened.media.hello
    try:
        await opened.open(*users)
        yield opened
    finally:
        await opened.close()


def scene(test: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """Let an asynchronous function be a test."""

    @functools.wraps(test)
    def played(*args: Any, **more: Any) -> None:
        asyncio.run(asyncio.wait_for(test(*args, **more), 60))  # type: ignore[arg-type]

    return played


__all__ = ["Office", "Peer", "Progressed", "office", "scene", "until"]

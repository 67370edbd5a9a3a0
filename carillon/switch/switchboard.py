"""Where everything meets: which call a packet, a sound or a command belongs to."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from carillon.bus.client import PortalClient
from carillon.bus.config import Config
from carillon.flows.steps import World
from carillon.schema.commands import (
    Command,
    CommandAnswer,
    HangUpCall,
    LiveCall,
    ReloadPlans,
    SwitchStatus,
)
from carillon.schema.events import AnyEvent, CallEvent, Decided, TroubleBegan, TroubleEnded
from carillon.schema.mediacontrol import (
    DigitHeard,
    DiskFilled,
    DiskFreed,
    Hello,
    LegFailed,
    LegSilent,
    LegStats,
    MediaEvent,
    PlayEnded,
    RecordingStopped,
)
from carillon.schema.plan import Prompt, Target
from carillon.sip import endpoint as sip
from carillon.switch import canary
from carillon.switch.arrivals import Arrivals
from carillon.switch.calls import Call
from carillon.switch.devices import Devices
from carillon.switch.dialling import legs_for
from carillon.switch.driver import Driver
from carillon.switch.journal import Journal
from carillon.switch.legs import Leg, Ports
from carillon.switch.mediaplane import MediaPlane
from carillon.switch.plans import PlanStore
from carillon.switch.trunks import Trunks, sandbox_trunk

log = logging.getLogger(__name__)

EXPIRE_SECONDS = 5.0
TROUBLES = ("recordings-disk-full", "media-lost", "plan-refused")
GONE = frozenset({408, 481})
"""What a phone that lost the call answers to a re-INVITE."""


class Switchboard:
    """The live state of one switch."""

    def __init__(self, config: Config, portal: PortalClient) -> None:
        self.config = config
        self.loop = asyncio.get_running_loop()
        self.clock = time.time
        self.started_at = self.clock()
        self.stopping = False
        self.recordings: Path = config.recordings
        self.calls: dict[str, Call] = {}
        self.legs: dict[int, Leg] = {}
        self.sounding: dict[int, Leg] = {}
        self.ports = Ports(config.rtp_port + 2, config.rtp_port + config.rtp_ports - 2)
        self.trunks = Trunks(sandbox_trunk(config.sandbox_sip_port))
        self.troubles: dict[str, str] = {}
        self._recordings: dict[int, Call] = {}
        self._shared: set[tuple[str, int]] = set()
        self._busy: Counter[tuple[str, str]] = Counter()
        self._ids = itertools.count(1)
        self.journal = Journal(config.switch_state / "journal")
        # Whatever troubled the switch before this one is found again, or is over.
        over = [TroubleEnded(at=self.started_at, kind=kind) for kind in TROUBLES]
        self.journal.append(over)
        self.driver = Driver(
            config.host, config.sip_port, on_event=self._sip_event, commit=self._commit
        )
        self.endpoint = self.driver.endpoint
        self.plans = PlanStore(config.switch_state / "plans", portal, self._trouble)
        self.devices = Devices(
            config.switch_state,
            self.plans,
            clock=self.clock,
            now=self.loop.time,
            emit=lambda event: self.driver.events.append(event),
        )
        self.media = MediaPlane(
            config.media_socket,
            on_event=self._media_event,
            on_return=self._media_returned,
            on_loss=self._media_lost,
        )
        self._arrivals = Arrivals(self)

    # -- small services to the calls -------------------------------------------------------------

    @property
    def now(self) -> float:
        """Monotonic seconds."""
        return self.loop.time()

    def next_media(self) -> int:
        """Return a fresh name for a media leg."""
        return next(self._ids)

    def next_recording(self, call: Call) -> int:
        """Return a fresh name for a recording of this call."""
        number = next(self._ids)
        self._recordings[number] = call
        return number

    def prompt_paths(self, prompts: tuple[Prompt, ...]) -> tuple[str, ...]:
        """Return where the prompts' files are."""
        return tuple(str(self.config.prompts / f"{prompt.key}.wav") for prompt in prompts)

    def legs_for(self, call: Call, targets: tuple[Target, ...]) -> list[Leg]:
        """Make the legs that ring these targets."""
        return legs_for(self, call, targets)

    def share(self, remote: tuple[str, int]) -> bool:
        """Claim an address on the shared media port; False when another leg has it."""
        if remote in self._shared:
            return False
        self._shared.add(remote)
        return True

    def unshare(self, remote: tuple[str, int]) -> None:
        """Give an address back."""
        self._shared.discard(remote)

    def world(self, company: str) -> World:
        """Return what a flow may see of the company's people."""
        return _People(self, company)

    def is_busy(self, company: str, user: str) -> bool:
        """Say whether a user is rung or talking."""
        return self._busy[company, user] > 0

    def occupy(self, leg: Leg) -> None:
        """Count a user's leg."""
        if leg.party.user is not None and leg.call is not None:
            self._busy[leg.call.plan.company, leg.party.user] += 1

    def release(self, leg: Leg) -> None:
        """Uncount it."""
        if leg.party.user is not None and leg.call is not None:
            key = (leg.call.plan.company, leg.party.user)
            self._busy[key] -= 1
            if self._busy[key] <= 0:
                del self._busy[key]

    # -- events and the journal ------------------------------------------------------------------

    def emit(self, call: Call, event: CallEvent) -> None:
        """Hand an event to the next commit; the canary's calls leave no trace."""
        if call.plan.company != canary.COMPANY:
            self.driver.events.append(event)

    def when_durable(self, call: Call, then: Callable[[], None]) -> None:
        """Do something once everything emitted so far is on disk."""

        def guarded() -> None:
            with self.guard(call):
                then()

        self._commit(self.driver.take_events())
        self.journal.when_durable(guarded)

    def _commit(self, events: list[AnyEvent]) -> None:
        if events:
            self.journal.append(events)
        self.media.flush()

    @contextlib.contextmanager
    def guard(self, call: Call) -> Iterator[None]:
        """Run something of a call: a bug ends this call, not the switch. Then let everything out."""
        try:
            yield
        except Exception:
            log.exception("call %s: ended by a fault of ours", call.id)
            with contextlib.suppress(Exception):
                call.end(by="system", detail="bug")
        self.driver.drain()

    def add(self, call: Call) -> None:
        """A call began."""
        self.calls[call.id] = call
        self.occupy(call.a)

    def forget(self, call: Call) -> None:
        """A call is over and told."""
        self.calls.pop(call.id, None)
        for number in call.recordings.numbers():
            self._recordings.pop(number, None)
        for leg in call.legs:
            leg.call = None

    def close_leg_sound(self, leg: Leg) -> None:
        """End a leg's stream; without a media process there are no figures to wait for."""
        if self.media.connected:
            leg.close_sound()
        else:
            self._sound_closed(leg, None)

    def _sound_closed(self, leg: Leg, stats: LegStats | None) -> None:
        self.sounding.pop(leg.media, None)
        call = leg.call
        leg.sound_closed(stats)
        if call is not None:
            call.maybe_finish()

    # -- SIP -------------------------------------------------------------------------------------

    def _sip_event(self, event: sip.Event) -> None:
        match event:
            case sip.InviteReceived():
                self._arrivals.invite(event)
            case sip.RequestReceived():
                self._arrivals.request(event)
            case sip.ResponseReceived():
                pass
            case _:
                leg = self.legs.get(event.leg)
                if leg is not None and leg.call is not None:
                    with self.guard(leg.call):
                        self._leg_event(leg, leg.call, event)

    def _leg_event(self, leg: Leg, call: Call, event: sip.Event) -> None:
        match event:
            case sip.Progressed(_, status, _, sdp):
                call.rang(leg, status, sdp)
            case sip.Answered(_, sdp):
                call.answered(leg, sdp)
            case sip.Failed(_, status):
                call.failed(leg, status)
            case sip.Cancelled() | sip.HungUp():
                call.hung_up(leg)
            case sip.Confirmed(_, sdp):
                leg.confirmed(sdp)
                call.confirmed(leg)
            case sip.Offered(_, sdp):
                leg.offered(sdp)
            case sip.OfferRefused(_, status) if status in GONE:
                call.hung_up(leg)
            case sip.Informed(_, content_type, body):
                digit = _info_digit(content_type, body)
                if digit:
                    call.pressed(leg, digit)
            case _:
                pass

    # -- media -----------------------------------------------------------------------------------

    def _media_event(self, event: MediaEvent) -> None:
        match event:
            case RecordingStopped():
                call = self._recordings.get(event.recording)
                if call is not None:
                    with self.guard(call):
                        call.recordings.stopped(event)
                        call.maybe_finish()
            case DiskFilled(detail):
                self._trouble("recordings-disk-full", detail)
            case DiskFreed():
                self._trouble_over("recordings-disk-full")
            case DigitHeard() | PlayEnded() | LegStats() | LegSilent() | LegFailed():
                leg = self.sounding.get(event.leg)
                if leg is None or leg.call is None:
                    self.sounding.pop(event.leg, None)
                    if leg is not None and isinstance(event, LegStats):
                        leg.sound_closed(None)
                    return
                with self.guard(leg.call):
                    self._leg_sound(leg, leg.call, event)
            case _:
                pass

    def _leg_sound(self, leg: Leg, call: Call, event: MediaEvent) -> None:
        match event:
            case DigitHeard(_, digit):
                call.pressed(leg, digit)
            case PlayEnded(_, play) if leg is call.a:
                call.played(play)
            case LegStats():
                self._sound_closed(leg, event)
            case LegSilent(_, seconds) if not leg.held:
                call.emit(
                    Decided,
                    node="",
                    reason="call.no-sound",
                    facts={"who": leg.who, "seconds": str(round(seconds))},
                )
                leg.probe()
            case LegFailed(_, reason):
                log.error("call %s: no sound for leg %s (%s)", call.id, leg.id, reason)
                self.sounding.pop(leg.media, None)
                leg.sound_closed(None)
                call.end(by="system", detail="no-media")
            case _:
                pass

    def _media_returned(self, hello: Hello) -> None:
        self._trouble_over("media-lost")
        for call in list(self.calls.values()):
            with self.guard(call):
                call.restore_sound()

    def _media_lost(self) -> None:
        if not self.stopping:
            self._trouble("media-lost", "")
        for leg in list(self.sounding.values()):
            if leg.gone:
                self._sound_closed(leg, None)
        self.driver.drain()

    # -- troubles, commands, status --------------------------------------------------------------

    def _trouble(self, kind: str, detail: str) -> None:
        if kind not in self.troubles:
            log.error("trouble: %s %s", kind, detail)
            event = TroubleBegan(at=self.clock(), kind=kind, detail=detail[:500])
            self.troubles[kind] = detail
            self.journal.append([event])

    def _trouble_over(self, kind: str) -> None:
        if self.troubles.pop(kind, None) is not None:
            log.info("trouble: %s is over", kind)
            self.journal.append([TroubleEnded(at=self.clock(), kind=kind)])

    def do(self, command: Command) -> CommandAnswer:
        """Do what the portal asks."""
        match command:
            case ReloadPlans():
                self.plans.reload()
            case HangUpCall(name):
                call = self.calls.get(name)
                if call is None:
                    return CommandAnswer(False, "no-such-call")
                with self.guard(call):
                    call.end(by="system", detail="hung-up-by-administrator")
        return CommandAnswer(True)

    def status(self) -> SwitchStatus:
        """Tell how it is."""
        calls = tuple(
            LiveCall(
                call.id,
                call.plan.company,
                call.arrived.direction,
                call.arrived.caller,
                call.arrived.called,
                call.arrived.at,
                call.state,
            )
            for call in self.calls.values()
            if call.plan.company != canary.COMPANY
        )
        troubles = [*self.troubles, *(["journal-disk-full"] if self.journal.failing else [])]
        return SwitchStatus(
            started_at=self.started_at,
            ready=self.media.connected and not self.stopping,
            calls=calls,
            registrations=self.devices.registrations(),
            plans=len(self.plans),
            media_connected=self.media.connected,
            troubles=tuple(troubles),
            journal_cursor=self.journal.cursor,
        )

    def taken(self, cursor: int) -> None:
        """The portal has stored everything up to a cursor."""
        oldest = min((call.cursor for call in self.calls.values()), default=cursor)
        self.journal.forget(min(cursor, oldest))

    async def expire(self) -> None:
        """Forget registrations that ran out, for ever."""
        while True:
            await asyncio.sleep(EXPIRE_SECONDS)
            self.devices.expire()
            self.driver.drain()


class _People:
    """The World of `flows`: who can be rung now."""

    def __init__(self, board: Switchboard, company: str) -> None:
        self._board = board
        self._company = company

    def availability(self, user: str) -> str:
        """Return free, dnd, busy or no-phone. Do-not-disturb is as the newest plan has it."""
        board = self._board
        known = board.plans.user(self._company, user)
        if known is not None and not known.available:
            return "dnd"
        if board.is_busy(self._company, user):
            return "busy"
        devices = board.plans.devices_of(self._company, user)
        reachable = any(board.devices.bindings(device.username) for device in devices)
        return "free" if reachable else "no-phone"


def _info_digit(content_type: str, body: bytes) -> str:
    """Read a digit from SIP INFO (application/dtmf-relay, application/dtmf), "" when there is none."""
    text = body[:200].decode("ascii", "replace")
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "application/dtmf-relay":
        lines = (line.partition("=") for line in text.splitlines())
        text = next((value for name, _, value in lines if name.strip() == "Signal"), "")
    elif kind != "application/dtmf":
        return ""
    digit = text.strip()
    return digit if len(digit) == 1 and digit in "0123456789*#ABCD" else ""

"""Where everything meets: which call a packet, a sound or a command belongs to."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from pathlib import Path

from carillon.bus.client import PortalClient
from carillon.bus.config import Config
from carillon.schema.commands import (
    CallOut,
    Command,
    CommandAnswer,
    HangUpCall,
    HoldAgent,
    PlaceCall,
    PlaceCallback,
    ReleaseAgent,
    ReloadPlans,
    SwitchStatus,
    TellMessages,
)
from carillon.schema.events import (
    SHOWN_PURPOSES,
    AnyEvent,
    CallArrived,
    CallEvent,
    DeviceLost,
    DeviceRegistered,
)
from carillon.schema.plan import Number, Plan, Prompt, Target, User
from carillon.sip import endpoint as sip
from carillon.switch import canary
from carillon.switch.arrivals import Arrivals
from carillon.switch.callout import call_out
from carillon.switch.calls import Call
from carillon.switch.devices import Devices
from carillon.switch.dialling import caller_legs, legs_for
from carillon.switch.driver import Driver
from carillon.switch.guard import Guard
from carillon.switch.guests import Else, Then
from carillon.switch.halls import Halls
from carillon.switch.journal import Journal
from carillon.switch.keys import key_of
from carillon.switch.lamps import Lamps
from carillon.switch.lapse import Lapse
from carillon.switch.legs import Leg
from carillon.switch.live import live_call
from carillon.switch.mailboxes import Mailboxes
from carillon.switch.orders import Orders
from carillon.switch.parking import Parking
from carillon.switch.people import People
from carillon.switch.plans import PlanStore
from carillon.switch.queues import Queues
from carillon.switch.tolls import Tolls
from carillon.switch.transfers import Transfers
from carillon.switch.transport import tls
from carillon.switch.transport.sockets import Secured
from carillon.switch.troubles import Troubles
from carillon.switch.trunks import Trunks, sandbox_trunk
from carillon.switch.watch import Watch

log = logging.getLogger(__name__)

MOST_CALLS = 2000
"""Twice as many legs is what the media process has room for."""
FEWEST_PORTS = 10
PLACING_SECONDS = 30.0
CLOSING_SECONDS = 2.0
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
        self.trunks = Trunks(self, sandbox_trunk(config.sandbox_sip_port))
        self.tolls = Tolls()
        self.journal = Journal(config.switch_state / "journal")
        self.troubles = Troubles(self.journal, self.clock)
        self._durably: list[Callable[[], None]] = []
        """What waits for the next commit, and then for the disk."""
        self.arrivals = Arrivals(self)
        self.serving = tls.Serving(config)
        self.driver = self._new_driver()
        self.endpoint = self.driver.endpoint
        self.plans = PlanStore(
            config.switch_state / "plans", portal, self.troubles, lambda: self.queues.look()
        )
        self.devices = self._new_devices()
        self.watch = Watch(self)
        self.lamps = Lamps(self)
        self.mailboxes = Mailboxes(self, portal)
        self.queues = Queues(self)
        self.people = People(self, self._user_changed)
        self.halls = Halls(self)
        self.closing = Lapse(self.loop, CLOSING_SECONDS, self._finish_late)
        """Calls that end: how long the last figures and files of each are waited for."""
        self.transfers = Transfers(self)
        self.parking = Parking(self)
        self.orders = Orders(self)

    def _new_driver(self) -> Driver:
        secured = Secured(
            self.serving.context,
            tls.calling(self.config),
            self.config.ws_origins,
            lambda address: self.trunks.name_of(address),
        )
        return Driver(
            self.config.host,
            self.config.sip_port,
            on_event=self._sip_event,
            commit=self._commit,
            admit=self.arrivals.admits,
            lost=lambda flow: self.devices.lost_flow(flow),
            secured=secured,
        )

    def _new_devices(self) -> Devices:
        return Devices(
            self.config.switch_state,
            self.plans,
            clock=self.clock,
            now=self.loop.time,
            emit=self._device_event,
            move=self.endpoint.move_flow,
        )

    @property
    def now(self) -> float:
        """Monotonic seconds."""
        return self.loop.time()

    @property
    def full(self) -> bool:
        """Whether there is no room for another call."""
        return len(self.calls) >= MOST_CALLS or self.halls.free_ports < FEWEST_PORTS

    def legs_for(self, call: Call, number: Number, targets: tuple[Target, ...]) -> list[Leg]:
        """Make the legs that ring these targets; the outside is shown `number`."""
        return legs_for(self, call, number, targets)

    def caller_legs(self, plan: Plan, user: User, device: str, shown: str) -> list[Leg]:
        """Make the legs that ring a user's own phones before a call the user wants."""
        return caller_legs(self, plan, user, device, shown)

    def paths(self, prompts: tuple[Prompt, ...]) -> tuple[str, ...]:
        """Return where the sound of prompts is."""
        return tuple(str(self.config.prompts / f"{prompt.key}.wav") for prompt in prompts)

    def music(self, plan: Plan, number: Number) -> tuple[str, ...]:
        """Return the files that a number's callers hear on hold."""
        return self.paths(number.music or plan.music)

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

        self._durably.append(guarded)
        self.driver.flush_soon()

    def _commit(self, events: list[AnyEvent]) -> None:
        if events:
            self.journal.append(events)
        if self._durably:
            self.journal.when_durable(*self._durably)
            self._durably.clear()
        self.halls.flush()

    def guard(self, call: Call) -> Guard:
        """Run something of a call: a bug ends this call, not the switch. Then let everything out."""
        return Guard(self.driver, call)

    def _user_changed(self, company: str, user: str) -> None:
        self.lamps.changed(company, user)
        self.queues.changed(company, user)

    def _device_event(self, event: DeviceRegistered | DeviceLost) -> None:
        self.driver.events.append(event)
        owner = self.plans.phone(event.company, event.device)
        if owner is not None:
            self.queues.changed(event.company, owner.user.id)

    def add(self, call: Call) -> None:
        """A call began."""
        self.calls[call.id] = call
        self.people.occupy(call, call.a)

    def began_outside(self, leg: Leg) -> None:
        """A leg over a trunk begins: it counts."""
        if leg.party.trunk is not None and leg.call is not None:
            self.trunks.began(leg.party.trunk)
            if leg.dial is not None and not leg.helps:
                leg.counted = leg.call.plan.company
                self.tolls.began(leg.call.plan, self.now)

    def ended_outside(self, leg: Leg) -> None:
        """It is over."""
        if leg.party.trunk is not None and leg.sip:
            self.trunks.ended(leg.party.trunk)
        if leg.counted:
            self.tolls.ended(leg.counted)

    def begin_placed(
        self,
        call: Call,
        arrived: CallArrived,
        legs: list[Leg],
        then: Then = Call.follow,
        otherwise: Else | None = None,
    ) -> None:
        """Begin a call by ringing the phones of the user who wants it, or whose turn it is."""
        for leg in legs:
            leg.call = call
        call.legs.clear()
        self.calls[call.id] = call
        self.emit(call, arrived)
        reason = "callback.turn" if arrived.callback else "call.placing"
        with self.guard(call):
            call.decide(reason, who=legs[0].who, to=arrived.called, number=arrived.called)
            call.guests.invite(call, legs, PLACING_SECONDS, then, otherwise or _not_placed)

    def forget(self, call: Call) -> None:
        """A call is over and told."""
        self.calls.pop(call.id, None)
        self.orders.forget(call)
        call.park_in("")
        call.sounds.forget_recordings(call.recordings.numbers())
        for leg in (call.a, *call.legs):
            leg.call = None

    # -- SIP -------------------------------------------------------------------------------------

    def _sip_event(self, event: sip.Event) -> None:
        match event:
            case sip.InviteReceived():
                self.arrivals.invite(event)
            case sip.RequestReceived():
                self.arrivals.request(event)
            case sip.ResponseReceived():
                if not self.watch.answered(event):
                    self.trunks.answered(event)
            case sip.Subscribed():
                self.lamps.subscribed(event)
            case sip.Resubscribed(subscription):
                self.lamps.resubscribed(subscription)
            case sip.SubscriptionEnded(subscription):
                self.lamps.ended(subscription)
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
            case sip.Failed(_, status) if not leg.retry_plain(status):
                call.failed(leg, status, event.contacts)
            case sip.Cancelled() | sip.HungUp():
                call.hung_up(leg)
            case sip.Confirmed(_, sdp):
                call.confirmed(leg, sdp)
            case sip.Offered(_, sdp):
                self._offered(leg, call, sdp)
            case sip.Referred():
                self.transfers.referred(call, leg, event)
            case sip.OfferAnswered(_, sdp):
                leg.offer_answered(sdp)
            case sip.OfferRefused(_, status) if status in GONE:
                leg.hang_up("")
                call.hung_up(leg)
            case sip.Informed(_, content_type, body, record):
                key = key_of(content_type, body)
                if key:
                    call.pressed(leg, key)
                if record:
                    self.orders.record_key(call, leg, on=record == "on")
            case _:
                pass

    @staticmethod
    def _offered(leg: Leg, call: Call, sdp: bytes) -> None:
        held = leg.held
        leg.offered(sdp)
        if leg.held != held and leg in call.talk:
            call.decide("call.held" if leg.held else "call.resumed", who=leg.who)
            call.talk.refresh()

    # -- commands and status ---------------------------------------------------------------------

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
            case PlaceCall():
                return self.orders.place(command)
            case TellMessages(company, counts):
                self.lamps.count(company, counts)
                self.driver.drain()
            case CallOut():
                return call_out(self, command)
            case PlaceCallback():
                return self.queues.place_callback(command)
            case HoldAgent(company, user, call_id):
                self.people.owe(company, user, call_id)
            case ReleaseAgent(company, user):
                self.people.finished(company, user)
            case _:
                return self.orders.do(command)
        return CommandAnswer(True)

    def status(self) -> SwitchStatus:
        """Tell how it is."""
        calls = tuple(live_call(call) for call in self.calls.values() if _is_shown(call))
        failing = ("journal-disk-full",) if self.journal.failing else ()
        return SwitchStatus(
            started_at=self.started_at,
            ready=self.halls.connected and not self.stopping,
            calls=calls,
            registrations=self.devices.registrations(),
            plans=len(self.plans),
            media_connected=self.halls.connected,
            media_late_ms=max(sounds.late_ms for sounds in self.halls.every),
            tasks=len(asyncio.all_tasks(self.loop)),
            turned_away=self.driver.turned_away,
            troubles=(*self.troubles, *failing),
            journal_cursor=self.journal.cursor,
        )

    def _finish_late(self, call: Call) -> None:
        with self.guard(call):
            call.finish_late()

    def taken(self, cursor: int) -> None:
        """The portal has stored everything up to a cursor."""
        oldest = min((call.cursor for call in self.calls.values()), default=cursor)
        self.journal.forget(min(cursor, oldest))


def _is_shown(call: Call) -> bool:
    return call.plan.company != canary.COMPANY and call.arrived.purpose in SHOWN_PURPOSES


def _not_placed(call: Call, reason: str) -> None:
    call.end(by="system", detail="not-picked-up")

"""The links to carriers: whose calls come from where, which one takes a call out, and whether it works."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from carillon.schema.plan import Trunk
from carillon.sip.digest import Credentials
from carillon.sip.endpoint import Flow, ResponseReceived
from carillon.sip.errors import LocalError
from carillon.switch.bucket import Bucket

if TYPE_CHECKING:
    from carillon.switch.switchboard import Switchboard

log = logging.getLogger(__name__)

ROUND_SECONDS = 5.0
PROBE_SECONDS = 30.0
REGISTER_SECONDS, RETRY_SECONDS = 300, 30.0
LOOK_UP_SECONDS = 60.0
REST_SECONDS = 20.0
"""How long a trunk that failed a call is the last to be asked."""
FAILED = frozenset({408, 500, 502, 503, 504})
"""What is the carrier's trouble and not the called party's: the next carrier may do better."""


def sandbox_trunk(port: int) -> Trunk:
    """Return the built-in pretend carrier."""
    return Trunk(id="sandbox", name="Sandbox", host="127.0.0.1", port=port, sandbox=True)


@dataclass(slots=True)
class State:
    """What is known of one trunk now. `down` is why it cannot be used, "" when it can."""

    trunk: Trunk
    addresses: frozenset[str]
    down: str = ""
    rests_until: float = 0.0
    calls: int = 0
    asked: int = 0
    ask_at: float = 0.0
    look_up_at: float = 0.0
    bucket: Bucket = field(default_factory=lambda: Bucket(0))


class Trunks:
    """Every trunk of the system; the sandbox is always one, and the last to be used."""

    def __init__(self, board: Switchboard, sandbox: Trunk) -> None:
        self._board = board
        self.sandbox = sandbox
        """The pretend carrier."""
        self._configured: tuple[Trunk, ...] | None = None
        self._states: dict[str, State] = {}
        self._by_address: dict[str, list[State]] = {}

    # -- which ones there are --------------------------------------------------------------------

    def _update(self) -> None:
        configured = self._board.plans.trunks
        if configured is self._configured:
            return
        self._configured = configured
        known = self._states
        trunks = [trunk for trunk in configured if not trunk.sandbox] + [self.sandbox]
        self._states = {}
        for trunk in trunks:
            before = known.get(trunk.id)
            fresh = State(trunk, frozenset({trunk.host}), bucket=Bucket(trunk.calls_per_second))
            if before is not None and before.trunk == trunk:
                fresh = before
            self._states[trunk.id] = fresh
        for gone in known.keys() - self._states.keys():
            self._board.troubles.ended(_trouble(known[gone].trunk))
        self._index()

    def _index(self) -> None:
        self._by_address = {}
        for state in self._states.values():
            for address in state.addresses:
                self._by_address.setdefault(address, []).append(state)

    def sender(self, flow: Flow) -> Trunk | None:
        """Return the trunk a request came from, by its address."""
        self._update()
        for state in self._by_address.get(flow.host, ()):
            trunk = state.trunk
            same_port = trunk.accept_any_port or trunk.port == flow.port or flow.transport != "udp"
            # What is too large for UDP comes by TCP (RFC 3261 §18.1.1); beside the sandbox live phones.
            too_large = (trunk.transport, flow.transport) == ("udp", "tcp") and not trunk.sandbox
            same_way = trunk.transport == flow.transport or too_large
            if same_port and same_way:
                return trunk
        return None

    def ways_out(self) -> list[Trunk]:
        """Return the trunks that may take a call out now, the best first; never none."""
        self._update()
        now = self._board.now
        states = [state for state in self._states.values() if not state.trunk.sandbox]
        if not states:
            return [self.sandbox]

        def rank(state: State) -> tuple[bool, bool, int]:
            return bool(state.down), state.rests_until > now, state.trunk.priority

        room = [state for state in states if self._has_room(state, now)]
        return [state.trunk for state in sorted(room or states, key=rank)]

    @staticmethod
    def _has_room(state: State, now: float) -> bool:
        limit = state.trunk.max_calls
        return (not limit or state.calls < limit) and state.bucket.has(now)

    def admits(self, trunk: Trunk) -> bool:
        """Count a call that a carrier sends; say whether it may send another."""
        state = self._states.get(trunk.id)
        if state is None:
            return True
        limit = trunk.max_calls
        return state.bucket.take(self._board.now) and (not limit or state.calls < limit)

    # -- calls -----------------------------------------------------------------------------------

    def began(self, trunk_id: str | None) -> None:
        """A leg over a trunk began."""
        state = self._states.get(trunk_id or "")
        if state is not None:
            state.calls += 1

    def ended(self, trunk_id: str | None) -> None:
        """It is over."""
        state = self._states.get(trunk_id or "")
        if state is not None:
            state.calls = max(0, state.calls - 1)

    def hears_inband(self, trunk_id: str | None) -> bool:
        """Say whether a carrier's keys are to be listened for in its sound."""
        self._update()
        state = self._states.get(trunk_id or "")
        return state is not None and state.trunk.hears_inband

    def name(self, trunk_id: str | None) -> str:
        """Return how people call a trunk."""
        state = self._states.get(trunk_id or "")
        return state.trunk.name if state is not None else trunk_id or ""

    def failed(self, trunk_id: str, status: int) -> bool:
        """A call out came to nothing; say whether that is the carrier's trouble."""
        if status not in FAILED:
            return False
        state = self._states.get(trunk_id)
        if state is not None:
            state.rests_until = self._board.now + REST_SECONDS
        return True

    # -- whether they work -----------------------------------------------------------------------

    async def follow(self) -> None:
        """Register, probe and look up names, for ever."""
        while True:
            try:
                self._update()
                for state in list(self._states.values()):
                    if not state.trunk.sandbox:
                        await self._tend(state)
            except Exception:
                log.exception("a fault of ours with the trunks")
            self._board.driver.drain()
            await asyncio.sleep(ROUND_SECONDS)

    async def _tend(self, state: State) -> None:
        now = self._board.now
        if now >= state.look_up_at:
            state.look_up_at = now + LOOK_UP_SECONDS
            await self._look_up(state)
        if now >= state.ask_at and not state.asked:
            self._ask(state)

    async def _look_up(self, state: State) -> None:
        host = state.trunk.host
        if host.replace(".", "").isdigit():
            return
        with contextlib.suppress(OSError):
            found = await self._board.loop.getaddrinfo(host, state.trunk.port)
            addresses = frozenset(str(each[4][0]) for each in found if ":" not in str(each[4][0]))
            if addresses and addresses != state.addresses:
                state.addresses = addresses
                self._index()

    def _ask(self, state: State) -> None:
        """REGISTER or OPTIONS: an answer says that the carrier is there."""
        trunk, config = state.trunk, self._board.config
        flow = self.flow(trunk)
        if flow is None:
            self._is_down(state, "unknown-host")
            state.ask_at = self._board.now + RETRY_SECONDS
            return
        us = f"sip:{trunk.username or 'carillon'}@{trunk.host}"
        headers: tuple[tuple[str, str], ...] = ()
        if trunk.registers:
            contact = f"<sip:{trunk.username}@{config.host}:{config.sip_port}>"
            headers = (("Contact", contact), ("Expires", str(REGISTER_SECONDS)))
        with contextlib.suppress(LocalError):
            state.asked = self._board.endpoint.request(
                "REGISTER" if trunk.registers else "OPTIONS",
                f"sip:{trunk.host}",
                flow,
                self._board.now,
                from_=f"<{us}>",
                to=f"<{us}>",
                headers=headers,
                credentials=trunk_credentials(trunk),
            )

    def answered(self, event: ResponseReceived) -> None:
        """Take the answer to a REGISTER or OPTIONS."""
        for state in self._states.values():
            if state.asked == event.transaction:
                state.asked = 0
                self._learn(state, event.status)

    def _learn(self, state: State, status: int) -> None:
        now = self._board.now
        if state.trunk.registers:
            fine = 200 <= status < 300
            state.ask_at = now + (REGISTER_SECONDS * 0.8 if fine else RETRY_SECONDS)
        else:
            # Whatever a carrier answers to OPTIONS, it is there; only its own trouble counts.
            fine = status not in FAILED
            state.ask_at = now + PROBE_SECONDS
        if fine:
            state.down = ""
            state.rests_until = 0.0
            self._board.troubles.ended(_trouble(state.trunk))
        else:
            self._is_down(state, "not-registered" if state.trunk.registers else "no-answer")

    def _is_down(self, state: State, why: str) -> None:
        if not state.down:
            log.warning("trunk %s: %s", state.trunk.name, why)
            self._board.troubles.began(_trouble(state.trunk), f"{state.trunk.name}: {why}")
        state.down = why

    def flow(self, trunk: Trunk) -> Flow | None:
        """Return the path to a carrier; None while its name is not known to anybody."""
        self._update()
        state = self._states.get(trunk.id)
        addresses = sorted(state.addresses) if state is not None else [trunk.host]
        known = [each for each in addresses if each.replace(".", "").isdigit()]
        return Flow(trunk.transport, known[0], trunk.port) if known else None

    def name_of(self, address: str) -> str:
        """Return the name to expect in the certificate of a carrier at this address."""
        every = self._by_address.get(address, ())
        return next((each.trunk.host for each in every if each.trunk.transport == "tls"), address)


def _trouble(trunk: Trunk) -> str:
    return f"trunk-down:{trunk.name}"


def trunk_credentials(trunk: Trunk) -> Credentials | None:
    """Return what the carrier wants to see, where it wants something."""
    return Credentials(trunk.username, trunk.password) if trunk.username else None


def written(trunk: Trunk, e164: str) -> str:
    """Return a number as a carrier wants it written; an emergency number as it is."""
    if not e164.startswith("+"):
        return e164
    digits = e164[1:]
    match trunk.number_format:
        case "bare":
            return digits
        case "prefix":
            return f"00{digits}"
        case "national" if digits.startswith(trunk.country_code):
            return f"0{digits[len(trunk.country_code) :]}"
        case "national":
            return f"00{digits}"
        case _:
            return e164

"""The four machines of RFC 3261 §17 with the accepted state of RFC 6026, one table each.

A row says: in this state, on this input, go to that state and do these things. Inputs are the class of a
response (`1xx`, `2xx`, `final`), a request (`request`, `ACK`), a timer by its letter, or `broken` (the
flow failed). What is not in the table is ignored. The clocks of a state start when it is entered.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from carillon.sip.message import Message
from carillon.sip.outputs import Flow, Output, Send
from carillon.sip.timers import LINGER, T1, T2, T4, Timer, Timers


@dataclass(frozen=True, slots=True, eq=False)
class Machine:
    """Rows (state, input) -> (next state, what to do), and what repeats and what ends a state."""

    first: str
    rows: dict[tuple[str, str], tuple[str, str]]
    clocks: dict[str, tuple[str, str]]
    client: bool


INVITE_CLIENT = Machine(
    first="calling",
    rows={
        ("calling", "1xx"): ("proceeding", "tell"),
        ("calling", "2xx"): ("accepted", "tell"),
        ("calling", "final"): ("completed", "ack tell"),
        ("calling", "A"): ("calling", "repeat"),
        ("calling", "B"): ("terminated", "timeout"),
        ("calling", "broken"): ("terminated", "unavailable"),
        ("proceeding", "1xx"): ("proceeding", "tell"),
        ("proceeding", "2xx"): ("accepted", "tell"),
        ("proceeding", "final"): ("completed", "ack tell"),
        ("proceeding", "broken"): ("terminated", "unavailable"),
        ("completed", "final"): ("completed", "ack"),
        ("completed", "D"): ("terminated", ""),
        ("accepted", "2xx"): ("accepted", "tell"),
        ("accepted", "M"): ("terminated", ""),
    },
    clocks={"calling": ("A", "B"), "completed": ("", "D"), "accepted": ("", "M")},
    client=True,
)
CLIENT = Machine(
    first="trying",
    rows={
        ("trying", "1xx"): ("proceeding", ""),
        ("trying", "2xx"): ("completed", "tell"),
        ("trying", "final"): ("completed", "tell"),
        ("trying", "E"): ("trying", "repeat"),
        ("trying", "F"): ("terminated", "timeout"),
        ("trying", "broken"): ("terminated", "unavailable"),
        ("proceeding", "2xx"): ("completed", "tell"),
        ("proceeding", "final"): ("completed", "tell"),
        ("proceeding", "E"): ("proceeding", "repeat"),
        ("proceeding", "F"): ("terminated", "timeout"),
        ("proceeding", "broken"): ("terminated", "unavailable"),
        ("completed", "K"): ("terminated", ""),
    },
    clocks={"trying": ("E", "F"), "proceeding": ("E", "F"), "completed": ("", "K")},
    client=True,
)
INVITE_SERVER = Machine(
    first="proceeding",
    rows={
        ("proceeding", "request"): ("proceeding", "repeat"),
        ("proceeding", "1xx"): ("proceeding", "send"),
        ("proceeding", "2xx"): ("accepted", "send"),
        ("proceeding", "final"): ("completed", "send"),
        ("completed", "request"): ("completed", "repeat"),
        ("completed", "G"): ("completed", "repeat"),
        ("completed", "ACK"): ("confirmed", ""),
        ("completed", "H"): ("terminated", ""),
        ("confirmed", "I"): ("terminated", ""),
        # RFC 6026 §7.1: repeating the 2xx is the session's work; here we only swallow the INVITE's echoes.
        ("accepted", "L"): ("terminated", ""),
    },
    clocks={"completed": ("G", "H"), "confirmed": ("", "I"), "accepted": ("", "L")},
    client=False,
)
SERVER = Machine(
    first="trying",
    rows={
        ("trying", "1xx"): ("proceeding", "send"),
        ("trying", "2xx"): ("completed", "send"),
        ("trying", "final"): ("completed", "send"),
        ("trying", "X"): ("terminated", ""),
        ("proceeding", "request"): ("proceeding", "repeat"),
        ("proceeding", "1xx"): ("proceeding", "send"),
        ("proceeding", "2xx"): ("completed", "send"),
        ("proceeding", "final"): ("completed", "send"),
        ("proceeding", "X"): ("terminated", ""),
        ("completed", "request"): ("completed", "repeat"),
        ("completed", "J"): ("terminated", ""),
    },
    # X is ours: nobody waits longer than that for an answer, so we need not keep the question.
    clocks={"trying": ("", "X"), "proceeding": ("", "X"), "completed": ("", "J")},
    client=False,
)

_SECONDS = {
    "B": LINGER,
    "D": LINGER,
    "F": LINGER,
    "H": LINGER,
    "I": T4,
    "J": LINGER,
    "K": T4,
    "L": LINGER,
    "M": LINGER,
    "X": LINGER,
}
# Over a transport that loses nothing there is no echo to wait for.
_ONLY_UDP = frozenset("DIJK")
_WAITING = frozenset(("calling", "trying", "proceeding"))
HOARD = 8
"""How many answered transactions, kept for echoes, we allow for each one still at work.

A call that was set up and ended leaves three for 32 s and one for 5 s: 100 at each call a second.
"""

Key = tuple[str, ...]


class TransactionUser(Protocol):
    """Who sent a request and waits for its answer."""

    def answered(self, transaction: Transaction, response: Message, now: float) -> None:
        """Take a response (of an INVITE also 1xx, and every echo of a 2xx)."""

    def unanswered(self, transaction: Transaction, status: int, now: float) -> None:
        """Learn that none will come: 408 by timeout, 503 when the flow broke."""


class Transaction:
    """One request and its responses: a machine, a state, and a few slots.

    `data` is what to repeat: a client's request, a server's last response. `number` is the leg's, or our
    name for the request towards the switch. `acks` are the ACKs of 2xx already sent, by To tag.
    """

    __slots__ = (
        "acks",
        "data",
        "end",
        "flow",
        "fresh",
        "interval",
        "key",
        "machine",
        "number",
        "repeat",
        "request",
        "state",
        "user",
    )

    def __init__(self, machine: Machine, key: Key, flow: Flow, request: Message) -> None:
        self.machine = machine
        self.state = ""
        self.key = key
        self.flow = flow
        self.request: Message | None = request
        self.data = b""
        self.user: TransactionUser | None = None
        self.number = 0
        self.acks: dict[str, Send] = {}
        self.fresh = True
        """Whether nothing has been heard of it yet."""
        self.repeat: Timer | None = None
        self.end: tuple[str, Timer] | None = None
        self.interval = T1


class Transactions:
    """All transactions of one endpoint, matched as RFC 3261 §17.1.3 and §17.2.3 say."""

    def __init__(self, timers: Timers, outputs: deque[Output], limit: int) -> None:
        self._timers = timers
        self._outputs = outputs
        self._limit = limit
        self._working = 0
        self._clients: dict[Key, Transaction] = {}
        self._servers: dict[Key, Transaction] = {}
        self._by_address: dict[tuple[str, int], dict[Key, Transaction]] = {}

    @property
    def full(self) -> bool:
        """Whether new calls should go elsewhere."""
        kept = len(self._clients) + len(self._servers)
        return self._working >= self._limit or kept >= self._limit * HOARD

    def __len__(self) -> int:
        return len(self._clients) + len(self._servers)

    def start(
        self,
        request: Message,
        data: bytes,
        branch: str,
        flow: Flow,
        now: float,
        user: TransactionUser,
    ) -> Transaction:
        """Send a request, `data` as bytes, whose top Via has this branch, and wait for its answer."""
        machine = INVITE_CLIENT if request.method == "INVITE" else CLIENT
        transaction = Transaction(machine, (branch, request.method), flow, request)
        transaction.data = data
        transaction.user = user
        self._clients[transaction.key] = transaction
        self._by_address.setdefault((flow.host, flow.port), {})[transaction.key] = transaction
        self._enter(transaction, machine.first, now)
        self._outputs.append(Send(transaction.data, flow))
        return transaction

    def serve(self, request: Message, key: Key, flow: Flow, now: float) -> Transaction:
        """Begin the server side of a new request."""
        machine = INVITE_SERVER if request.method == "INVITE" else SERVER
        transaction = Transaction(machine, key, flow, request)
        self._servers[key] = transaction
        self._enter(transaction, machine.first, now)
        return transaction

    def server(self, key: Key) -> Transaction | None:
        """Return the server transaction a request belongs to, None when it is a new one."""
        return self._servers.get(key)

    def echo(self, transaction: Transaction, method: str, now: float) -> None:
        """Take a repeated request, or the ACK of a refusal."""
        self._step(transaction, "ACK" if method == "ACK" else "request", now)

    def respond(self, transaction: Transaction, response: Message, now: float) -> bytes:
        """Send a response; ignored when a final one went before."""
        data = response.write()
        if transaction.state in _WAITING:
            transaction.data = data
            self._step(transaction, _kind(response.status), now)
        return data

    def repeat(self, transaction: Transaction) -> None:
        """Send the last provisional response again."""
        if transaction.state == "proceeding":
            self._outputs.append(Send(transaction.data, transaction.flow))

    def receive(self, response: Message, branch: str, method: str, now: float) -> bool:
        """Give a response to the client it belongs to; False when there is none."""
        transaction = self._clients.get((branch, method))
        if transaction is None:
            return False
        transaction.fresh = False
        self._step(transaction, _kind(response.status), now, response)
        return True

    def give_up(self, transaction: Transaction, now: float) -> None:
        """End a client without telling its user."""
        if transaction.state in _WAITING:
            self._enter(transaction, "terminated", now)

    def fail(self, flow: Flow, now: float) -> None:
        """Fail every client that waits for an answer over a broken flow."""
        for transaction in list(self._by_address.get((flow.host, flow.port), {}).values()):
            other = transaction.flow
            same = other.connection in (0, flow.connection) or flow.connection == 0
            if same and other.transport == flow.transport:
                self._step(transaction, "broken", now)

    def _step(
        self, transaction: Transaction, what: str, now: float, response: Message | None = None
    ) -> None:
        row = transaction.machine.rows.get((transaction.state, what))
        if row is None:
            return
        state, actions = row
        request, user = transaction.request, transaction.user
        if state != transaction.state:
            self._enter(transaction, state, now)
        if actions in ("send", "repeat"):
            if transaction.data:
                self._outputs.append(Send(transaction.data, transaction.flow))
            return
        if actions.startswith("ack"):
            if response is not None and request is not None:
                transaction.data = _ack(request, response).write()
            self._outputs.append(Send(transaction.data, transaction.flow))
        if user is not None:
            _inform(user, transaction, actions, now, response)

    def _enter(self, transaction: Transaction, state: str, now: float) -> None:
        before, transaction.state = transaction.state, state
        self._working += (state in _WAITING) - (before in _WAITING)
        repeat, end = transaction.machine.clocks.get(state, ("", ""))
        reliable = transaction.flow.transport != "udp"
        if transaction.repeat is not None and not repeat:
            transaction.repeat.stop()
            transaction.repeat = None
        elif repeat and transaction.repeat is None and not reliable:
            self._start_repeating(transaction, repeat, now)
        if transaction.end is not None and transaction.end[0] != end:
            transaction.end[1].stop()
            transaction.end = None
        if state not in _WAITING:
            self._settle(transaction, state)
        if end and transaction.end is None:
            wait = 0.0 if reliable and end in _ONLY_UDP else _SECONDS[end]
            if wait:
                action = partial(self._step, transaction, end)
                transaction.end = (end, self._timers.start(now + wait, action))
            else:
                self._step(transaction, end, now)

    def _settle(self, transaction: Transaction, state: str) -> None:
        # Thousands of answered transactions wait for echoes: they keep their bytes and let go of the rest.
        key = transaction.key
        if transaction.machine.client:
            address = (transaction.flow.host, transaction.flow.port)
            clients = self._by_address.get(address)
            if clients is not None:
                clients.pop(key, None)
                if not clients:
                    del self._by_address[address]
        if state == "terminated":
            (self._clients if transaction.machine.client else self._servers).pop(key, None)
            # User and transaction know each other; parted, they are freed at once and not by a collector.
            transaction.user = None
        transaction.request = None

    def _start_repeating(self, transaction: Transaction, letter: str, now: float) -> None:
        transaction.interval = T1
        action = partial(self._repeat, transaction, letter)
        transaction.repeat = self._timers.start(now + T1, action)

    def _repeat(self, transaction: Transaction, letter: str, now: float) -> None:
        # Timer A doubles without end; E and G stop doubling at T2, and E waits T2 once there was a 1xx.
        doubled = transaction.interval * 2
        slow = T2 if transaction.state == "proceeding" else min(doubled, T2)
        transaction.interval = doubled if letter == "A" else slow
        action = partial(self._repeat, transaction, letter)
        transaction.repeat = self._timers.start(now + transaction.interval, action)
        self._step(transaction, letter, now)


def _inform(
    user: TransactionUser,
    transaction: Transaction,
    actions: str,
    now: float,
    response: Message | None,
) -> None:
    if actions.endswith("tell") and response is not None:
        user.answered(transaction, response, now)
    elif actions == "timeout":
        user.unanswered(transaction, 408, now)
    elif actions == "unavailable":
        user.unanswered(transaction, 503, now)


def _kind(status: int) -> str:
    if status < 200:
        return "1xx"
    return "2xx" if status < 300 else "final"


def _ack(request: Message, response: Message) -> Message:
    # §17.1.1.3: the same Via and Route as the INVITE, the To of the response.
    number = request.headers["CSeq"][0].partition(" ")[0]
    ack = Message(method="ACK", uri=request.uri)
    ack.headers["Via"] = request.headers["Via"]
    ack.headers["Max-Forwards"] = ["70"]
    if "Route" in request.headers:
        ack.headers["Route"] = request.headers["Route"]
    ack.headers["From"] = request.headers["From"]
    ack.headers["To"] = response.headers["To"]
    ack.headers["Call-ID"] = request.headers["Call-ID"]
    ack.headers["CSeq"] = [f"{number} ACK"]
    return ack

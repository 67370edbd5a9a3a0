"""SUBSCRIBE and NOTIFY, our side as the one who knows (RFC 6665): lamps, message-waiting, whatever there is.

What is told is the switch's business; here live the dialogs, their time, and the rule that one NOTIFY is on
its way at a time, so that the newest state is never overtaken by an older one.
"""

from __future__ import annotations

from collections import Counter
from functools import partial

from carillon.sip.core import Asked, Core
from carillon.sip.dialog import Dialog
from carillon.sip.errors import RemoteError
from carillon.sip.headers import parse_name_addr, parse_seconds
from carillon.sip.leg import is_direct
from carillon.sip.message import Headers, Message
from carillon.sip.outputs import Flow, Resubscribed, Subscribed, SubscriptionEnded
from carillon.sip.timers import LINGER, Timer
from carillon.sip.transaction import Transaction
from carillon.sip.uri import parse_uri

DEFAULT_SECONDS = 3600
MOST = 20_000
MOST_OF_ONE = 200
"""Subscriptions of one address: a desk phone with all its side panels has fewer keys."""
# RFC 6665 §4.2.2, RFC 5057 §5.1: after these nobody is there to be told any more.
_GONE = frozenset((404, 405, 408, 410, 416, 480, 481, 482, 483, 484, 485, 489, 501, 604))
News = tuple[str, bytes, str]


class Subscription:
    """One subscriber. `asking` is the SUBSCRIBE the switch has not answered yet."""

    __slots__ = (
        "asked",
        "asking",
        "dialog",
        "ends",
        "event",
        "flow",
        "number",
        "once",
        "timer",
        "waiting",
        "who",
    )

    def __init__(
        self, number: int, dialog: Dialog, event: str, flow: Flow, asking: Transaction
    ) -> None:
        self.number = number
        self.dialog = dialog
        self.event = event
        self.flow = flow
        self.asking: Transaction | None = asking
        self.asked: Asked | None = None
        """The NOTIFY on its way."""
        self.waiting: News | None = None
        """The newest state, when it had to wait."""
        self.ends = 0.0
        self.once = False
        self.timer: Timer | None = None
        self.who = parse_name_addr(dialog.remote).uri


class Subscriptions:
    """All of them, by our number, by dialog and by connection."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._by_number: dict[int, Subscription] = {}
        self._by_dialog: dict[tuple[str, str, str], Subscription] = {}
        self._by_flow: dict[Flow, set[int]] = {}
        self._of: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._by_number)

    # -- what they ask ---------------------------------------------------------------------------

    def receive(self, transaction: Transaction, request: Message, now: float) -> None:
        """Take a SUBSCRIBE outside every dialog; `RemoteError` when it makes no subscription."""
        event = request.get("Event") or ""
        package = event.partition(";")[0].strip(" \t").lower()
        if not package:
            raise RemoteError(489)
        tag = self._core.tokens()
        dialog = Dialog.of_request(request, tag)
        flow = transaction.flow
        found = Subscription(self._core.number(), dialog, event[:200], flow, transaction)
        if len(self) >= MOST or self._of[found.who] >= MOST_OF_ONE:
            raise RemoteError(503, headers=(("Retry-After", "60"),))
        self._by_number[found.number] = found
        self._by_dialog[dialog.call_id, tag, dialog.remote_tag] = found
        self._of[found.who] += 1
        self._hold(found)
        # Whoever asks and is never answered is forgotten with the question.
        found.timer = self._core.timers.start(now + LINGER, partial(self._unanswered, found))
        seconds = _seconds(request)
        self._core.tell(Subscribed(found.number, request, flow, package, seconds))

    def find(self, call_id: str, local_tag: str, remote_tag: str) -> Subscription | None:
        """Return the subscription a request within a dialog belongs to."""
        return self._by_dialog.get((call_id, local_tag, remote_tag))

    def receive_within(
        self, found: Subscription, transaction: Transaction, request: Message, now: float
    ) -> None:
        """Take a request within a subscription's dialog: a refresh, or its end."""
        if request.method != "SUBSCRIBE":
            raise RemoteError(405, headers=(("Allow", "SUBSCRIBE"),))
        found.dialog.accept(request)
        if found.asking is not None:
            raise RemoteError(500, headers=(("Retry-After", "1"),))
        found.dialog.refresh(request)
        self._release(found)
        found.flow = transaction.flow
        self._hold(found)
        seconds = min(_seconds(request), DEFAULT_SECONDS)
        self._agree(transaction, seconds, "", now)
        if not seconds:
            self._end(found, "timeout", now)
            return
        self._set(found, seconds, now)
        self._core.tell(Resubscribed(found.number))

    def flow_failed(self, flow: Flow, now: float) -> None:
        """Forget who can be reached no more."""
        for number in self._by_flow.get(flow, set()).copy():
            self._forget(self._by_number[number], told=True)

    # -- what the switch does --------------------------------------------------------------------

    def accept(self, subscription: int, seconds: int, now: float) -> None:
        """Accept a `Subscribed`; it wants to be notified at once. 0 seconds: it will be told once."""
        found = self._by_number.get(subscription)
        if found is None or found.asking is None:
            return
        transaction, found.asking = found.asking, None
        self._agree(transaction, seconds, found.dialog.local_tag, now)
        found.once = seconds == 0
        self._set(found, seconds or LINGER, now)

    def refuse(self, subscription: int, status: int, now: float, headers: Headers = ()) -> None:
        """Refuse a `Subscribed`, as with a challenge."""
        found = self._by_number.get(subscription)
        if found is None or found.asking is None:
            return
        transaction, tag = found.asking, found.dialog.local_tag
        self._forget(found)
        self._core.respond(transaction, status, now, headers=headers, to_tag=tag)

    def notify(
        self, subscription: int, content_type: str, body: bytes, now: float, state: str = "active"
    ) -> None:
        """Tell a subscriber the newest state; what still waits to be told is replaced.

        `state` is active, pending, or terminated with a reason (`terminated;reason=noresource`), which
        ends the subscription without an event.
        """
        found = self._by_number.get(subscription)
        if found is None or found.asking is not None:
            return
        news = (content_type, body, "terminated;reason=timeout" if found.once else state)
        if found.asked is not None:
            found.waiting = news
        else:
            self._notify(found, news, now)

    # -- within ----------------------------------------------------------------------------------

    def _agree(self, transaction: Transaction, seconds: int, tag: str, now: float) -> None:
        contact = ("Contact", self._core.contact(transaction.flow))
        headers = (contact, ("Expires", str(seconds)))
        self._core.respond(transaction, 200, now, headers=headers, to_tag=tag)

    def _notify(self, found: Subscription, news: News, now: float) -> None:
        content_type, body, state = news
        over = state.startswith("terminated")
        if not over:
            state += f";expires={max(0, round(found.ends - now))}"
        message = found.dialog.request("NOTIFY")
        message.headers["Contact"] = [self._core.contact(found.flow)]
        message.headers["Event"] = [found.event]
        message.headers["Subscription-State"] = [state]
        if body:
            message.headers["Content-Type"] = [content_type]
        message.body = body
        then = partial(self._notified, found)
        direct = found.flow.transport == "udp" and _is_where_it_says(found)
        found.asked = self._core.ask(
            message, found.flow, now, then, dialog=found.dialog, direct=direct
        )
        if over:
            self._forget(found)

    def _notified(
        self, found: Subscription, asked: Asked, status: int, response: Message | None, now: float
    ) -> None:
        found.asked = None
        if found.number not in self._by_number:
            return
        if response is None or status in _GONE:
            self._forget(found, told=True)
            return
        news, found.waiting = found.waiting, None
        if news is not None:
            self._notify(found, news, now)

    def _set(self, found: Subscription, seconds: float, now: float) -> None:
        if found.timer is not None:
            found.timer.stop()
        found.ends = now + seconds
        found.timer = self._core.timers.start(found.ends, partial(self._expired, found))

    def _expired(self, found: Subscription, now: float) -> None:
        self._end(found, "timeout", now)

    def _unanswered(self, found: Subscription, now: float) -> None:
        self._forget(found)

    def _end(self, found: Subscription, reason: str, now: float) -> None:
        self._notify(found, ("", b"", f"terminated;reason={reason}"), now)
        self._core.tell(SubscriptionEnded(found.number))

    def _forget(self, found: Subscription, *, told: bool = False) -> None:
        if self._by_number.pop(found.number, None) is None:
            return
        dialog = found.dialog
        self._by_dialog.pop((dialog.call_id, dialog.local_tag, dialog.remote_tag), None)
        self._of[found.who] -= 1
        if not self._of[found.who]:
            del self._of[found.who]
        self._release(found)
        if found.timer is not None:
            found.timer.stop()
        found.asking = None
        if told:
            self._core.tell(SubscriptionEnded(found.number))

    def _hold(self, found: Subscription) -> None:
        if found.flow.connection:
            self._by_flow.setdefault(found.flow, set()).add(found.number)

    def _release(self, found: Subscription) -> None:
        numbers = self._by_flow.get(found.flow)
        if numbers is not None:
            numbers.discard(found.number)
            if not numbers:
                del self._by_flow[found.flow]


def _is_where_it_says(found: Subscription) -> bool:
    try:
        return is_direct(parse_uri(found.dialog.target), found.flow)
    except RemoteError:
        return False


def _seconds(request: Message) -> int:
    seconds = parse_seconds(request.get("Expires"))
    return DEFAULT_SECONDS if seconds is None else seconds

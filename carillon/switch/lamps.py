"""What phones show of others: who is on a call (RFC 4235), and how many messages wait (RFC 3842)."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.sax.saxutils import quoteattr

from carillon.schema.plan import Plan, User
from carillon.sip.endpoint import Subscribed
from carillon.sip.errors import RemoteError
from carillon.sip.uri import parse_uri
from carillon.switch.devices import Refusal
from carillon.switch.parking import CODE, SLOTS

if TYPE_CHECKING:
    from carillon.switch.calls import Call
    from carillon.switch.legs import Leg
    from carillon.switch.switchboard import Switchboard

log = logging.getLogger(__name__)

DIALOG, MESSAGES = "dialog", "message-summary"
TYPES = {
    DIALOG: "application/dialog-info+xml",
    MESSAGES: "application/simple-message-summary",
}
SHORTEST_SECONDS, LONGEST_SECONDS = 60, 3600
MOST_DIALOGS = 8
"""A lamp needs to know of no more."""


@dataclass(slots=True)
class Lamp:
    """One subscription: `watched` is a user's id, or a parking slot."""

    subscription: int
    package: str
    company: str
    watched: str
    entity: str
    version: int = 0


class Lamps:
    """Every subscription, and what is told over it."""

    def __init__(self, board: Switchboard) -> None:
        self._board = board
        self._lamps: dict[int, Lamp] = {}
        self._watching: dict[tuple[str, str, str], set[int]] = {}
        self._counts: dict[tuple[str, str], tuple[int, int]] = {}

    def __len__(self) -> int:
        return len(self._lamps)

    # -- subscriptions ---------------------------------------------------------------------------

    def subscribed(self, event: Subscribed) -> None:
        """Take a SUBSCRIBE of one of our phones, or refuse it."""
        endpoint, now = self._board.endpoint, self._board.now
        try:
            lamp = self._lamp(event)
        except (Refusal, RemoteError) as refusal:
            endpoint.refuse_subscription(
                event.subscription, refusal.status, now, headers=refusal.headers
            )
            return
        seconds = event.seconds and min(LONGEST_SECONDS, max(SHORTEST_SECONDS, event.seconds))
        self._lamps[lamp.subscription] = lamp
        self._watching.setdefault(_key(lamp), set()).add(lamp.subscription)
        endpoint.accept_subscription(event.subscription, seconds, now)
        self._show(lamp)

    def _lamp(self, event: Subscribed) -> Lamp:
        if event.package not in TYPES:
            raise Refusal(489, (("Allow-Events", ", ".join(TYPES)),))
        owner = self._board.devices.authenticate(event.request, event.flow)
        uri = parse_uri(event.request.uri)
        watched = self._watched(owner.plan, owner.user, event.package, uri.user)
        entity = f"sip:{uri.user}@{self._board.config.host}"
        return Lamp(event.subscription, event.package, owner.plan.company, watched, entity)

    def _watched(self, plan: Plan, user: User, package: str, name: str) -> str:
        """Return whom or what a phone wants to watch: itself for messages, else an extension or a slot."""
        if package == MESSAGES:
            return user.id
        if name.startswith(CODE) and name[len(CODE) :] in SLOTS:
            return name
        for each in plan.users:
            if each.extension == name:
                return each.id
        device = self._board.plans.device(name)
        if device is None or device.plan.company != plan.company:
            raise Refusal(404)
        return device.user.id

    def resubscribed(self, subscription: int) -> None:
        """A phone wants to hear anew."""
        lamp = self._lamps.get(subscription)
        if lamp is not None:
            self._show(lamp)

    def ended(self, subscription: int) -> None:
        """A phone wants to hear nothing more, or is gone."""
        lamp = self._lamps.pop(subscription, None)
        if lamp is None:
            return
        watching = self._watching.get(_key(lamp))
        if watching is not None:
            watching.discard(subscription)
            if not watching:
                del self._watching[_key(lamp)]

    # -- what is shown ---------------------------------------------------------------------------

    def changed(self, company: str, user: str) -> None:
        """A user's phone began to ring, was answered or is free again."""
        self._tell(DIALOG, company, user)

    def answered(self, call: Call, leg: Leg | None) -> None:
        """A leg was answered."""
        if leg is not None and leg.party.user is not None:
            self.changed(call.plan.company, leg.party.user)

    def parked(self, company: str, slot: str) -> None:
        """A slot was filled or emptied."""
        self._tell(DIALOG, company, CODE + slot)

    def count(self, company: str, counts: dict[str, tuple[int, int]]) -> None:
        """Learn how many messages wait: user to (new, old)."""
        for user, count in counts.items():
            if self._counts.get((company, user)) != count:
                self._counts[company, user] = count
                self._tell(MESSAGES, company, user)

    def _tell(self, package: str, company: str, watched: str) -> None:
        for subscription in tuple(self._watching.get((package, company, watched), ())):
            self._show(self._lamps[subscription])

    def _show(self, lamp: Lamp) -> None:
        if lamp.package == MESSAGES:
            body = self._summary(lamp)
        else:
            body = self._dialogs(lamp)
            lamp.version += 1
        self._board.endpoint.notify(lamp.subscription, TYPES[lamp.package], body, self._board.now)

    def _summary(self, lamp: Lamp) -> bytes:
        new, old = self._counts.get((lamp.company, lamp.watched), (0, 0))
        waiting = "yes" if new else "no"
        return (
            f"Messages-Waiting: {waiting}\r\nMessage-Account: {lamp.entity}\r\n"
            f"Voice-Message: {new}/{old} (0/0)\r\n"
        ).encode()

    def _dialogs(self, lamp: Lamp) -> bytes:
        if lamp.watched.startswith(CODE):
            parked = self._board.parking.find(lamp.company, lamp.watched[len(CODE) :])
            dialogs = [_dialog(parked.id, "confirmed", "recipient")] if parked else []
        else:
            legs = self._board.people.legs(lamp.company, lamp.watched)[:MOST_DIALOGS]
            dialogs = [self._of_leg(leg, leg.call) for leg in legs if leg.call is not None]
        return (
            '<?xml version="1.0"?>\r\n'
            '<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" '
            f'version="{lamp.version}" state="full" entity={quoteattr(lamp.entity)}>'
            f"{''.join(dialogs)}</dialog-info>\r\n"
        ).encode()

    def _of_leg(self, leg: Leg, call: Call) -> str:
        ours = leg is call.a
        state = "confirmed" if leg.answered else "early"
        names = self._board.endpoint.leg_names(leg.sip)
        return _dialog(f"{call.id}-{leg.id}", state, "initiator" if ours else "recipient", names)


def _dialog(
    name: str, state: str, direction: str, names: tuple[str, str, str] | None = None
) -> str:
    """Write one dialog; `names` are its Call-ID, our tag and theirs, for a pick-up by Replaces."""
    tags = ""
    if names is not None:
        call_id, local, remote = (quoteattr(each) for each in names)
        # From the watched phone's side: what is local to us is remote to it.
        tags = f" call-id={call_id} local-tag={remote} remote-tag={local}"
    return (
        f"<dialog id={quoteattr(name)}{tags} direction={quoteattr(direction)}>"
        f"<state>{state}</state></dialog>"
    )


def _key(lamp: Lamp) -> tuple[str, str, str]:
    return lamp.package, lamp.company, lamp.watched

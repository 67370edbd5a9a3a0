"""Calls under way: what the switch says of them, and what it is asked to do with them."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop

from carillon.bus.client import SwitchClient, Unreachable
from carillon.portal.calls.models import Call
from carillon.portal.companies.models import Company
from carillon.portal.extensions.models import Person
from carillon.portal.refused import Refused
from carillon.schema import commands as c

TIMEOUT_SECONDS = 2.0
REFUSALS = {
    "no-such-call": gettext_noop("This call has ended."),
    "no-such-leg": gettext_noop("This person is no longer on the call."),
    "no-such-user": gettext_noop("This is not possible for this person."),
    "no-phone": gettext_noop("None of the phones is connected."),
    "not-talking": gettext_noop("This is possible only while two people talk."),
    "not-possible-now": gettext_noop("This is not possible at this moment of the call."),
    "bad-number": gettext_noop("This number or extension cannot be called."),
    "slot-taken": gettext_noop("Another call is parked there."),
    "full": gettext_noop("There is no room for it now: try again in a moment."),
}
STATES = {
    "calling": gettext_lazy("waiting"),
    "ringing": gettext_lazy("rings"),
    "talking": gettext_lazy("talks"),
    "holding": gettext_lazy("put the call on hold"),
    "waiting": gettext_lazy("on hold, hears music"),
    "listening": gettext_lazy("listens"),
    "whispering": gettext_lazy("whispers"),
}


@dataclass(frozen=True, slots=True)
class Party:
    """One line of the list of who is on the call."""

    leg: c.LiveLeg
    mine: bool

    @property
    def state(self) -> str:
        """What they are doing, in words."""
        return str(STATES.get(self.leg.state, self.leg.state))


@dataclass(frozen=True, slots=True)
class UnderWay:
    """A call as it is now, for one reader, `me` among the company's people."""

    call: c.LiveCall
    me: Person | None

    @property
    def parties(self) -> list[Party]:
        """Everybody on it."""
        return [Party(leg, self._is_me(leg)) for leg in self.call.legs]

    def _is_me(self, leg: c.LiveLeg) -> bool:
        return self.me is not None and leg.user == self.me.key

    @property
    def mine(self) -> c.LiveLeg | None:
        """The reader's own leg."""
        return next((leg for leg in self.call.legs if self._is_me(leg)), None)

    @property
    def ours(self) -> c.LiveLeg | None:
        """The leg that acts: the reader's, else that of any of our people who talks."""
        talking = (leg for leg in self.call.legs if leg.user and leg.state != "ringing")
        return self.mine or next(talking, None)

    @property
    def holding(self) -> bool:
        """Whether the leg that acts has put the others on hold."""
        return self.ours is not None and self.ours.state == "holding"

    @property
    def can_coach(self) -> bool:
        """Whether there is a conversation to listen to that the reader is not part of."""
        mine = self.mine
        away = mine is None or mine.state in ("listening", "whispering")
        return self.call.state == "talking" and self.me is not None and away


def _client() -> SwitchClient:
    config = settings.CONFIG
    return SwitchClient(config.switch_url, config.secret(), TIMEOUT_SECONDS)


def now(call: Call, me: Person | None) -> UnderWay | None:
    """Return a call as it is now; None when it is over, or the switch does not answer."""
    if call.ended_at is not None:
        return None
    try:
        status = _client().status()
    except Unreachable:
        return None
    company = f"c{call.company_id}"
    found = (each for each in status.calls if each.call == call.pk and each.company == company)
    live = next(found, None)
    return UnderWay(live, me) if live is not None else None


def ask(command: c.Command) -> c.CommandAnswer:
    """Ask the switch for something; `Refused` says in words why not."""
    try:
        answer = _client().do(command)
    except Unreachable as error:
        raise Refused("no-switch", _("The switch does not answer. Calls go on.")) from error
    if not answer.done:
        reason = REFUSALS.get(answer.reason, REFUSALS["not-possible-now"])
        raise Refused(answer.reason, _(reason))
    return answer


def place(company: Company, me: Person, dialled: str) -> str:
    """Ring somebody's phones, then what they want to call; return the call's id."""
    return ask(c.PlaceCall(company.key, me.key, dialled)).call

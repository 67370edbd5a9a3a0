"""Session timers (RFC 4028): who keeps a call fresh, how often, and what becomes of one nobody refreshes.

The refresher asks again when half of the time is over. The other side gives up a little before the end of it
(§10), so that its BYE still finds somebody.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from carillon.sip.errors import RemoteError
from carillon.sip.headers import parse_params, parse_seconds, supports
from carillon.sip.message import Message
from carillon.sip.timers import Timer, Timers

if TYPE_CHECKING:
    from carillon.sip.leg import Leg

RETRY = 10.0
"""Seconds until a refresh that was refused for now is tried again."""
LONGEST = 10_000_000

Pairs = tuple[tuple[str, str], ...]


class Expiry:
    """How long a leg stays up without a refresh, whose task that is, and when it began to count."""

    __slots__ = ("began", "ours", "seconds", "timer")

    def __init__(self, seconds: int, ours: bool, began: float) -> None:
        self.seconds = seconds
        self.ours = ours
        self.began = began
        self.timer: Timer | None = None

    @property
    def ends(self) -> float:
        """When to give up."""
        return self.began + self.seconds - min(32.0, self.seconds / 3)


class Expiries:
    """Agrees on a session interval and watches it. `refresh` is set by whoever can send one."""

    refresh: Callable[[Leg, float], None]

    def __init__(
        self, timers: Timers, expire: Callable[[Leg, float], None], seconds: int, least: int
    ) -> None:
        self._timers = timers
        self._expire = expire
        self._seconds = seconds
        self._least = least

    def wish(self, leg: Leg) -> dict[str, list[str]]:
        """Return the headers of an INVITE or UPDATE of ours."""
        expiry = leg.expiry
        if expiry is None:
            return {"Session-Expires": [str(self._seconds)], "Min-SE": [str(self._least)]}
        who = "uac" if expiry.ours else "uas"
        return {
            "Session-Expires": [f"{expiry.seconds};refresher={who}"],
            "Min-SE": [str(self._least)],
        }

    def check(self, request: Message) -> None:
        """Refuse an interval too short for us (§9): 422. Whoever knows no timers would not understand."""
        values = request.headers.get("Session-Expires")
        if not values:
            return
        seconds = parse_seconds(values[0])
        if seconds is None:
            raise RemoteError(400, "Bad Session-Expires")
        if seconds < self._least and supports(request, "timer"):
            raise RemoteError(422, headers=(("Min-SE", str(self._least)),))

    def longer(self, response: Message) -> int | None:
        """Return the interval a 422 asks for, None when it asks for nothing we could give."""
        seconds = parse_seconds(response.get("Min-SE"))
        return seconds if seconds is not None and self._least <= seconds <= LONGEST else None

    def answer(self, leg: Leg, request: Message, now: float) -> Pairs:
        """Agree to what a request asks for; return the headers of its 2xx (§9, table 2)."""
        theirs = supports(request, "timer")
        asked = parse_seconds(request.get("Session-Expires"))
        if not theirs and asked is None:
            self.stop(leg)
            return ()
        seconds = max(self._seconds, parse_seconds(request.get("Min-SE")) or 0)
        seconds = max(self._least, seconds if asked is None else min(asked, seconds))
        wanted = _refresher(request)
        if theirs and not wanted and leg.expiry is not None:
            wanted = "uas" if leg.expiry.ours else "uac"
        ours = not theirs or wanted == "uas"
        self._start(leg, seconds, ours, now)
        header = ("Session-Expires", f"{seconds};refresher={'uas' if ours else 'uac'}")
        return (header,) if ours else (header, ("Require", "timer"))

    def agreed(self, leg: Leg, response: Message, now: float) -> None:
        """Take the 2xx to a request of ours; without the header there is no end (§7.2)."""
        values = response.headers.get("Session-Expires")
        seconds = parse_seconds(values[0]) if values else None
        if seconds is None:
            self.stop(leg)
        else:
            seconds = max(self._least, min(seconds, LONGEST))
            self._start(leg, seconds, _refresher(response) != "uas", now)

    def stop(self, leg: Leg) -> None:
        """Watch no more."""
        expiry, leg.expiry = leg.expiry, None
        if expiry is not None and expiry.timer is not None:
            expiry.timer.stop()

    def refused(self, leg: Leg, response: Message | None, now: float) -> None:
        """Take the refusal of a refresh; `response` is a 422, which says what would do."""
        seconds = self.longer(response) if response is not None else None
        if seconds is not None and leg.expiry is not None:
            leg.expiry.seconds = max(leg.expiry.seconds, seconds)
        self.again(leg, now)

    def again(self, leg: Leg, now: float) -> None:
        """Try a refresh of ours once more a little later; the call ends when it is too late for that."""
        expiry = leg.expiry
        if expiry is not None and expiry.ours:
            self._set(leg, expiry, min(now + RETRY, max(now, expiry.ends)))

    def _start(self, leg: Leg, seconds: int, ours: bool, now: float) -> None:
        self.stop(leg)
        expiry = leg.expiry = Expiry(seconds, ours, now)
        self._set(leg, expiry, now + seconds / 2 if ours else expiry.ends)

    def _set(self, leg: Leg, expiry: Expiry, at: float) -> None:
        if expiry.timer is not None:
            expiry.timer.stop()
        expiry.timer = self._timers.start(at, partial(self._due, leg, expiry))

    def _due(self, leg: Leg, expiry: Expiry, now: float) -> None:
        if leg.expiry is not expiry:
            return
        if now >= expiry.ends:
            self._expire(leg, now)
            return
        # Whatever becomes of the refresh, the end is watched; an answer starts anew.
        self._set(leg, expiry, expiry.ends)
        self.refresh(leg, now)


def _refresher(message: Message) -> str:
    values = message.headers.get("Session-Expires")
    if not values or ";" not in values[0]:
        return ""
    return parse_params(values[0].partition(";")[2]).get("refresher", "").lower()

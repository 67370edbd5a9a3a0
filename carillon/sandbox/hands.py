"""Outside numbers that a person answers, in a browser: which ones, for how long, and their calls."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict

from carillon.sandbox.phones import Phone
from carillon.sip.errors import RemoteError
from carillon.sip.headers import parse_name_addr
from carillon.sip.message import Message
from carillon.sip.uri import parse_uri

MOST_NUMBERS = 500
MOST_PHONES = 100
"""What each heard is megabytes; the oldest is forgotten first, once it is over."""


class Hands:
    """The numbers answered by hand, and the calls to them."""

    def __init__(self) -> None:
        self._until: OrderedDict[str, float] = OrderedDict()
        self._phones: OrderedDict[int, Phone] = OrderedDict()

    def take(self, number: str, seconds: float) -> None:
        """Let a person answer this number for so long."""
        self._until[number] = time.monotonic() + seconds
        self._until.move_to_end(number)
        if len(self._until) > MOST_NUMBERS:
            self._until.popitem(last=False)

    def has(self, number: str) -> bool:
        """Say whether a person answers this number now."""
        return self._until.get(number, 0.0) > time.monotonic()

    def keep(self, phone: Phone, number: str, request: Message) -> None:
        """Remember a call to such a number, also after its end: what was said can still be heard."""
        phone.number = number
        self._keep(phone, _caller_of(request))

    def keep_dialled(self, phone: Phone, caller: str) -> None:
        """Remember a call a person placed; found by its leg alone, as no number of theirs is called."""
        self._keep(phone, caller)

    def _keep(self, phone: Phone, caller: str) -> None:
        phone.caller, phone.began_at = caller, time.time()
        self._phones[phone.leg] = phone
        over = [leg for leg, each in self._phones.items() if each.state == "over"]
        for leg in over[: max(0, len(self._phones) - MOST_PHONES)]:
            del self._phones[leg]

    def phones(self, number: str) -> list[Phone]:
        """Return the calls to a number, the newest last."""
        return [phone for phone in self._phones.values() if phone.number == number]

    def phone(self, leg: int) -> Phone | None:
        """Return one call."""
        return self._phones.get(leg)

    @staticmethod
    async def answered(phone: Phone, ring_seconds: float) -> bool:
        """Let it ring; True once the person answers, False when the call ends or rings out."""
        waits = [asyncio.ensure_future(e.wait()) for e in (phone.picked_up, phone.ended)]
        try:
            await asyncio.wait(waits, timeout=ring_seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        return phone.picked_up.is_set() and not phone.ended.is_set()


def _caller_of(request: Message) -> str:
    asserted = request.all("P-Asserted-Identity")
    try:
        stated = parse_name_addr(asserted[0] if asserted else request.get("From") or "")
        return parse_uri(stated.uri).user
    except RemoteError:
        return ""

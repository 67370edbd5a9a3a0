"""Phones on UDP are asked now and then whether they are there, which also keeps their NAT open.

OPTIONS to each once in a round, a part of them each second. Who has answered before and then leaves several
unanswered is not rung until it answers or registers again. Phones that never answer OPTIONS are no worse for
it: those behind NAT get an empty line instead, which nobody answers.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import TYPE_CHECKING

from carillon.sip.endpoint import Flow, ResponseReceived
from carillon.sip.errors import LocalError
from carillon.sip.leg import default_port
from carillon.sip.registrar import Binding
from carillon.sip.uri import parse_uri

if TYPE_CHECKING:
    from carillon.switch.switchboard import Switchboard

log = logging.getLogger(__name__)

ROUND_SECONDS = 25.0
"""Less than the 30 seconds after which the quickest NATs forget a way (RFC 5626 §4.4)."""
TURNS = 25
MOST_A_TURN = 200
"""With more phones than fit in a round it takes longer, and no second has more to do."""
MOST_UNANSWERED = 3


class _Phone:
    __slots__ = ("answers", "unanswered")

    def __init__(self, *, answers: bool) -> None:
        self.answers = answers
        """Whether it ever did: only who can answer can fall silent."""
        self.unanswered = 0


class Watch:
    """What is known of each phone on UDP, by the flow that leads there."""

    def __init__(self, board: Switchboard) -> None:
        self._board = board
        self._phones: dict[Flow, _Phone] = {}
        self._round: deque[Binding] = deque()
        self._asked: dict[int, Flow] = {}

    @property
    def answering(self) -> int:
        """How many have answered."""
        return sum(phone.answers for phone in self._phones.values())

    async def follow(self) -> None:
        """Ask them all, for ever."""
        while True:
            self._begin_round()
            share = max(1, min(MOST_A_TURN, -(-len(self._round) // TURNS)))
            for _ in range(max(TURNS, -(-len(self._round) // share))):
                await asyncio.sleep(ROUND_SECONDS / TURNS)
                self._turn(share)

    def _begin_round(self) -> None:
        board = self._board
        bindings = {held.flow: held for held in board.devices.on_udp()}
        silent = board.devices.silent
        self._phones = {
            flow: self._phones.get(flow) or _Phone(answers=flow in silent) for flow in bindings
        }
        self._round = deque(bindings.values())

    def _turn(self, share: int) -> None:
        try:
            for _ in range(min(share, len(self._round))):
                self._ask(self._round.popleft())
        except Exception:
            log.exception("a fault of ours while asking phones whether they are there")
        self._board.driver.drain()

    def _ask(self, held: Binding) -> None:
        board, flow = self._board, held.flow
        phone = self._phones.get(flow)
        if phone is None:
            return
        if phone.unanswered >= MOST_UNANSWERED:
            if not phone.answers:
                if is_hidden(held):
                    board.driver.sockets.keep_alive(flow)
                return
            if flow not in board.devices.silent:
                log.info("a phone at %s:%s does not answer any more", flow.host, flow.port)
                board.devices.fell_silent(flow)
        phone.unanswered += 1
        address = f"<sip:carillon@{board.config.host}>"
        try:
            number = board.endpoint.request(
                "OPTIONS", held.contact, flow, board.now, from_=address, to=f"<{held.contact}>"
            )
        except LocalError:
            return
        self._asked[number] = flow

    def answered(self, event: ResponseReceived) -> bool:
        """Take the answer to an OPTIONS, or that there was none; False when it was not ours."""
        flow = self._asked.pop(event.transaction, None)
        if flow is None:
            return False
        # Whatever it answers, somebody is there; the status without a message says that none came.
        if event.message is not None:
            phone = self._phones.get(flow)
            if phone is not None:
                phone.answers, phone.unanswered = True, 0
            self._board.devices.heard(flow)
        return True


def is_hidden(binding: Binding) -> bool:
    """Say whether a phone on UDP is somewhere else than it believes, as behind NAT."""
    flow = binding.flow
    uri = parse_uri(binding.contact)
    return (uri.host, uri.port or default_port("udp")) != (flow.host, flow.port)

"""Asks the portal for whoever hears messages by telephone; the flow is told the answer as it comes."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from carillon.bus.client import PortalClient, Unreachable
from carillon.flows import steps
from carillon.schema.mailbox import ChangeMailbox, OpenMailbox

if TYPE_CHECKING:
    from carillon.switch.switchboard import Switchboard
    from carillon.switch.visit import Visit

Wish = steps.AskMailbox | steps.ChangeMessage
MOST_WAITING = 40
"""A portal that hangs must not gather callers without end: more than these are told that it is away."""


class Mailboxes:
    """Threads of its own wait for the portal, so that the journal never waits behind them."""

    def __init__(self, board: Switchboard, portal: PortalClient) -> None:
        self._board = board
        self._portal = portal
        self._threads = ThreadPoolExecutor(4, "mailbox")
        self._asking: set[asyncio.Task[None]] = set()

    def ask(self, visit: Visit, wish: Wish) -> None:
        """Ask; the visit's flow hears the answer, or that there is none."""
        task = self._board.loop.create_task(self._ask(visit, wish))
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)

    async def _ask(self, visit: Visit, wish: Wish) -> None:
        company = visit.plan.company
        if len(self._asking) > MOST_WAITING:
            answer = self._nothing(wish)
        else:
            asked = self._board.loop.run_in_executor(self._threads, self._answer_to, company, wish)
            answer = await asked
        call = visit.leg.call
        if call is not None and not call.closing and call.visit is visit:
            with self._board.guard(call):
                visit.feed(answer)

    def _answer_to(self, company: str, wish: Wish) -> steps.Happening:
        """Wait for the portal, in a thread."""
        try:
            match wish:
                case steps.AskMailbox(user, pin):
                    found = self._portal.open_mailbox(OpenMailbox(company, user, pin))
                    return steps.MailboxOpened(found.verdict, found.messages)
                case steps.ChangeMessage(user, act, message, to):
                    change = ChangeMailbox(company, user, act, message, to)
                    return steps.MessageChanged(act, self._portal.change_mailbox(change).done)
        except Unreachable:
            return self._nothing(wish)

    @staticmethod
    def _nothing(wish: Wish) -> steps.Happening:
        if isinstance(wish, steps.AskMailbox):
            return steps.MailboxOpened("down")
        return steps.MessageChanged(wish.act, False)

    def path(self, relative: str) -> str:
        """Return where a message's sound lies, a path where nothing is if it would lie elsewhere."""
        folder = self._board.recordings.resolve()
        found = (folder / relative).resolve()
        return str(found if found.is_relative_to(folder) else folder / "outside")

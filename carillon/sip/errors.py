"""Whose fault it was."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from carillon.sip.message import Message


class LocalError(Exception):
    """We asked nonsense: a bug on our side, never the peer's doing."""


class RemoteError(Exception):
    """The peer sent something we refuse; carries the answer to give.

    `message` is what could be read of the request, so that it can be answered; None when not even that.
    """

    def __init__(
        self,
        status: int,
        reason: str = "",
        *,
        headers: tuple[tuple[str, str], ...] = (),
        message: Message | None = None,
    ) -> None:
        super().__init__(f"{status} {reason}")
        self.status = status
        self.reason = reason
        self.headers = headers
        self.message = message

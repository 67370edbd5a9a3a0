"""Dialogs (RFC 3261 §12): who we are to each other, in which order, and by which way."""

from __future__ import annotations

from contextlib import suppress

from carillon.sip.errors import RemoteError
from carillon.sip.headers import parse_cseq, parse_name_addr, tag_of
from carillon.sip.message import Message


class Dialog:
    """What both sides remember. `local` and `remote` are the From and To of our requests, tags included.

    Of an early dialog also how far it got: `rseq`, the last reliable response, `early_sdp`, what they
    described last, and `settled`, whether an offer has been answered for good (RFC 3262 §5).
    """

    __slots__ = (
        "call_id",
        "early_sdp",
        "local",
        "local_cseq",
        "local_tag",
        "remote",
        "remote_cseq",
        "remote_tag",
        "routes",
        "rseq",
        "settled",
        "target",
    )

    def __init__(
        self, call_id: str, local: str, remote: str, target: str, routes: list[str]
    ) -> None:
        self.call_id = call_id
        self.local = local
        self.remote = remote
        self.local_tag = tag_of(local)
        self.remote_tag = tag_of(remote)
        self.target = target
        self.routes = routes
        for route in routes:
            parse_name_addr(route)
        self.local_cseq = 0
        self.remote_cseq = -1
        self.rseq = 0
        self.early_sdp = b""
        self.settled = False

    @classmethod
    def of_request(cls, request: Message, local_tag: str) -> Dialog:
        """Begin the dialog of an INVITE that reached us (§12.1.1)."""
        local = f"{request.headers['To'][0]};tag={local_tag}"
        dialog = cls(
            request.headers["Call-ID"][0],
            local,
            request.headers["From"][0],
            contact_uri(request) or "",
            request.all("Record-Route"),
        )
        dialog.remote_cseq = parse_cseq(request.headers["CSeq"][0])[0]
        if not dialog.target:
            raise RemoteError(400, "Missing Contact")
        return dialog

    @classmethod
    def of_response(cls, response: Message, target: str) -> Dialog:
        """Begin the dialog a response to our INVITE made (§12.1.2); `target` where it has no Contact."""
        dialog = cls(
            response.headers["Call-ID"][0],
            response.headers["From"][0],
            response.headers["To"][0],
            contact_uri(response) or target,
            response.all("Record-Route")[::-1],
        )
        dialog.local_cseq = parse_cseq(response.headers["CSeq"][0])[0]
        return dialog

    def next_cseq(self) -> int:
        """Count one request of ours."""
        self.local_cseq += 1
        return self.local_cseq

    def request(self, method: str, cseq: int | None = None) -> Message:
        """Start a request within the dialog, without Via yet; an ACK repeats its INVITE's `cseq`."""
        number = self.next_cseq() if cseq is None else cseq
        uri, routes = self.target, self.routes
        if routes:
            first = parse_name_addr(routes[0]).uri
            if ";lr" not in first.lower():
                # A strict router wants itself as the Request-URI (§12.2.1.1).
                uri, routes = first.partition("?")[0], [*routes[1:], f"<{self.target}>"]
        message = Message(method=method, uri=uri)
        message.headers["Via"] = []
        message.headers["Max-Forwards"] = ["70"]
        if routes:
            message.headers["Route"] = routes
        message.headers["From"] = [self.local]
        message.headers["To"] = [self.remote]
        message.headers["Call-ID"] = [self.call_id]
        message.headers["CSeq"] = [f"{number} {method}"]
        return message

    def next_hop(self) -> str:
        """Return the URI the next request goes to."""
        return parse_name_addr(self.routes[0]).uri if self.routes else self.target

    def accept(self, request: Message) -> None:
        """Check the order of a request from the far end (§12.2.2); `RemoteError` 500 when it is late."""
        number = parse_cseq(request.headers["CSeq"][0])[0]
        if number <= self.remote_cseq:
            raise RemoteError(500, "CSeq Out of Order")
        self.remote_cseq = number

    def refresh(self, message: Message) -> None:
        """Take the Contact of a target refresh: INVITE, UPDATE and their 2xx; a bad one changes nothing."""
        with suppress(RemoteError):
            self.target = contact_uri(message) or self.target


def contact_uri(message: Message) -> str | None:
    """Return the URI of the first Contact, None when there is none or it is not an address."""
    contacts = message.all("Contact")
    if not contacts or contacts[0] == "*":
        return None
    uri = parse_name_addr(contacts[0]).uri
    scheme = uri.partition(":")[0].lower()
    return uri if scheme in ("sip", "sips") else None

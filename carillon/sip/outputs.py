"""What an endpoint hands out: bytes to send, and what happened."""

from __future__ import annotations

from dataclasses import dataclass

from carillon.sip.message import Message


@dataclass(frozen=True, slots=True)
class Flow:
    """A path to a peer. `connection` is the driver's id of a TCP connection, 0 when none is known yet."""

    transport: str
    host: str
    port: int
    connection: int = 0


@dataclass(frozen=True, slots=True)
class Send:
    """Send these bytes, one whole message."""

    data: bytes
    flow: Flow


@dataclass(frozen=True, slots=True)
class InviteReceived:
    """Somebody calls; 100 Trying is already sent."""

    leg: int
    request: Message
    flow: Flow


@dataclass(frozen=True, slots=True)
class Progressed:
    """A provisional response above 100 to our INVITE; `sdp` is b"" when it has none."""

    leg: int
    status: int
    reason: str
    sdp: bytes
    message: Message


@dataclass(frozen=True, slots=True)
class Answered:
    """A 2xx to our INVITE; the ACK is sent."""

    leg: int
    sdp: bytes
    message: Message


@dataclass(frozen=True, slots=True)
class Failed:
    """Our INVITE came to nothing; the leg is gone. `message` is None for a made-up 408 or 503."""

    leg: int
    status: int
    reason: str
    message: Message | None


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The caller gave up before an answer; the leg is gone. `reason` is the text of its Reason header."""

    leg: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Confirmed:
    """The ACK to our 2xx came; `sdp` is the answer where ours was the offer."""

    leg: int
    sdp: bytes


@dataclass(frozen=True, slots=True)
class HungUp:
    """The far end ended the call, or is lost; the leg is gone.

    `reason` is the text of its Reason header, or "no-ack" (our 2xx was never acknowledged), or "lost"
    (the far end no longer knows the call, or no longer answers).
    """

    leg: int
    reason: str


@dataclass(frozen=True, slots=True)
class Offered:
    """A new offer, to be answered or refused; `sdp` is b"" when they want ours (an INVITE without one)."""

    leg: int
    sdp: bytes
    method: str


@dataclass(frozen=True, slots=True)
class OfferAnswered:
    """The answer to our offer within the call."""

    leg: int
    sdp: bytes


@dataclass(frozen=True, slots=True)
class OfferRefused:
    """Our offer within the call was refused; what was agreed before holds."""

    leg: int
    status: int


@dataclass(frozen=True, slots=True)
class Informed:
    """An INFO within the call; 200 is sent."""

    leg: int
    content_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class RequestReceived:
    """A request outside every call, to be responded to."""

    transaction: int
    request: Message
    flow: Flow


@dataclass(frozen=True, slots=True)
class ResponseReceived:
    """The final response to our request; `message` is None for a made-up 408 or 503."""

    transaction: int
    status: int
    reason: str
    message: Message | None


Event = (
    InviteReceived
    | Progressed
    | Answered
    | Failed
    | Cancelled
    | Confirmed
    | HungUp
    | Offered
    | OfferAnswered
    | OfferRefused
    | Informed
    | RequestReceived
    | ResponseReceived
)
Output = Send | Event

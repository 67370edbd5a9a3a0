"""What an endpoint hands out: bytes to send, and what happened."""

from __future__ import annotations

import msgspec

from carillon.sip.message import Message
from carillon.sip.replaces import Replaces


class Flow(msgspec.Struct, frozen=True):
    """A path to a peer: `transport` is udp, tcp, tls, ws or wss.

    `connection` is the driver's id of a stream's connection, 0 when none is known yet.
    """

    transport: str
    host: str
    port: int
    connection: int = 0


class Send(msgspec.Struct, frozen=True):
    """Send these bytes, one whole message."""

    data: bytes
    flow: Flow


class InviteReceived(msgspec.Struct, frozen=True):
    """Somebody calls; 100 Trying is already sent.

    `replaces` names the leg of ours whose place this call is to take (`Endpoint.find_leg`).
    """

    leg: int
    request: Message
    flow: Flow
    replaces: Replaces | None = None


class Progressed(msgspec.Struct, frozen=True):
    """A provisional response above 100 to our INVITE; `sdp` is b"" when it has none."""

    leg: int
    status: int
    reason: str
    sdp: bytes
    message: Message


class Answered(msgspec.Struct, frozen=True):
    """A 2xx to our INVITE; the ACK is sent."""

    leg: int
    sdp: bytes
    message: Message


class Failed(msgspec.Struct, frozen=True):
    """Our INVITE came to nothing; the leg is gone. `message` is None for a made-up 408 or 503.

    `cause` is the text of its Reason header. `contacts` are the URIs a 3xx names, the best first.
    """

    leg: int
    status: int
    reason: str
    message: Message | None
    cause: str = ""
    contacts: tuple[str, ...] = ()


class Cancelled(msgspec.Struct, frozen=True):
    """The caller gave up before an answer; the leg is gone. `reason` is the text of its Reason header."""

    leg: int
    reason: str = ""


class Confirmed(msgspec.Struct, frozen=True):
    """The ACK to our 2xx came; `sdp` is the answer where ours was the offer."""

    leg: int
    sdp: bytes


class HungUp(msgspec.Struct, frozen=True):
    """The far end ended the call, or is lost; the leg is gone.

    `reason` is the text of its Reason header, or "no-ack" (our 2xx was never acknowledged), "lost" (the far
    end no longer knows the call, or no longer answers), or "expired" (it stopped refreshing the call).
    """

    leg: int
    reason: str


class Offered(msgspec.Struct, frozen=True):
    """A new offer, to be answered or refused; `sdp` is b"" when they want ours (an INVITE without one).

    `method` is INVITE, UPDATE or PRACK; the last two may come before the call is answered.
    """

    leg: int
    sdp: bytes
    method: str


class OfferAnswered(msgspec.Struct, frozen=True):
    """The answer to our offer within the call; b"" when it brought none. Also after a refresh of ours."""

    leg: int
    sdp: bytes


class OfferRefused(msgspec.Struct, frozen=True):
    """Our offer within the call was refused; what was agreed before holds."""

    leg: int
    status: int


class Informed(msgspec.Struct, frozen=True):
    """An INFO within the call; 200 is sent. `record` is what its Record header wants: on, off, or ""."""

    leg: int
    content_type: str
    body: bytes
    record: str = ""


class Referred(msgspec.Struct, frozen=True):
    """The far end of a leg wants to be connected elsewhere (REFER), to be answered by `answer_referral`.

    `refer_to` is a sip, sips or tel URI without headers; `replaces` the leg it is to take the place of.
    """

    leg: int
    referral: int
    refer_to: str
    replaces: Replaces | None
    referred_by: str


class ReferralAnswered(msgspec.Struct, frozen=True):
    """The final response to our REFER; after a 2xx `ReferralProgressed` may follow."""

    leg: int
    status: int


class ReferralProgressed(msgspec.Struct, frozen=True):
    """What the far end tells of the call our REFER made it place; 200 and above is the last."""

    leg: int
    status: int


class Subscribed(msgspec.Struct, frozen=True):
    """Somebody wants to be told of a state, to be accepted or refused. `seconds` 0: only once."""

    subscription: int
    request: Message
    flow: Flow
    package: str
    seconds: int


class Resubscribed(msgspec.Struct, frozen=True):
    """A subscriber asked again, and is to be told the whole state anew."""

    subscription: int


class SubscriptionEnded(msgspec.Struct, frozen=True):
    """A subscriber is gone, or its time is over."""

    subscription: int


class RequestReceived(msgspec.Struct, frozen=True):
    """A request outside every call, to be responded to."""

    transaction: int
    request: Message
    flow: Flow


class ResponseReceived(msgspec.Struct, frozen=True):
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
    | Referred
    | ReferralAnswered
    | ReferralProgressed
    | Subscribed
    | Resubscribed
    | SubscriptionEnded
    | RequestReceived
    | ResponseReceived
)
Output = Send | Event

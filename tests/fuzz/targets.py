"""What is fuzzed: each target takes any bytes, and raises only when something of ours is wrong."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import numpy as np

from carillon.media import rtp, sdp, stun
from carillon.media.codecs import BY_NUMBER
from carillon.media.rtcp import Moment, Reports
from carillon.media.sdp_lines import NotAcceptable
from carillon.media.streams import Streams
from carillon.sip import endpoint as sip
from carillon.sip.digest import Challenger, answer_challenge, parse_digest
from carillon.sip.errors import RemoteError
from carillon.sip.headers import parse_name_addr, parse_via, sdp_of
from carillon.sip.message import Message, parse
from carillon.sip.registrar import Registrar
from carillon.sip.replaces import parse_refer_to, parse_replaces
from carillon.sip.stream import Framer
from carillon.sip.uri import parse_uri
from carillon.switch.transport.framing import ByFrame
from tests.sip.wire import ANSWER, OFFER
from tests.vectors import rfc4475

FLOW = sip.Flow("udp", "192.0.2.1", 5060)
NEXT = b"\n==\n"
"""What separates the messages of one input."""
HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Protocol: sip\r\n\r\n"
)

BROKEN = b"GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\nSec-WebSocket-Protocol: sip\r\n\r\n"
"""Found: a handshake that is refused, and more in the same packet, which is no frame."""


def message(data: bytes) -> None:
    """Parse; what was understood is written, and then understood in the same way."""
    try:
        found = parse(data)
    except RemoteError:
        return
    with contextlib.suppress(sip.LocalError):
        again = parse(found.write(), framed=True)
        assert again.method == found.method
        assert again.status == found.status
        assert again.body == found.body
        assert list(again.headers) == list(found.headers)
    sdp_of(found)
    for name in found.headers:
        found.all(name)


def headers(data: bytes) -> None:
    """Read the same text as every header we look inside."""
    text = data.decode("utf-8", "replace")
    for read in (
        parse_name_addr,
        parse_via,
        parse_uri,
        parse_digest,
        parse_refer_to,
        parse_replaces,
    ):
        with contextlib.suppress(RemoteError):
            read(text)
    with contextlib.suppress(RemoteError):
        written = parse_uri(text).write()
        assert parse_uri(written).write() == written
    known = sip.Credentials("ann", "secret")
    answer_challenge([text], known, "INVITE", "sip:x", cnonce="1")
    Challenger("carillon", b"x").verify(text, "INVITE", "0" * 32, "0" * 64, 1.0)


def stream(data: bytes) -> None:
    """Cut a stream into messages, alike whether it comes whole or in small pieces."""

    def cut(pieces: list[bytes]) -> tuple[list[bytes], bool]:
        framer, parts = Framer(), []
        try:
            for piece in pieces:
                parts += framer.receive(piece)
        except RemoteError:
            return [], False
        return parts, True

    whole, good = cut([data])
    small, as_good = cut([data[at : at + 7] for at in range(0, len(data), 7)])
    assert good == as_good
    # Only where a keep-alive comes in halves may the pieces tell more than the whole.
    assert [part for part in whole if part.strip()] == [part for part in small if part.strip()]


def websocket(data: bytes) -> None:
    """Read frames, after a handshake and instead of one."""
    for begin in (HANDSHAKE, b""):
        framing = ByFrame(("https://x.example",) if not begin else ())
        with contextlib.suppress(RemoteError):
            framing.receive(begin + data[:50])
            framing.reply()
            framing.frame(b"SIP")
            if not framing.over:
                framing.receive(data[50:])
                framing.reply()
                framing.ping()


def description(data: bytes) -> None:
    """Read a description and answer it; what is written can be read."""
    local = sdp.Local("192.0.2.9", 4000, session=1, version=1)
    try:
        session = sdp.parse(data)
        codec = sdp.first_common(session, list(BY_NUMBER))
    except NotAcceptable:
        return
    sdp.parse(sdp.answer(session, local, codec))


def binding(data: bytes) -> None:
    """Read a STUN message and answer it."""
    found = stun.parse(data)
    if found is None:
        return
    _ = found.users, found.priority, found.mapped_address, found.error, found.is_genuine("secret")
    assert stun.parse(stun.write_success(found, ("192.0.2.1", 4000), "")) is not None
    assert stun.parse(stun.write_failure(found, 420)) is not None


def sound(data: bytes) -> None:
    """Make RTP plain: no size may grow, and what stays has a whole header."""
    packets = np.zeros((2, 256), np.uint8)
    packets[0, : min(len(data), 256)] = np.frombuffer(data[:256], np.uint8)
    sizes = np.array([min(len(data), 256), 0])
    plain = rtp.make_plain(packets, sizes)
    assert (plain <= sizes).all()
    assert ((plain == 0) | (plain >= rtp.HEADER_BYTES)).all()
    rtp.shape_of(rtp.read_headers(packets.view(np.uint32))[:, 0])


def reports(data: bytes) -> None:
    """Take a report in: figures stay within what they can be."""
    packets = np.zeros((1, 128), np.uint8)
    packets[0, : min(len(data), 128)] = np.frombuffer(data[:128], np.uint8)
    streams, kept = Streams(2), Reports(2, b"0123456789abcdef")
    streams.reset(0, 0xAABBCCDD, 1, 5000, 9.0)
    moment = Moment(10.0, 1e9)
    kept.receive(np.array([0]), packets, np.array([min(len(data), 128)]), streams, moment)
    assert kept.remote_lost_percent[0] <= 100
    assert kept.remote_jitter_ms[0] <= 60_000
    assert kept.round_trip_ms[0] < 1e9


class _Switch:
    """An endpoint in the middle of things: a call each way, one ringing, and a subscriber."""

    def __init__(self) -> None:
        numbers = iter(range(1, 10_000))
        self.endpoint = sip.Endpoint(
            host="192.0.2.9", port=5060, tokens=lambda: f"{next(numbers):016x}", max_transactions=50
        )
        self.registrar = Registrar()
        self.now = 0.0
        self.sent: dict[str, Message] = {}
        for text in (
            _request("INVITE", "in"),
            _request("INVITE", "up", Supported="timer"),
            _request("SUBSCRIBE", "sub"),
        ):
            self.take(text)
        self.endpoint.invite("sip:ben@192.0.2.1", FLOW, 0.0, from_="sip:ann@a.example", sdp=OFFER)
        self.drain()

    def take(self, data: bytes) -> None:
        """Receive one message and do what a switch does."""
        self.endpoint.receive(data, FLOW, self.now)
        self.drain()

    def wait(self, until: float) -> None:
        """Let time pass."""
        while (at := self.endpoint.timer_at) is not None and at < until:
            self.now = max(self.now, at)
            self.endpoint.handle_timer(self.now)
            self.drain()
        self.now = until
        self.drain()

    def drain(self) -> None:
        """Empty it; whatever leaves must be a message."""
        while (output := self.endpoint.next_output()) is not None:
            if isinstance(output, sip.Send):
                message = parse(output.data, framed=True)
                self.sent[message.get("Call-ID") or ""] = message
            else:
                self.react(output)

    def react(self, event: sip.Event) -> None:
        """Say yes to everything."""
        endpoint, now = self.endpoint, self.now
        match event:
            case sip.InviteReceived(leg, request):
                endpoint.ring(leg, now, status=183, sdp=ANSWER, reliable=True)
                if request.get("Call-ID") == "up":
                    endpoint.accept(leg, ANSWER, now)
            case sip.Offered(leg):
                endpoint.answer_offer(leg, ANSWER, now)
            case sip.Referred(_, referral):
                endpoint.answer_referral(referral, 202, now)
                endpoint.tell_referral(referral, 200, "", now)
            case sip.Subscribed(number, _, _, _, seconds):
                endpoint.accept_subscription(number, seconds, now)
                endpoint.notify(number, "text/plain", b"x", now)
            case sip.Confirmed(leg):
                endpoint.reoffer(leg, OFFER, now)
            case sip.RequestReceived(transaction, request, flow):
                with contextlib.suppress(RemoteError):
                    self.registrar.register("ann", request, flow, now)
                endpoint.respond(transaction, 200, now)
            case _:
                pass


def answers(data: bytes) -> list[int]:
    """Return what an endpoint in the middle of things answers to each message; 0: it asks in turn."""
    switch, found = _Switch(), []
    for text in data.split(NEXT)[:4]:
        switch.sent.clear()
        switch.take(text)
        found += [message.status for message in switch.sent.values()]
    return found


def endpoint(data: bytes) -> None:
    """Let an endpoint in the middle of things take up to four messages, then wait an hour."""
    switch = _Switch()
    for text in data.split(NEXT)[:4]:
        switch.take(text)
    switch.wait(3600.0)
    for leg in range(1, 500):
        switch.endpoint.hang_up(leg, switch.now)
    switch.wait(4000.0)
    assert (switch.endpoint.legs, switch.endpoint.transactions) == (0, 0)


def _request(method: str, call: str, cseq: int = 1, **more: str) -> bytes:
    found = Message(method=method, uri="sip:carillon@192.0.2.9", body=more.pop("body", "").encode())
    for name, value in (
        ("Via", f"SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK{call}{cseq};rport"),
        ("Max-Forwards", "70"),
        ("From", "<sip:ann@acme.example>;tag=a"),
        ("To", "<sip:ben@acme.example>"),
        ("Call-ID", call),
        ("CSeq", f"{cseq} {method}"),
        ("Contact", "<sip:ann@192.0.2.1>"),
        ("Supported", "100rel, timer, replaces"),
        ("Event", "dialog"),
    ):
        found.set(name, value)
    for name, value in more.items():
        found.set(name.replace("_", "-"), value)
    return found.write()


def _within(method: str, call: str, cseq: int = 2, **more: str) -> bytes:
    """Return a request within a dialog of `_Switch`, whose tags are the same each time."""
    said = _Switch().sent[call]
    to, rseq = said.get("To" if said.status else "From") or "", said.get("RSeq") or "1"
    return _request(method, call, cseq, To=to, RAck=f"{rseq} 1 INVITE", **more)


def _seeds_of_endpoint() -> list[bytes]:
    described = {"Content_Type": "application/sdp", "body": OFFER.decode()}
    call = [
        _within("ACK", "up", 1),
        _within("INVITE", "up", **described),
        _within("UPDATE", "up", 3, Session_Expires="90;refresher=uac"),
        _within("REFER", "up", 4, Refer_To="<sip:x@y?Replaces=a%3Bto-tag%3D1%3Bfrom-tag%3D2>"),
        _within("INFO", "up", 5, Content_Type="application/dtmf-relay", body="Signal=1\r\n"),
        _within("BYE", "up", 6, Reason="Q.850;cause=16"),
    ]
    single = [
        *call,
        _within("PRACK", "in"),
        _within("NOTIFY", "up", Event="refer", body="SIP/2.0 200 OK"),
        _within("SUBSCRIBE", "sub", Expires="0"),
        _request("REGISTER", "reg", Contact="<sip:a@b>;+sip.instance=x;reg-id=1"),
        _request("INVITE", "new", Replaces="up;to-tag=7;from-tag=a", Session_Expires="90"),
        _request("CANCEL", "in", 1),
        _request("OPTIONS", "o"),
    ]
    return [*single, NEXT.join((call[0], *call[2:4], call[5])), NEXT.join(call[:2])]


_MESSAGES = [
    rfc4475.wire(text)
    for table in vars(rfc4475).values()
    if isinstance(table, dict)
    for text in table.values()
    if isinstance(text, str)
]
_STUN = stun.write(
    stun.REQUEST, bytes(12), [(stun.USERNAME, b"a:b"), (stun.PRIORITY, bytes(4))], "x"
)
_TEXTS = [
    b'"Ann \\" B" <sip:ann@h:5060;transport=ws;lr?Replaces=x%3Bto-tag%3D1>;tag=1;q=0.5',
    b"SIP/2.0/UDP [2001:db8::1]:5060;branch=z9hG4bK1;rport;received=192.0.2.1",
    b'Digest realm="carillon", nonce="a.b.c", algorithm=SHA-256, qop="auth,auth-int", nc=1',
    b"a@b;to-tag=1;from-tag=2;early-only",
    b"tel:+33199001234;phone-context=x",
]

TARGETS: dict[str, tuple[Callable[[bytes], None], list[bytes], int]] = {
    "message": (message, _MESSAGES, 30_000),
    "headers": (headers, _TEXTS, 20_000),
    "stream": (stream, [b"\r\n\r\n".join(_MESSAGES[:3]), *_MESSAGES[:8]], 20_000),
    "websocket": (
        websocket,
        [b"\x81\x83\x00\x00\x00\x00abc", b"\x89\x80\0\0\0\0", HANDSHAKE, BROKEN],
        5_000,
    ),
    "description": (description, [OFFER, ANSWER], 30_000),
    "binding": (binding, [_STUN], 30_000),
    "sound": (sound, [b"\x80\x08" + bytes(170), b"\xb2\x88" + bytes(range(100))], 10_000),
    "reports": (
        reports,
        [b"\x81\xc8\x00\x0c" + bytes(48), b"\x81\xc9\x00\x07" + bytes(28)],
        10_000,
    ),
    "endpoint": (endpoint, _seeds_of_endpoint(), 1_000),
}
"""Name: what takes the bytes, where to begin, and how often `make test` tries."""

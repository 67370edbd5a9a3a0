"""CPU of the SIP work of a bridged call, in memory: `python -m bench.sip_calls [calls] [--profile]`.

One endpoint takes an INVITE, rings the other leg, and bridges INVITE/100/180/200/ACK/BYE/200 on both: 14
messages, as a switch does, with a real clock so that timers and lingering transactions weigh what they
weigh. The phones are scripts of prepared text that cost next to nothing; their cost is measured and shown.
"""

from __future__ import annotations

import argparse
import cProfile
import itertools
import pstats
import secrets
import time

from bench.result import Result, at_most
from carillon.sip.endpoint import (
    Answered,
    Confirmed,
    Endpoint,
    Flow,
    HungUp,
    InviteReceived,
    Progressed,
    Send,
)

SDP = (
    "v=0\r\no=- 3747 3747 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
    "m=audio 40000 RTP/AVP 8 0 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n"
    "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=sendrecv\r\na=ptime:20\r\n"
)
INVITE = (
    "INVITE sip:+33123456789@192.0.2.9:5060 SIP/2.0\r\n"
    "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK-{n}-0;rport\r\nMax-Forwards: 70\r\n"
    'From: "Ann" <sip:ann@acme.example>;tag=a{n}\r\nTo: <sip:+33123456789@acme.example>\r\n'
    "Call-ID: call-{n}@192.0.2.1\r\nCSeq: 1 INVITE\r\nContact: <sip:ann@192.0.2.1:5060>\r\n"
    "Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE\r\nSupported: replaces, timer\r\n"
    "User-Agent: Desk Phone 5.1.2\r\nContent-Type: application/sdp\r\n"
    "Content-Length: {length}\r\n\r\n{sdp}"
)
ANN = Flow("udp", "192.0.2.1", 5060)
BEN = Flow("udp", "192.0.2.2", 5060)


def header(data: str, name: str) -> str:
    start = data.index(f"\r\n{name}: ") + len(name) + 4
    return data[start : data.index("\r\n", start)]


class Ben:
    """Answers every INVITE at once, and every BYE."""

    def take(self, data: str) -> list[bytes]:
        if data.startswith("INVITE "):
            return [
                self.reply(data, "100 Trying", ""),
                self.reply(data, "180 Ringing", ";tag=b"),
                self.reply(data, "200 OK", ";tag=b", SDP),
            ]
        return [self.reply(data, "200 OK", "")] if data.startswith("BYE ") else []

    def reply(self, data: str, line: str, tag: str, sdp: str = "") -> bytes:
        via, from_, to = header(data, "Via"), header(data, "From"), header(data, "To")
        call_id, cseq = header(data, "Call-ID"), header(data, "CSeq")
        return (
            f"SIP/2.0 {line}\r\nVia: {via}\r\nFrom: {from_}\r\nTo: {to}{tag}\r\nCall-ID: {call_id}\r\n"
            f"CSeq: {cseq}\r\nContact: <sip:ben@192.0.2.2:5060>\r\nContent-Type: application/sdp\r\n"
            f"Content-Length: {len(sdp)}\r\n\r\n{sdp}"
        ).encode()


class Bench:
    """The switch in small."""

    def __init__(self) -> None:
        self.endpoint = Endpoint(
            host="192.0.2.9", port=5060, tokens=lambda: secrets.token_hex(8), max_transactions=10**6
        )
        self.ben = Ben()
        self.partner: dict[int, int] = {}
        self.numbers = itertools.count()
        self.done = self.messages = 0
        self.peers = 0.0

    def call(self) -> None:
        """One call from INVITE to the last 200."""
        began = time.perf_counter()
        n = next(self.numbers)
        invite = INVITE.format(n=n, sdp=SDP, length=len(SDP)).encode()
        self.to_ann: list[str] = []
        self.peers += time.perf_counter() - began
        self.feed(invite, ANN)
        began = time.perf_counter()
        ok = self.to_ann[-1]
        to = header(ok, "To")
        within = (
            "{method} sip:192.0.2.9:5060 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK-"
            f"{n}-{{cseq}}{{method}};rport\r\nMax-Forwards: 70\r\n"
            f'From: "Ann" <sip:ann@acme.example>;tag=a{n}\r\nTo: {to}\r\n'
            f"Call-ID: call-{n}@192.0.2.1\r\nCSeq: {{cseq}} {{method}}\r\nContent-Length: 0\r\n\r\n"
        )
        self.peers += time.perf_counter() - began
        self.feed(within.format(method="ACK", cseq=1).encode(), ANN)
        self.feed(within.format(method="BYE", cseq=2).encode(), ANN)

    def feed(self, data: bytes, flow: Flow) -> None:
        waiting = [(data, flow)]
        endpoint = self.endpoint
        while waiting:
            data, flow = waiting.pop(0)
            now = time.monotonic()
            self.messages += 1
            endpoint.receive(data, flow, now)
            while (output := endpoint.next_output()) is not None:
                if not isinstance(output, Send):
                    self.react(output, now)
                    continue
                self.messages += 1
                began = time.perf_counter()
                text = output.data.decode()
                if output.flow == BEN:
                    waiting += [(reply, BEN) for reply in self.ben.take(text)]
                else:
                    self.to_ann.append(text)
                self.peers += time.perf_counter() - began
            at = endpoint.timer_at
            if at is not None and at <= now:
                endpoint.handle_timer(now)

    def react(self, event: object, now: float) -> None:
        endpoint = self.endpoint
        match event:
            case InviteReceived(leg, request, _):
                other = endpoint.invite(
                    "sip:ben@192.0.2.2:5060",
                    BEN,
                    now,
                    from_="sip:ann@acme.example",
                    sdp=request.body,
                )
                self.partner[leg], self.partner[other] = other, leg
            case Progressed(leg, status):
                endpoint.ring(self.partner[leg], now, status=status)
            case Answered(leg, sdp):
                endpoint.accept(self.partner[leg], sdp, now)
            case HungUp(leg):
                endpoint.hang_up(self.partner.pop(leg), now)
                self.done += 1
            case Confirmed():
                pass
            case _:
                raise AssertionError(event)


def measure(calls: int, profile: cProfile.Profile | None = None) -> tuple[float, float, int]:
    """Return seconds of CPU a call, ours and the phones', and how many messages there were."""
    bench = Bench()
    for _ in range(200):
        bench.call()
    bench.messages, bench.peers, bench.done = 0, 0.0, 0
    if profile is not None:
        profile.enable()
    began = time.process_time()
    for _ in range(calls):
        bench.call()
    spent = time.process_time() - began
    if profile is not None:
        profile.disable()
    if bench.done != calls:
        raise RuntimeError(f"{bench.done} of {calls} calls ended")
    return (spent - bench.peers) / calls, bench.peers / calls, bench.messages


def run() -> list[Result]:
    """Return the cost of a bridged call's signalling."""
    ours, _, _ = measure(3000)
    return [at_most("signalling of a bridged call: CPU", ours * 1e6, "us/call", 1000)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("calls", type=int, nargs="?", default=3000)
    parser.add_argument("--profile", action="store_true")
    wanted = parser.parse_args()
    profile = cProfile.Profile() if wanted.profile else None
    ours, phones, messages = measure(wanted.calls, profile)
    print(
        f"{wanted.calls} calls, {messages / wanted.calls:.0f} messages each: "
        f"{ours * 1e6:.0f} µs a call ({phones * 1e6:.0f} µs more for the phones)"
    )
    if profile is not None:
        pstats.Stats(profile).sort_stats("tottime").print_stats(30)


if __name__ == "__main__":
    main()

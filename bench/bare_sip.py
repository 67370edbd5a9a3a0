"""What SIP costs at the least in Python: headers are rewritten and passed on, and nothing else is done.

`python -m bench.bare_sip PORT OUT_PORT`: a B2BUA and a registrar on uvloop without transactions, timers,
repetitions, checks, media or disk. No phone system, but what one is measured against in the same run.
"""

from __future__ import annotations

import asyncio
import itertools
import sys
from typing import cast

import uvloop

CHALLENGE = 'WWW-Authenticate: Digest realm="bare", nonce="1"'
Headers = dict[str, list[str]]
Address = tuple[str, int]


class Call:
    """The caller's INVITE, and the dialog we made of it."""

    def __init__(self, invite: Headers, caller: Address, number: int) -> None:
        self.invite = invite
        self.caller = caller
        self.tag = f"t{number}"
        self.id = f"b{number}@bare"
        self.from_ = f"{invite['from'][0].split(';')[0]};tag=f{number}"
        self.to = invite["to"][0]


def parse(data: bytes) -> tuple[str, Headers, bytes]:
    """Return first line, headers by their names in lower case, and body."""
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("utf-8", "surrogateescape").split("\r\n")
    headers: Headers = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers.setdefault(name.strip().lower(), []).append(value.strip())
    return first, headers, body


class Bare(asyncio.DatagramProtocol):
    """One UDP socket. Calls go out to `out`."""

    def __init__(self, port: int, out: Address) -> None:
        self._here = f"127.0.0.1:{port}"
        self._out = out
        self._numbers = itertools.count(1)
        self._calls: dict[str, Call] = {}
        self._rung: dict[str, Call] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the socket."""
        # uvloop's own is no subclass of it.
        self._transport = cast(asyncio.DatagramTransport, transport)

    def _send(self, lines: list[str], body: bytes, address: Address) -> None:
        if body:
            lines.append("Content-Type: application/sdp")
        lines.append(f"Content-Length: {len(body)}")
        self._transport.sendto(("\r\n".join(lines) + "\r\n\r\n").encode() + body, address)

    def _reply(
        self,
        asked: Headers,
        address: Address,
        status: str,
        tag: str,
        body: bytes = b"",
        asks: str = "",
    ) -> None:
        to = asked["to"][0]
        lines = [f"SIP/2.0 {status}", *(f"Via: {via}" for via in asked["via"])]
        lines += [
            f"From: {asked['from'][0]}",
            f"To: {to}" if ";tag=" in to else f"To: {to};tag={tag}",
        ]
        lines += [f"Call-ID: {asked['call-id'][0]}", f"CSeq: {asked['cseq'][0]}"]
        lines += [asks] if asks else []
        self._send([*lines, f"Contact: <sip:{self._here}>"], body, address)

    def _ask(self, method: str, call: Call, number: int, body: bytes = b"") -> None:
        host, port = self._out
        lines = [f"{method} sip:x@{host}:{port} SIP/2.0"]
        lines += [f"Via: SIP/2.0/UDP {self._here};branch=z9hG4bK{next(self._numbers)}"]
        lines += ["Max-Forwards: 70", f"From: {call.from_}", f"To: {call.to}"]
        lines += [f"Call-ID: {call.id}", f"CSeq: {number} {method}"]
        self._send([*lines, f"Contact: <sip:{self._here}>"], body, self._out)

    def datagram_received(self, data: bytes, address: Address) -> None:
        """Pass on what it is to the other side."""
        first, headers, body = parse(data)
        if first.startswith("SIP/2.0 "):
            self._answered(first[8:], headers, body)
        elif first.startswith("INVITE "):
            call = Call(headers, address, next(self._numbers))
            self._calls[headers["call-id"][0]] = self._rung[call.id] = call
            self._reply(headers, address, "100 Trying", "")
            self._ask("INVITE", call, 1, body)
        elif first.startswith("BYE "):
            self._reply(headers, address, "200 OK", "")
            ended = self._calls.pop(headers["call-id"][0], None)
            if ended is not None:
                del self._rung[ended.id]
                self._ask("BYE", ended, 2)
        elif first.startswith("REGISTER "):
            if "authorization" in headers:
                self._reply(headers, address, "200 OK", "r")
            else:
                self._reply(headers, address, "401 Unauthorized", "r", asks=CHALLENGE)

    def _answered(self, status: str, headers: Headers, body: bytes) -> None:
        call = self._rung.get(headers["call-id"][0])
        if call is None or status.startswith("100") or not headers["cseq"][0].endswith("INVITE"):
            return
        call.to = headers["to"][0]
        if not status.startswith("1"):
            self._ask("ACK", call, 1)
        self._reply(call.invite, call.caller, status, call.tag, body)


async def serve(port: int, out_port: int) -> None:
    """Serve until killed."""
    loop = asyncio.get_running_loop()
    make = Bare(port, ("127.0.0.1", out_port))
    await loop.create_datagram_endpoint(lambda: make, local_addr=("127.0.0.1", port))
    print("ready", flush=True)
    await loop.create_future()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), int(sys.argv[2])))

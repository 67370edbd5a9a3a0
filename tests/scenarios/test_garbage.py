"""Whatever strangers send: nothing crashes, nothing is logged as a fault, calls in progress go on."""

from __future__ import annotations

import random
import socket
from pathlib import Path

import pytest

from carillon.schema.commands import HangUpCall
from tests.phones import baresip
from tests.scenarios.test_crashes import Caller, talking
from tests.system import System, acme, heard, running, seconds_of, tone, wait_for

pytestmark = pytest.mark.system

CALL = (
    b"INVITE sip:+33199001001@127.0.0.1 SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP 127.0.0.1:5999;branch=z9hG4bK77ef4c2312983.1;rport\r\n"
    b'From: "Eve" <sip:+33600000000@127.0.0.1>;tag=1928301774\r\n'
    b"To: <sip:+33199001001@127.0.0.1>\r\nCall-ID: a84b4c76e66710@127.0.0.1\r\n"
    b"CSeq: 314159 INVITE\r\nContact: <sip:eve@127.0.0.1:5999>\r\nMax-Forwards: 70\r\n"
    b'Authorization: Digest username="acme-ann", realm="carillon", nonce="1.1.00", uri="sip:x", '
    b'response="6629fae49393a05397450978507c4ef1", algorithm=MD5, qop=auth, nc=00000001, cnonce="a"\r\n'
    b"Content-Type: application/sdp\r\nContent-Length: 129\r\n\r\n"
    b"v=0\r\no=eve 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    b"m=audio 49170 RTP/AVP 8 0 101\r\na=rtpmap:101 telephone-event/8000\r\n"
)
SEEDS = [
    CALL,
    CALL.replace(b"INVITE", b"REGISTER").replace(b"Max-Forwards", b"Expires"),
    CALL.replace(b"INVITE", b"BYE"),
    CALL.replace(b"INVITE", b"OPTIONS"),
    CALL.replace(b"INVITE sip:+33199001001@127.0.0.1 SIP/2.0", b"SIP/2.0 200 OK"),
]
BITS = [
    b"\r\n",
    b"\x00",
    b"\xff",
    b",",
    b";",
    b'"',
    b"<",
    b">",
    b"\\",
    b":",
    b"@",
    b" ",
    b"\t",
    b"%",
]


def mutated(seed: bytes, dice: random.Random) -> bytes:
    data = bytearray(seed)
    for _ in range(dice.randint(1, 8)):
        at = dice.randrange(len(data) + 1)
        match dice.randrange(5):
            case 0:
                del data[at : at + dice.randint(1, 40)]
            case 1:
                data[at:at] = dice.choice(BITS) * dice.choice([1, 1, 3, 200])
            case 2:
                data[at : at + 1] = bytes([dice.randrange(256)])
            case 3:
                part = bytes(data[at : at + dice.randint(1, 120)])
                data[at:at] = part * dice.choice([1, 2, 20])
            case _:
                del data[at:]
        data = data or bytearray(b"\r\n")
    return bytes(data[:60000])


def throw_sip(system: System, count: int) -> None:
    dice = random.Random(20261121)
    address = (system.config.host, system.config.sip_port)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        for number in range(count):
            udp.sendto(mutated(dice.choice(SEEDS), dice), address)
            if number % 200 == 0:
                # Not faster than the switch answers: what it drops unread would prove nothing.
                system.switch.status()
    for _ in range(200):
        with socket.create_connection(address, 5) as tcp:
            tcp.settimeout(5)
            tcp.sendall(mutated(dice.choice(SEEDS), dice) + dice.randbytes(dice.randrange(2000)))


def throw_sound(system: System, count: int) -> None:
    dice = random.Random(42)
    stun = bytes.fromhex("000100082112a442") + bytes(12)
    seeds = [
        bytes([0x80, 8]) + bytes(170),
        bytes([0x80, 200, 0, 6]) + bytes(24),
        stun,
        b"",
        b"\x80",
    ]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        for _ in range(count):
            packet = bytearray(dice.choice(seeds) or dice.randbytes(dice.randrange(1500)))
            for _ in range(dice.randrange(6) if packet else 0):
                packet[dice.randrange(len(packet))] = dice.randrange(256)
            port = system.config.rtp_port + dice.randrange(8)
            udp.sendto(packet, (system.config.host, port))


def throw_http(system: System) -> None:
    dice = random.Random(7)
    for port in (system.config.switch_port, system.config.sandbox_port):
        for _ in range(100):
            with socket.create_connection(("127.0.0.1", port), 5) as tcp:
                tcp.sendall(b"GET /events?after=" + dice.randbytes(200) + b" HTTP/1.1\r\n\r\n")


def test_ten_thousand_broken_messages_harm_nothing(tmp_path: Path) -> None:
    parts = ("media", "switch", "sandbox")
    with (
        running(tmp_path / "data", *parts, plan=acme()) as system,
        baresip(system, "ann", tmp_path, tone(620, 120)),
    ):
        caller = Caller(system, say=tone(440, 60.0), loop=True, stay_seconds=30)
        caller.start()
        wait_for(lambda: talking(system), 10, "the call to be answered")
        throw_sip(system, 10_000)
        throw_sound(system, 10_000)
        throw_http(system)
        calls = system.switch.status().calls
        assert [call.state for call in calls] == ["talking"], "the call goes on, and no other began"
        for part in parts:
            assert system.processes[part].poll() is None
            log = system.log(part)
            assert "Traceback" not in log and "fault of ours" not in log, log[-3000:]
        system.switch.do(HangUpCall(calls[0].call))
        caller.join(10)
        assert caller.result is not None
        sound = heard(caller.result)
        assert seconds_of(sound, 620) > 0.97 * len(sound) / 8000 - 0.5, "not a word was lost"
        assert seconds_of(heard(system.call(stay_seconds=1.0)), 620) > 0.5

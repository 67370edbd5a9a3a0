"""The drain loop: events before packets, and no fault of one call costs another its packets."""

from __future__ import annotations

import socket
import time
from contextlib import suppress

import pytest

from carillon.schema.events import AnyEvent, DigitPressed
from carillon.sip.endpoint import Event, Flow, InviteReceived, RequestReceived, ResponseReceived
from carillon.switch.driver import Driver
from carillon.switch.transport import udp
from tests.switch.office import HOST, scene, until
from tests.system import free_ports


class Node:
    """A driver that answers every request, and keeps in which order it was asked to commit."""

    def __init__(self, port: int, *, admits: bool = True) -> None:
        self.port = port
        self.committed: list[list[AnyEvent]] = []
        self.events: list[Event] = []
        self.faulty = False
        self.driver = Driver(
            HOST, port, on_event=self._event, commit=self._commit, admit=lambda data, flow: admits
        )

    def _commit(self, events: list[AnyEvent]) -> None:
        if events:
            self.committed.append(events)

    def _event(self, event: Event) -> None:
        self.events.append(event)
        if isinstance(event, RequestReceived):
            self.driver.events.append(
                DigitPressed(call="c", seq=len(self.events), at=1.0, leg="a", digit="1")
            )
            self.driver.endpoint.respond(event.transaction, 200, self.driver.now)
            # A listener that drains, as every guard of a call does, must not send what is not committed.
            self.driver.drain()
            if self.faulty:
                raise RuntimeError("a bug")
        if isinstance(event, InviteReceived):
            raise RuntimeError("another")

    def ask(self, other: Node, flow: Flow | None = None) -> int:
        to = flow or Flow("udp", HOST, other.port)
        address = f"<sip:x@{HOST}>"
        number = self.driver.endpoint.request(
            "OPTIONS", f"sip:{HOST}", to, self.driver.now, from_=address, to=address
        )
        self.driver.drain()
        return number

    def answers(self) -> list[int]:
        return [event.status for event in self.events if isinstance(event, ResponseReceived)]


async def pair(**more: bool) -> tuple[Node, Node]:
    port = free_ports()[1]
    ours, theirs = Node(port, **more), Node(port + 6)
    for node in (ours, theirs):
        await node.driver.listen()
    return ours, theirs


@scene
async def test_what_happened_is_committed_before_the_answer_leaves() -> None:
    ours, theirs = await pair()
    theirs.ask(ours)
    await until(theirs.answers, "the answer")
    assert len(ours.committed) == 1
    for node in (ours, theirs):
        node.driver.close()


@scene
async def test_a_fault_in_a_listener_loses_neither_the_events_nor_the_packets() -> None:
    ours, theirs = await pair()
    ours.faulty = True
    for count in (1, 2, 3):
        theirs.ask(ours)
        await until(lambda count=count: len(theirs.answers()) == count, "the answer")
    assert len(ours.committed) == 3
    for node in (ours, theirs):
        node.driver.close()


@scene
async def test_an_address_nobody_can_send_to_costs_only_its_own_packet() -> None:
    ours, theirs = await pair()
    for host in ("no.such.host.example", "", "300.1.1.1"):
        theirs.ask(ours, Flow("udp", host, 5060))
    theirs.ask(ours, Flow("udp", HOST, 0))
    theirs.ask(ours)
    await until(theirs.answers, "the answer of who can be reached")
    for node in (ours, theirs):
        node.driver.close()


@scene
async def test_who_is_not_admitted_is_not_even_read() -> None:
    ours, theirs = await pair(admits=False)
    theirs.ask(ours)
    theirs.ask(theirs)
    await until(theirs.answers, "an answer from the other one")
    assert ours.events == []
    for node in (ours, theirs):
        node.driver.close()


# -- more calls than can be taken ----------------------------------------------------------------

BUSY_SECONDS = 0.004
"""What each packet costs this switch, beside everything else."""


def call(number: int, user: str = "+33199001001") -> bytes:
    return (
        f"INVITE sip:{user}@{HOST} SIP/2.0\r\nVia: SIP/2.0/UDP {HOST};branch=z9hG4bK{number};rport\r\n"
        f"From: <sip:eve@{HOST}>;tag=a\r\nTo: <sip:{user}@{HOST}>\r\nCall-ID: c{number}\r\n"
        "CSeq: 1 INVITE\r\nContact: <sip:eve@127.0.0.1>\r\nContent-Length: 0\r\n\r\n"
    ).encode()


@scene
async def test_calls_too_many_are_refused_at_once_then_unheard_but_never_one_for_help(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(udp, "FAR_BEHIND_SECONDS", 0.5)
    began: list[str] = []

    def took(event: Event) -> None:
        if isinstance(event, InviteReceived):
            began.append(event.request.get("Call-ID") or "")

    def spends(data: bytes, flow: Flow) -> bool:
        until_then = time.monotonic() + BUSY_SECONDS
        while time.monotonic() < until_then:
            pass
        return True

    port = free_ports()[1]
    driver = Driver(HOST, port, on_event=took, commit=lambda events: None, admit=spends)
    await driver.listen()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.bind((HOST, 0))
        peer.setblocking(False)
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        for number in range(250):
            peer.sendto(call(number), (HOST, port))
        peer.sendto(call(250, "112"), (HOST, port))
        await until(lambda: "c250" in began, "the call for help to be taken")
        answers = []
        with suppress(BlockingIOError):
            while True:
                answers.append(peer.recv(65536))
    driver.close()
    refused = {line for text in answers if b" 503 " in text for line in text.split(b"\r\n")}
    silent = [n for n in range(250) if f"c{n}" not in began and b"Call-ID: c%d" % n not in refused]
    taken = [int(name[1:]) for name in began[:-1]]
    assert b"Retry-After: 3" in refused
    assert taken and taken == list(range(len(taken))), "the first are taken, while we keep up"
    assert silent and silent == list(range(silent[0], 250)), "the last hear nothing"
    assert len(taken) < silent[0], "and those between are refused"
    assert driver.turned_away == 250 - len(taken)

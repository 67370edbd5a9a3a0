"""Many calls over a wire that loses, repeats and reorders: every call ends, and nothing is left behind."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable

import pytest

from carillon.sip.endpoint import (
    Answered,
    Cancelled,
    Confirmed,
    Event,
    Failed,
    HungUp,
    InviteReceived,
    Offered,
)
from tests.sip.wire import ANSWER, OFFER, Phone, Wire

ENDS = (Failed, HungUp, Cancelled)


class Person:
    """Does at random what people do, and keeps count of how each leg ended."""

    def __init__(self, phone: Phone, dice: random.Random) -> None:
        self.phone = phone
        self.dice = dice
        self.open: dict[int, str] = {}
        self.ended: Counter[int] = Counter()
        phone.react = self.react

    def react(self, phone: Phone, event: Event, now: float) -> None:
        leg = getattr(event, "leg", 0)
        assert not self.ended[leg], f"{event} after the end"
        match event:
            case InviteReceived():
                self.open[leg] = "ringing"
                phone.endpoint.ring(leg, now)
            case Answered() | Confirmed():
                self.open[leg] = "up"
            case Offered():
                if self.dice.random() < 0.8:
                    phone.endpoint.answer_offer(leg, ANSWER, now)
                else:
                    phone.endpoint.refuse_offer(leg, 488, now)
            case _ if isinstance(event, ENDS):
                self.end(leg)

    def end(self, leg: int) -> None:
        del self.open[leg]
        self.ended[leg] += 1

    def act(self, now: float) -> None:
        endpoint = self.phone.endpoint
        for leg, state in list(self.open.items()):
            deed = self.dice.random()
            if state == "ringing" and deed < 0.3:
                endpoint.accept(leg, ANSWER, now)
                self.open[leg] = "accepted"
            elif state == "ringing" and deed < 0.4:
                endpoint.refuse(leg, 486, now)
                self.end(leg)
            elif state == "up" and deed < 0.2:
                endpoint.reoffer(leg, OFFER, now)
            elif state == "up" and deed < 0.25:
                endpoint.inform(leg, "application/dtmf-relay", b"Signal=1", now)
            elif deed > 0.9:
                endpoint.hang_up(leg, now)
                self.end(leg)

    def leave(self, now: float) -> None:
        for leg in list(self.open):
            self.phone.endpoint.hang_up(leg, now)
            self.end(leg)


@pytest.mark.parametrize("seed", range(24))
def test_every_call_ends_once_and_leaves_nothing(seed: int) -> None:
    dice = random.Random(seed)
    transport = "tcp" if seed % 4 == 3 else "udp"
    ann, ben = Phone("10.0.0.1", transport), Phone("10.0.0.2", transport)
    wire = Wire(ann, ben, seed=seed, loss=0.25, twice=0.2)
    wire.jitter = 0.8
    people = [Person(ann, dice), Person(ben, dice)]
    placed = 0
    for _ in range(60):
        wire.run(dice.random())
        if dice.random() < 0.5:
            me, you = dice.sample(people, 2)
            leg = me.phone.endpoint.invite(
                f"sip:x@{you.phone.host}", you.phone.flow, wire.now, from_="sip:a@b", sdp=OFFER
            )
            me.open[leg] = "calling"
            placed += 1
        for person in people:
            person.act(wire.now)
        wire.drain()
    for person in people:
        person.leave(wire.now)
    wire.run(300)
    assert placed > 10
    for person in people:
        assert not person.open
        assert set(person.ended.values()) == {1}
        endpoint = person.phone.endpoint
        assert (endpoint.legs, endpoint.transactions, endpoint.timer_at) == (0, 0, None)


def test_after_the_wire_dies_every_call_ends_by_itself_or_by_hanging_up() -> None:
    ann, ben = Phone("10.0.0.1"), Phone("10.0.0.2")
    dice = random.Random(1)
    people = [Person(ann, dice), Person(ben, dice)]
    wire = Wire(ann, ben, seed=1)
    for _ in range(20):
        leg = ann.endpoint.invite("sip:x@10.0.0.2", ben.flow, wire.now, from_="sip:a@b", sdp=OFFER)
        people[0].open[leg] = "calling"
        wire.run(0.2)
        people[1].act(wire.now)
    wire.lose = lambda message: True
    wire.run(5)
    for person in people:
        person.leave(wire.now)
    wire.run(300)
    for phone in (ann, ben):
        assert (phone.endpoint.legs, phone.endpoint.transactions) == (0, 0)


def test_damaged_messages_within_calls_upset_nobody() -> None:
    dice = random.Random(3261)
    ann, ben = Phone("10.0.0.1"), Phone("10.0.0.2")
    wire = Wire(ann, ben, seed=2, twice=0.1)
    people = [Person(ann, dice), Person(ben, dice)]
    for person in people:
        # Damage may end a call in ways that only the endpoint sees; here it must merely not raise.
        person.phone.react = carefree(person)
    for number in range(400):
        if number % 10 == 0:
            leg = ann.endpoint.invite(
                "sip:x@10.0.0.2", ben.flow, wire.now, from_="sip:a@b", sdp=OFFER
            )
            people[0].open[leg] = "calling"
        wire.run(0.3)
        for person in people:
            person.act(wire.now)
        wire.drain()
        for host, message in wire.seen[-6:]:
            data = damaged(message.write(), dice)
            target = ben if host == ann.host else ann
            source = ann if host == ann.host else ben
            target.endpoint.receive(data, source.flow, wire.now)
            wire.drain()
    for person in people:
        for leg in list(person.open):
            person.phone.endpoint.hang_up(leg, wire.now)
    wire.run(300)
    for phone in (ann, ben):
        assert (phone.endpoint.transactions, phone.endpoint.timer_at) == (0, None)


def carefree(person: Person) -> Callable[[Phone, Event, float], None]:
    def react(phone: Phone, event: Event, now: float) -> None:
        leg = getattr(event, "leg", 0)
        if isinstance(event, ENDS):
            person.open.pop(leg, None)
        elif leg in person.open or isinstance(event, InviteReceived):
            person.react(phone, event, now)

    return react


def damaged(data: bytes, dice: random.Random) -> bytes:
    """Change a place or two; now and then a branch, so that it is no echo."""
    out = bytearray(data)
    branch = out.find(b"branch=z9hG4bK")
    if branch >= 0 and dice.random() < 0.7:
        out[branch + 14 : branch + 18] = b"%04x" % dice.randrange(65536)
    cseq = out.find(b"CSeq: ")
    if cseq >= 0 and dice.random() < 0.7:
        out[cseq + 6 : cseq + 7] = b"%d" % dice.randrange(1, 99)
    for _ in range(dice.randint(0, 2)):
        place = dice.randrange(len(out))
        if dice.random() < 0.5:
            out[place] = dice.randrange(256)
        else:
            del out[place : place + dice.randint(1, 12)]
    return bytes(out)

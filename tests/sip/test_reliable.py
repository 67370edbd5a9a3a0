"""Provisional responses that are acknowledged (RFC 3262), and offers before the answer (RFC 3311)."""

from __future__ import annotations

import pytest

from carillon.sip.endpoint import (
    Answered,
    Cancelled,
    Confirmed,
    Event,
    Failed,
    InviteReceived,
    OfferAnswered,
    Offered,
    OfferRefused,
    Progressed,
)
from carillon.sip.message import Message, parse
from tests.sip.test_calls import call, nothing_left, pair
from tests.sip.test_peers import reply, scripted
from tests.sip.wire import ANSWER, OFFER, Phone, Wire

HOLD = OFFER + b"a=sendonly\r\n"
HELD = ANSWER + b"a=recvonly\r\n"
MUST = [("Require", "100rel")]


def progress(phone: Phone, event: Event, now: float) -> None:
    if isinstance(event, InviteReceived):
        phone.endpoint.ring(event.leg, now, status=183, sdp=ANSWER, reliable=True)
    elif isinstance(event, Offered):
        phone.endpoint.answer_offer(event.leg, HELD, now)


def early(react: object = progress) -> tuple[Phone, Phone, Wire, int, int]:
    """Return a call that both sides have described reliably, and nobody has answered."""
    ann, ben, wire = pair(react)  # type: ignore[arg-type]
    ann.react = progress
    leg = call(ann, ben, wire)
    wire.run(1)
    return ann, ben, wire, leg, ben.last(InviteReceived).leg


def test_a_reliable_response_is_repeated_until_its_prack() -> None:
    ann, ben, wire = pair(progress)
    lost = iter([True, True, False])
    wire.lose = lambda message: message.method == "PRACK" and next(lost, False)
    call(ann, ben, wire)
    wire.run(5)
    assert wire.said(ben.host).count("183 INVITE") > 1
    assert wire.said(ben.host).count("200 PRACK") == 1
    assert ann.kinds() == ["Progressed"]


def test_a_caller_who_cannot_acknowledge_is_not_asked_to() -> None:
    ann, ben, wire = pair(progress)
    call(ann, ben, wire, headers=[("Supported", "timer")])
    wire.run(2)
    assert wire.said(ann.host) == ["INVITE"]
    assert wire.said(ben.host) == ["100 INVITE", "183 INVITE"]


def test_a_caller_who_insists_gets_every_response_reliably_and_in_order() -> None:
    def ring(phone: Phone, event: Event, now: float) -> None:
        if isinstance(event, InviteReceived):
            phone.endpoint.ring(event.leg, now)
            phone.endpoint.ring(event.leg, now, status=181)
            phone.endpoint.ring(event.leg, now, status=183, sdp=ANSWER)

    ann, ben, wire = pair(ring)
    call(ann, ben, wire, headers=MUST)
    wire.run(2)
    assert [each.status for each in ann.all(Progressed)] == [180, 181, 183]
    assert wire.said(ann.host).count("PRACK") == 3
    numbers = [int(str(m.get("RSeq"))) for _, m in wire.seen if m.get("RSeq")]
    assert numbers == [numbers[0], numbers[0] + 1, numbers[0] + 2]


def test_a_response_nobody_acknowledges_ends_the_call() -> None:
    ann, ben, wire = pair(progress)
    wire.lose = lambda message: message.method == "PRACK"
    call(ann, ben, wire)
    wire.run(40)
    assert ben.last(Cancelled).reason.startswith("SIP;cause=504")
    assert ann.last(Failed).status == 504
    assert nothing_left(wire)


def test_the_200_waits_for_the_prack_of_a_description_and_brings_none_itself() -> None:
    def answer(phone: Phone, event: Event, now: float) -> None:
        if isinstance(event, InviteReceived):
            phone.endpoint.ring(event.leg, now, status=183, sdp=ANSWER, reliable=True)
            phone.endpoint.accept(event.leg, ANSWER, now)

    ann, ben, wire = pair(answer)
    leg = call(ann, ben, wire)
    wire.run(2)
    assert wire.said(ben.host) == ["100 INVITE", "183 INVITE", "200 PRACK", "200 INVITE"]
    assert wire.seen[-2][1].body == b""
    assert (ann.last(Answered).leg, ann.last(Answered).sdp) == (leg, ANSWER)
    assert ben.kinds()[-1] == "Confirmed"


def test_the_200_does_not_wait_for_the_prack_of_a_mere_ring() -> None:
    def answer(phone: Phone, event: Event, now: float) -> None:
        if isinstance(event, InviteReceived):
            phone.endpoint.ring(event.leg, now, reliable=True)
            phone.endpoint.accept(event.leg, ANSWER, now)

    ann, ben, wire = pair(answer)
    call(ann, ben, wire)
    wire.run(5)
    assert wire.said(ben.host)[:3] == ["100 INVITE", "180 INVITE", "200 INVITE"]
    assert wire.said(ben.host).count("180 INVITE") == 1
    assert ann.last(Answered).sdp == ANSWER


def test_an_offer_of_ours_before_the_answer_is_answered_in_the_prack() -> None:
    endpoint, sent, flow = scripted()
    invite = Message(method="INVITE", uri="sip:carillon@10.0.0.1")
    for name, value in (
        ("Via", "SIP/2.0/UDP 10.0.0.2:5060;branch=z9hG4bKlate"),
        ("From", "<sip:ben@acme.example>;tag=b"),
        ("To", "<sip:ann@acme.example>"),
        ("Call-ID", "late"),
        ("CSeq", "1 INVITE"),
        ("Contact", "<sip:ben@10.0.0.2>"),
        ("Supported", "100rel"),
    ):
        invite.set(name, value)
    endpoint.receive(invite.write(), flow, 0.0)
    events = []
    while (output := endpoint.next_output()) is not None:
        events.append(output)
    received = next(event for event in events if isinstance(event, InviteReceived))
    endpoint.ring(received.leg, 0.0, status=183, sdp=OFFER, reliable=True)
    (offer,) = sent()
    prack = Message(method="PRACK", uri="sip:carillon@10.0.0.1", body=ANSWER)
    for name, value in (
        ("Via", "SIP/2.0/UDP 10.0.0.2:5060;branch=z9hG4bKprack"),
        ("From", "<sip:ben@acme.example>;tag=b"),
        ("To", offer.get("To") or ""),
        ("Call-ID", "late"),
        ("CSeq", "2 PRACK"),
        ("RAck", f"{offer.get('RSeq')} 1 INVITE"),
        ("Content-Type", "application/sdp"),
    ):
        prack.set(name, value)
    endpoint.receive(prack.write(), flow, 0.1)
    assert endpoint.next_output() is not None  # the 200
    assert endpoint.next_output() == OfferAnswered(received.leg, ANSWER)
    endpoint.accept(received.leg, OFFER, 0.2)
    (ok,) = sent()
    assert (ok.status, ok.body) == (200, b"")


@pytest.mark.parametrize("rack", ["1 1 INVITE", "x", "", "99999999999999999999 1 INVITE"])
def test_a_prack_of_nothing_is_refused(rack: str) -> None:
    _, ben, wire, *_ = early()
    prack = next(message for _, message in wire.seen if message.method == "PRACK")
    prack.set("Via", "SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bKother")
    prack.set("CSeq", "9 PRACK")
    prack.set("RAck", rack)
    ben.endpoint.receive(prack.write(), Phone("10.0.0.1").flow, wire.now)
    wire.run(1)
    assert wire.said(ben.host)[-1] == "481 PRACK"


def test_what_was_described_can_be_changed_before_the_answer_from_both_sides() -> None:
    ann, ben, wire, leg, theirs = early()
    ann.endpoint.reoffer(leg, HOLD, wire.now)
    wire.run(1)
    assert ben.last(Offered) == Offered(theirs, HOLD, "UPDATE")
    assert ann.events[-1] == OfferAnswered(leg, HELD)
    ben.endpoint.reoffer(theirs, OFFER, wire.now)
    wire.run(1)
    assert ann.last(Offered) == Offered(leg, OFFER, "UPDATE")
    assert ben.events[-1] == OfferAnswered(theirs, HELD)
    ben.endpoint.accept(theirs, ANSWER, wire.now)
    wire.run(1)
    assert ann.last(Answered).sdp == OFFER  # what Ben described last
    ann.endpoint.hang_up(leg, wire.now)
    assert nothing_left(wire)


def test_a_change_before_anything_is_settled_waits_for_the_answer() -> None:
    def ring(phone: Phone, event: Event, now: float) -> None:
        if isinstance(event, InviteReceived):
            phone.endpoint.ring(event.leg, now)

    ann, ben, wire, leg, theirs = early(ring)
    ben.react = progress
    ann.endpoint.reoffer(leg, HOLD, wire.now)
    wire.run(1)
    assert ben.all(Offered) == []
    ben.endpoint.accept(theirs, ANSWER, wire.now)
    wire.run(1)
    assert ben.last(Offered).method == "INVITE"
    assert ann.events[-1] == OfferAnswered(leg, HELD)


def test_a_change_before_the_answer_can_be_refused() -> None:
    ann, ben, wire, leg, theirs = early()
    ben.react = None
    ann.endpoint.reoffer(leg, HOLD, wire.now)
    wire.run(1)
    ben.endpoint.refuse_offer(theirs, 488, wire.now)
    wire.run(1)
    assert ann.events[-1] == OfferRefused(leg, 488)
    assert ann.endpoint.leg_state(leg) == "early"


def test_changes_that_cross_before_the_answer_are_both_sent_away() -> None:
    ann, ben, wire, leg, theirs = early()
    ann.endpoint.reoffer(leg, HOLD, wire.now)
    ben.endpoint.reoffer(theirs, HOLD, wire.now)
    wire.run(10)
    assert ann.events[-1] == OfferRefused(leg, 491)
    assert ben.events[-1] == OfferRefused(theirs, 491)


def test_an_answer_that_meets_an_unanswered_change_waits_for_it() -> None:
    ann, ben, wire, leg, theirs = early()
    ben.react = None
    ann.endpoint.reoffer(leg, HOLD, wire.now)
    wire.run(1)
    ben.endpoint.accept(theirs, ANSWER, wire.now)
    wire.run(1)
    assert ann.all(Answered) == []
    ben.endpoint.answer_offer(theirs, HELD, wire.now)
    wire.run(1)
    assert ann.last(Answered).sdp == HELD
    assert ben.kinds()[-1] == "Confirmed"


def reliable(invite: Message, tag: str, rseq: int, status: int = 183) -> bytes:
    return reply(invite, status, tag, Require="100rel", RSeq=str(rseq))


def test_each_fork_is_counted_by_itself_and_a_gap_is_not_acknowledged() -> None:
    endpoint, sent, flow = scripted()
    endpoint.invite("sip:ben@10.0.0.2", flow, 0.0, from_="sip:ann@a", sdp=OFFER)
    (invite,) = sent()
    order = [("b", 7), ("c", 90), ("b", 8), ("b", 8), ("c", 92), ("c", 91), ("b", 9)]
    for tag, rseq in order:
        endpoint.receive(reliable(invite, tag, rseq), flow, 0.1)
    pracks = [(str(m.get("To"))[-1], str(m.get("RAck")).split()[0]) for m in sent()]
    assert pracks == [("b", "7"), ("c", "90"), ("b", "8"), ("c", "91"), ("b", "9")]


def test_the_fork_that_answers_goes_on_with_its_own_numbers() -> None:
    endpoint, sent, flow = scripted()
    leg = endpoint.invite("sip:ben@10.0.0.2", flow, 0.0, from_="sip:ann@a", sdp=OFFER)
    (invite,) = sent()
    for tag in ("b", "c"):
        endpoint.receive(reliable(invite, tag, 7), flow, 0.1)
    sent()
    described = parse(reply(invite, 200, "b", Content_Type="application/sdp"))
    described.body = ANSWER
    endpoint.receive(described.write(), flow, 0.2)
    sent()
    endpoint.hang_up(leg, 0.3)
    (bye,) = sent()
    assert (str(bye.get("To"))[-1], bye.get("CSeq")) == ("b", "3 BYE")


def test_endless_forks_before_the_answer_are_not_remembered_for_ever() -> None:
    endpoint, sent, flow = scripted()
    endpoint.invite("sip:ben@10.0.0.2", flow, 0.0, from_="sip:ann@a", sdp=OFFER)
    (invite,) = sent()
    for number in range(100):
        endpoint.receive(reliable(invite, f"t{number}", 1), flow, 0.1)
    assert len(sent()) <= 16


@pytest.mark.parametrize("seed", range(25))
def test_over_a_lossy_wire_an_early_description_and_its_answer_get_through(seed: int) -> None:
    def answer(phone: Phone, event: Event, now: float) -> None:
        if isinstance(event, InviteReceived):
            phone.endpoint.ring(event.leg, now, reliable=True)
            phone.endpoint.ring(event.leg, now, status=183, sdp=ANSWER, reliable=True)
            phone.endpoint.accept(event.leg, ANSWER, now)

    ann, ben = Phone("10.0.0.1"), Phone("10.0.0.2")
    ben.react = answer
    wire = Wire(ann, ben, seed=seed, loss=0.25, twice=0.2)
    wire.jitter = 0.4
    leg = call(ann, ben, wire)
    wire.run(60)
    assert [(each.leg, each.sdp) for each in ann.all(Answered)] == [(leg, ANSWER)]
    assert len(ben.all(Confirmed)) == 1
    ann.endpoint.hang_up(leg, wire.now)
    assert nothing_left(wire)


@pytest.mark.parametrize("seed", range(20))
def test_over_a_lossy_wire_changes_before_the_answer_end_alike_on_both_sides(seed: int) -> None:
    ann, ben = Phone("10.0.0.1"), Phone("10.0.0.2")
    ann.react = ben.react = progress
    wire = Wire(ann, ben, seed=seed, loss=0.2, twice=0.2)
    wire.jitter = 0.3
    leg = call(ann, ben, wire)
    wire.run(20)
    theirs = ben.last(InviteReceived).leg
    for phone, number in ((ann, leg), (ben, theirs), (ann, leg)):
        phone.endpoint.reoffer(number, HOLD, wire.now)
        wire.run(20)
        assert phone.all(OfferAnswered)[-1] == OfferAnswered(number, HELD)
    assert [len(phone.all(OfferAnswered)) for phone in (ann, ben)] == [2, 1]
    assert [each.method for each in (*ann.all(Offered), *ben.all(Offered))] == ["UPDATE"] * 3
    ben.endpoint.accept(theirs, ANSWER, wire.now)
    wire.run(40)
    assert (ann.endpoint.leg_state(leg), ben.endpoint.leg_state(theirs)) == ("confirmed",) * 2
    ann.endpoint.hang_up(leg, wire.now)
    assert nothing_left(wire)

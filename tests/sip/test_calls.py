"""Calls between endpoints over a pretend wire: ring, answer, refuse, cancel, hang up, and what gets lost."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from carillon.sip.endpoint import (
    Answered,
    Cancelled,
    Event,
    Failed,
    HungUp,
    InviteReceived,
    Progressed,
    RequestReceived,
    ResponseReceived,
)
from carillon.sip.errors import LocalError
from carillon.sip.timers import T1
from tests.sip.wire import ANSWER, OFFER, Phone, Wire, brief

React = Callable[[Phone, Event, float], None]


def pair(react: React | None = None, transport: str = "udp") -> tuple[Phone, Phone, Wire]:
    ann, ben = Phone("10.0.0.1", transport), Phone("10.0.0.2", transport)
    ben.react = react
    return ann, ben, Wire(ann, ben)


def call(ann: Phone, ben: Phone, wire: Wire, **more: object) -> int:
    options: dict[str, object] = {"from_": "sip:ann@acme.example", "sdp": OFFER} | more
    return ann.endpoint.invite(f"sip:ben@{ben.host}", ben.flow, wire.now, **options)  # type: ignore[arg-type]


def answer_at_once(phone: Phone, event: Event, now: float) -> None:
    if isinstance(event, InviteReceived):
        phone.endpoint.ring(event.leg, now)
        phone.endpoint.accept(event.leg, ANSWER, now)


def ring_only(phone: Phone, event: Event, now: float) -> None:
    if isinstance(event, InviteReceived):
        phone.endpoint.ring(event.leg, now)


def connected(transport: str = "udp") -> tuple[Phone, Phone, Wire, int, int]:
    ann, ben, wire = pair(answer_at_once, transport)
    leg = call(ann, ben, wire)
    wire.run(1)
    invite = ben.last(InviteReceived)
    assert isinstance(invite, InviteReceived)
    return ann, ben, wire, leg, invite.leg


def nothing_left(wire: Wire) -> bool:
    wire.run(200)
    return all(
        phone.endpoint.legs == 0
        and phone.endpoint.transactions == 0
        and phone.endpoint.timer_at is None
        for phone in wire.phones.values()
    )


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_call_is_fourteen_messages_for_two_legs(transport: str) -> None:
    ann, ben, wire, leg, _ = connected(transport)
    ann.endpoint.hang_up(leg, wire.now)
    wire.run(1)
    assert wire.said(ann.host) == ["INVITE", "ACK", "BYE"]
    assert wire.said(ben.host) == ["100 INVITE", "180 INVITE", "200 INVITE", "200 BYE"]
    assert ann.kinds() == ["Progressed", "Answered"]
    assert ben.kinds() == ["InviteReceived", "Confirmed", "HungUp"]
    assert nothing_left(wire)


def test_the_answer_brings_the_session_description() -> None:
    ann, *_ = connected()
    answered = ann.last(Answered)
    assert isinstance(answered, Answered)
    assert answered.sdp == ANSWER


def test_the_callee_can_hang_up_and_say_why() -> None:
    ann, ben, wire, _, theirs = connected()
    ben.endpoint.hang_up(theirs, wire.now, reason='Q.850;cause=16;text="Bye"')
    assert nothing_left(wire)
    hung_up = ann.last(HungUp)
    assert isinstance(hung_up, HungUp)
    assert hung_up.reason == 'Q.850;cause=16;text="Bye"'


def test_early_media_is_told_with_its_description() -> None:
    def progress(phone: Phone, event: Event, now: float) -> None:
        if isinstance(event, InviteReceived):
            phone.endpoint.ring(event.leg, now, status=183, sdp=ANSWER)

    ann, ben, wire = pair(progress)
    call(ann, ben, wire)
    wire.run(1)
    progressed = ann.last(Progressed)
    assert isinstance(progressed, Progressed)
    assert (progressed.status, progressed.sdp) == (183, ANSWER)


def test_a_refusal_is_told_and_acknowledged() -> None:
    def refuse(phone: Phone, event: Event, now: float) -> None:
        if isinstance(event, InviteReceived):
            phone.endpoint.refuse(event.leg, 486, now, headers=[("X-Why", "lunch")])

    ann, ben, wire = pair(refuse)
    leg = call(ann, ben, wire)
    wire.run(1)
    failed = ann.last(Failed)
    assert isinstance(failed, Failed)
    assert (failed.leg, failed.status, failed.reason) == (leg, 486, "Busy Here")
    assert failed.message is not None
    assert failed.message.get("X-Why") == "lunch"
    assert wire.said(ann.host) == ["INVITE", "ACK"]
    assert nothing_left(wire)


def test_a_refusal_below_300_is_our_own_mistake() -> None:
    ann, *_ = pair()
    with pytest.raises(LocalError):
        ann.endpoint.refuse(1, 200, 0.0)


def test_an_invite_lost_on_the_wire_is_sent_again_after_t1() -> None:
    ann, ben, wire = pair(ring_only)
    wire.lose = lambda message: len(wire.seen) == 1
    call(ann, ben, wire)
    wire.run(T1 - 0.1)
    assert wire.said(ann.host) == ["INVITE"]
    wire.run(0.2)
    assert wire.said(ann.host) == ["INVITE", "INVITE"]
    assert ben.kinds() == ["InviteReceived"]


def test_an_invite_to_a_silent_peer_is_sent_seven_times_in_32_seconds_then_fails() -> None:
    ann, ben, wire = pair()
    wire.lose = lambda message: True
    call(ann, ben, wire)
    wire.run(31.9)
    assert wire.said(ann.host) == ["INVITE"] * 7
    assert ann.kinds() == []
    wire.run(1)
    failed = ann.last(Failed)
    assert isinstance(failed, Failed)
    assert (failed.status, failed.message) == (408, None)
    assert nothing_left(wire)


def test_over_tcp_nothing_is_sent_twice_but_the_call_still_fails_in_time() -> None:
    ann, ben, wire = pair(transport="tcp")
    wire.lose = lambda message: True
    call(ann, ben, wire)
    wire.run(33)
    assert wire.said(ann.host) == ["INVITE"]
    assert ann.kinds() == ["Failed"]


def test_a_phone_may_ring_for_minutes() -> None:
    ann, ben, wire = pair(ring_only)
    call(ann, ben, wire)
    wire.run(600)
    assert ann.kinds()[-1] == "Progressed"


def test_a_waiting_caller_is_reminded_every_minute() -> None:
    ann, ben, wire = pair(ring_only)
    call(ann, ben, wire)
    wire.run(125)
    assert wire.said(ben.host) == ["100 INVITE", "180 INVITE", "180 INVITE", "180 INVITE"]


def test_the_200_is_repeated_until_the_ack_arrives() -> None:
    ann, ben, wire = pair(answer_at_once)
    acks = iter([True, True, True, False])
    wire.lose = lambda message: message.method == "ACK" and next(acks)
    call(ann, ben, wire)
    wire.run(10)
    assert wire.said(ben.host).count("200 INVITE") == 4
    assert ann.kinds().count("Answered") == 1
    assert ben.kinds() == ["InviteReceived", "Confirmed"]


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_200_that_is_never_acknowledged_ends_the_call(transport: str) -> None:
    ann, ben, wire = pair(answer_at_once, transport)
    wire.lose = lambda message: message.method == "ACK"
    call(ann, ben, wire)
    wire.run(60)
    hung_up = ben.last(HungUp)
    assert isinstance(hung_up, HungUp)
    assert hung_up.reason == "no-ack"
    assert ann.kinds()[-1] == "HungUp"
    assert nothing_left(wire)


def test_hanging_up_an_answered_leg_waits_for_the_ack() -> None:
    def answer_and_leave(phone: Phone, event: Event, now: float) -> None:
        if isinstance(event, InviteReceived):
            phone.endpoint.accept(event.leg, ANSWER, now)
            phone.endpoint.hang_up(event.leg, now)

    ann, ben, wire = pair(answer_and_leave)
    call(ann, ben, wire)
    wire.run(2)
    assert [brief(message) for _, message in wire.seen] == [
        *("INVITE", "100 INVITE", "200 INVITE", "ACK", "BYE", "200 BYE")
    ]
    assert ben.kinds() == ["InviteReceived"]
    assert nothing_left(wire)


def test_hanging_up_a_ringing_leg_cancels_it() -> None:
    ann, ben, wire = pair(ring_only)
    leg = call(ann, ben, wire)
    wire.run(1)
    reason = 'SIP;cause=200;text="Call completed elsewhere"'
    ann.endpoint.hang_up(leg, wire.now, reason=reason)
    wire.run(1)
    assert wire.said(ann.host) == ["INVITE", "CANCEL", "ACK"]
    assert sorted(wire.said(ben.host)[2:]) == ["200 CANCEL", "487 INVITE"]
    cancelled = ben.last(Cancelled)
    assert isinstance(cancelled, Cancelled)
    assert cancelled.reason == reason
    assert ann.kinds() == ["Progressed"]
    assert nothing_left(wire)


def test_a_cancel_waits_for_the_first_provisional_response() -> None:
    ann, ben, wire = pair(ring_only)
    leg = call(ann, ben, wire)
    ann.endpoint.hang_up(leg, wire.now)
    wire.drain()
    assert wire.said(ann.host) == ["INVITE"]
    wire.run(1)
    assert wire.said(ann.host) == ["INVITE", "CANCEL", "ACK"]
    assert ben.kinds() == ["InviteReceived", "Cancelled"]
    assert ann.kinds() == []
    assert nothing_left(wire)


def test_a_200_that_crosses_our_cancel_is_acknowledged_and_ended() -> None:
    ann, ben, wire = pair(ring_only)
    leg = call(ann, ben, wire)
    wire.run(1)
    invite = ben.last(InviteReceived)
    assert isinstance(invite, InviteReceived)
    ben.endpoint.accept(invite.leg, ANSWER, wire.now)
    ann.endpoint.hang_up(leg, wire.now)
    wire.run(1)
    assert wire.said(ann.host) == ["INVITE", "CANCEL", "ACK", "BYE"]
    assert ben.kinds()[-1] == "HungUp"
    assert ann.kinds() == ["Progressed"]
    assert nothing_left(wire)


def test_a_cancel_nobody_heeds_ends_after_32_seconds() -> None:
    ann, ben, wire = pair(ring_only)
    leg = call(ann, ben, wire)
    wire.run(1)
    wire.lose = lambda message: True
    ann.endpoint.hang_up(leg, wire.now)
    wire.run(33)
    assert ann.endpoint.legs == 0


def test_hanging_up_a_leg_that_is_gone_does_nothing() -> None:
    ann, _, wire, leg, _ = connected()
    ann.endpoint.hang_up(leg, wire.now)
    before = len(wire.seen)
    ann.endpoint.hang_up(leg, wire.now)
    ann.endpoint.reoffer(leg, OFFER, wire.now)
    ann.endpoint.hang_up(4711, wire.now)
    wire.drain()
    assert len(wire.seen) == before + 1


def test_the_hang_up_of_an_unanswered_caller_is_a_refusal() -> None:
    ann, ben, wire = pair()
    call(ann, ben, wire)
    wire.run(1)
    invite = ben.last(InviteReceived)
    assert isinstance(invite, InviteReceived)
    ben.endpoint.hang_up(invite.leg, wire.now, status=603)
    wire.run(1)
    failed = ann.last(Failed)
    assert isinstance(failed, Failed)
    assert failed.status == 603


def test_a_caller_hears_nothing_of_a_leg_it_cancelled() -> None:
    ann, ben, wire = pair(ring_only)
    leg = call(ann, ben, wire)
    ann.endpoint.hang_up(leg, wire.now)
    wire.run(200)
    assert ann.events == []


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_request_outside_a_call_gets_its_response(transport: str) -> None:
    def respond(phone: Phone, event: Event, now: float) -> None:
        if isinstance(event, RequestReceived):
            phone.endpoint.respond(event.transaction, 200, now, headers=[("X-Load", "3")])

    ann, ben, wire = pair(respond, transport)
    number = ann.endpoint.request(
        "OPTIONS", "sip:10.0.0.2", ben.flow, 0.0, from_="sip:ann@a", to="sip:10.0.0.2"
    )
    wire.run(1)
    (event,) = ann.events
    assert isinstance(event, ResponseReceived)
    assert (event.transaction, event.status) == (number, 200)
    assert event.message is not None
    assert event.message.get("X-Load") == "3"
    assert nothing_left(wire)


def test_a_request_nobody_answers_is_sent_eleven_times_and_gets_408() -> None:
    ann, ben, wire = pair()
    wire.lose = lambda message: True
    ann.endpoint.request("OPTIONS", "sip:x", ben.flow, 0.0, from_="sip:ann@a", to="sip:x")
    wire.run(33)
    assert wire.said(ann.host) == ["OPTIONS"] * 11
    (event,) = ann.events
    assert isinstance(event, ResponseReceived)
    assert (event.status, event.message) == (408, None)


def test_a_response_is_repeated_for_half_a_minute_after_it_was_given() -> None:
    ann, ben, wire = pair()
    ann.endpoint.request("OPTIONS", "sip:x", ben.flow, 0.0, from_="sip:ann@a", to="sip:x")
    wire.run(10)
    (received,) = ben.events
    assert isinstance(received, RequestReceived)
    wire.lose = lambda message: message.status == 200 and wire.now < 31
    ben.endpoint.respond(received.transaction, 200, wire.now)
    wire.run(25)
    assert ann.kinds() == ["ResponseReceived"]
    assert len(ben.events) == 1


def test_over_tcp_no_echo_is_waited_for() -> None:
    ann, ben, wire, leg, _ = connected("tcp")
    ben.endpoint.request("OPTIONS", "sip:x", ann.flow, wire.now, from_="sip:b@b", to="sip:x")
    wire.run(1)
    (options,) = (event for event in ann.events if isinstance(event, RequestReceived))
    ann.endpoint.respond(options.transaction, 200, wire.now)
    ann.endpoint.hang_up(leg, wire.now)
    wire.run(1)
    # Only the INVITE is kept, for the 2xx of other forks (RFC 6026 §7.2).
    assert (ann.endpoint.transactions, ben.endpoint.transactions) == (1, 1)


def test_a_request_the_switch_never_answers_is_forgotten() -> None:
    ann, ben, wire = pair()
    ann.endpoint.request("OPTIONS", "sip:x", ben.flow, 0.0, from_="sip:ann@a", to="sip:x")
    assert nothing_left(wire)
    received = ben.last(RequestReceived)
    assert isinstance(received, RequestReceived)
    ben.endpoint.respond(received.transaction, 200, wire.now)
    assert ben.endpoint.next_output() is None


def test_above_the_limit_new_calls_are_turned_away_and_old_ones_go_on() -> None:
    ann, ben = Phone("10.0.0.1"), Phone("10.0.0.2", max_transactions=3)
    ben.react = ring_only
    wire = Wire(ann, ben)
    for _ in range(5):
        call(ann, ben, wire)
    wire.run(0.1)
    assert wire.said(ben.host).count("503 INVITE") == 2
    refused = next(m for _, m in wire.seen if m.status == 503)
    assert refused.get("Retry-After") == "10"
    legs = [event.leg for event in ben.events if isinstance(event, InviteReceived)]
    assert len(legs) == 3
    for leg in legs:
        ben.endpoint.accept(leg, ANSWER, wire.now)
    wire.run(1)
    assert ann.kinds().count("Answered") == 3


def test_the_switch_cannot_write_what_the_endpoint_writes() -> None:
    ann, ben, wire = pair()
    for header in (("Via", "x"), ("v", "x"), ("call-id", "x"), ("bad name", "x")):
        with pytest.raises(LocalError):
            call(ann, ben, wire, headers=[header])
    with pytest.raises(LocalError):
        ann.endpoint.invite("mailto:x", ben.flow, 0.0, from_="sip:a@b", sdp=b"")
    assert (ann.endpoint.legs, ann.endpoint.transactions) == (0, 0)

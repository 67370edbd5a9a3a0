"""Calls between endpoints over a pretend wire: ring, answer, refuse, cancel, hang up, and what gets lost."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from carillon.sip.endpoint import (
    Answered,
    Cancelled,
    Credentials,
    Endpoint,
    Event,
    Failed,
    Flow,
    HungUp,
    InviteReceived,
    Progressed,
    RequestReceived,
    ResponseReceived,
    Send,
)
from carillon.sip.errors import LocalError
from carillon.sip.message import Message, parse
from carillon.sip.timers import T1
from tests.sip.wire import ANSWER, OFFER, Phone, Wire, brief, tokens

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


def scripted() -> tuple[Endpoint, Callable[[], list[Message]], Flow]:
    """Return an endpoint, what it sends when asked, and where it sends it."""
    endpoint = Endpoint(host="10.0.0.1", port=5060, tokens=tokens("scripted"))

    def sent() -> list[Message]:
        out: list[Message] = []
        while (output := endpoint.next_output()) is not None:
            if isinstance(output, Send):
                out.append(parse(output.data))
        return out

    return endpoint, sent, Flow("udp", "10.0.0.2", 5060)


def reply(request: Message, status: int, tag: str, **headers: str) -> bytes:
    response = request.response(status, to_tag=tag)
    response.set("Contact", "<sip:ben@10.0.0.2>")
    for name, value in headers.items():
        response.set(name.replace("_", "-"), value)
    return response.write()


def test_a_second_fork_that_answers_is_acknowledged_and_sent_away() -> None:
    endpoint, sent, flow = scripted()
    endpoint.invite("sip:ben@10.0.0.2", flow, 0.0, from_="sip:ann@a", sdp=OFFER)
    (invite,) = sent()
    endpoint.receive(reply(invite, 200, "one"), flow, 0.1)
    assert [brief(message) for message in sent()] == ["ACK"]
    endpoint.receive(reply(invite, 200, "two"), flow, 0.2)
    ack, bye = sent()
    assert (brief(ack), brief(bye)) == ("ACK", "BYE")
    assert str(bye.get("To")).endswith("tag=two")
    endpoint.receive(reply(invite, 200, "two"), flow, 0.3)
    endpoint.receive(reply(invite, 200, "one"), flow, 0.3)
    assert [brief(message) for message in sent()] == ["ACK", "ACK"]
    assert endpoint.legs == 1


def test_endless_forks_are_not_followed_for_ever() -> None:
    endpoint, sent, flow = scripted()
    endpoint.invite("sip:ben@10.0.0.2", flow, 0.0, from_="sip:ann@a", sdp=OFFER)
    (invite,) = sent()
    for number in range(100):
        endpoint.receive(reply(invite, 200, f"tag{number}"), flow, 0.1)
    assert [brief(message) for message in sent()].count("ACK") == 16


def test_requests_within_the_call_follow_the_recorded_route() -> None:
    endpoint, sent, flow = scripted()
    leg = endpoint.invite("sip:ben@10.0.0.2", flow, 0.0, from_="sip:ann@a", sdp=OFFER)
    (invite,) = sent()
    routes = "<sip:10.0.0.7;lr>, <sip:10.0.0.8:5070;lr>"
    endpoint.receive(reply(invite, 200, "one", Record_Route=routes), flow, 0.1)
    while (output := endpoint.next_output()) is not None:
        if isinstance(output, Send):
            ack, way = parse(output.data), output.flow
    assert ack.uri == "sip:ben@10.0.0.2"
    assert ack.all("Route") == ["<sip:10.0.0.8:5070;lr>", "<sip:10.0.0.7;lr>"]
    assert way == Flow("udp", "10.0.0.8", 5070)
    endpoint.hang_up(leg, 1.0)
    (bye,) = sent()
    assert bye.all("Route") == ack.all("Route")


def test_a_strict_router_becomes_the_request_uri() -> None:
    endpoint, sent, flow = scripted()
    endpoint.invite("sip:ben@10.0.0.2", flow, 0.0, from_="sip:ann@a", sdp=OFFER)
    (invite,) = sent()
    endpoint.receive(reply(invite, 200, "one", Record_Route="<sip:10.0.0.7>"), flow, 0.1)
    (ack,) = sent()
    assert (ack.uri, ack.all("Route")) == ("sip:10.0.0.7", ["<sip:ben@10.0.0.2>"])


def test_a_phone_behind_nat_is_reached_where_it_was_heard() -> None:
    endpoint, _, _ = scripted()
    outside = Flow("udp", "203.0.113.9", 40123)
    leg = endpoint.invite("sip:ben@192.168.1.5:5060", outside, 0.0, from_="sip:ann@a", sdp=OFFER)
    send = endpoint.next_output()
    assert isinstance(send, Send)
    response = parse(send.data).response(200, to_tag="b")
    response.set("Contact", "<sip:ben@192.168.1.5:5060>")
    endpoint.receive(response.write(), outside, 0.1)
    endpoint.hang_up(leg, 0.2)
    flows = []
    while (output := endpoint.next_output()) is not None:
        flows += [output.flow] if isinstance(output, Send) else []
    assert flows == [outside, outside]


def test_a_contact_in_a_private_network_is_not_followed_from_outside() -> None:
    endpoint, _, _ = scripted()
    outside = Flow("udp", "8.8.4.4", 5060)
    leg = endpoint.invite("sip:ben@8.8.4.4", outside, 0.0, from_="sip:ann@a", sdp=OFFER)
    for contact, expected in (("<sip:b@192.168.1.5>", "8.8.4.4"), ("<sip:b@8.8.8.8>", "8.8.8.8")):
        send = endpoint.next_output()
        assert isinstance(send, Send)
        response = parse(send.data).response(200, to_tag="b")
        response.set("Contact", contact)
        endpoint.receive(response.write(), outside, 0.1)
        ack = endpoint.next_output()
        assert isinstance(ack, Send)
        assert ack.flow.host == expected
        while endpoint.next_output() is not None:
            pass
        endpoint.hang_up(leg, 0.2)
        while endpoint.next_output() is not None:
            pass
        leg = endpoint.invite("sip:ben@8.8.4.4", outside, 0.0, from_="sip:ann@a", sdp=OFFER)


def test_a_call_hung_up_before_its_challenge_is_not_placed_again() -> None:
    endpoint, sent, flow = scripted()
    ann = Credentials("ann", "secret")
    leg = endpoint.invite(
        "sip:ben@10.0.0.2", flow, 0.0, from_="sip:ann@a", sdp=OFFER, credentials=ann
    )
    (invite,) = sent()
    endpoint.hang_up(leg, 0.05)
    challenge = 'Digest realm="carrier", nonce="abc", qop="auth"'
    endpoint.receive(reply(invite, 407, "x", Proxy_Authenticate=challenge), flow, 0.1)
    assert [brief(message) for message in sent()] == ["ACK"]
    assert endpoint.legs == 0


def test_a_cancel_after_a_challenge_waits_for_the_second_invites_progress() -> None:
    endpoint, sent, flow = scripted()
    ann = Credentials("ann", "secret")
    leg = endpoint.invite(
        "sip:ben@10.0.0.2", flow, 0.0, from_="sip:ann@a", sdp=OFFER, credentials=ann
    )
    (invite,) = sent()
    challenge = 'Digest realm="carrier", nonce="abc", qop="auth"'
    endpoint.receive(reply(invite, 100, ""), flow, 0.1)
    endpoint.receive(reply(invite, 407, "x", Proxy_Authenticate=challenge), flow, 0.1)
    _, again = sent()
    endpoint.hang_up(leg, 0.2)
    assert sent() == []
    endpoint.receive(reply(again, 180, "b"), flow, 0.3)
    (cancel,) = sent()
    assert (cancel.method, cancel.get("Via"), cancel.get("CSeq")) == (
        "CANCEL",
        again.get("Via"),
        "2 CANCEL",
    )


def test_a_reliable_provisional_response_gets_its_prack() -> None:
    endpoint, sent, flow = scripted()
    endpoint.invite("sip:ben@10.0.0.2", flow, 0.0, from_="sip:ann@a", sdp=OFFER)
    (invite,) = sent()
    endpoint.receive(reply(invite, 183, "b", Require="100rel", RSeq="776"), flow, 0.1)
    (prack,) = sent()
    assert (prack.method, prack.get("RAck")) == ("PRACK", "776 1 INVITE")
    endpoint.receive(reply(invite, 183, "b", Require="100rel", RSeq="776"), flow, 0.2)
    assert sent() == []
    endpoint.receive(reply(invite, 200, "b"), flow, 0.3)
    (ack,) = sent()
    assert ack.get("CSeq") == "1 ACK"


def test_an_answer_given_early_and_reliably_counts_for_the_200() -> None:
    endpoint, sent, flow = scripted()
    endpoint.invite("sip:ben@10.0.0.2", flow, 0.0, from_="sip:ann@a", sdp=OFFER)
    (invite,) = sent()
    early = parse(reply(invite, 183, "b", Content_Type="application/sdp"))
    early.body = ANSWER
    endpoint.receive(early.write(), flow, 0.1)
    endpoint.receive(reply(invite, 200, "b"), flow, 0.2)
    events = []
    while (output := endpoint.next_output()) is not None:
        events += [output] if isinstance(output, Answered) else []
    assert [event.sdp for event in events] == [ANSWER]


def test_an_answer_we_cannot_follow_fails_the_call() -> None:
    endpoint, sent, flow = scripted()
    endpoint.invite("sip:ben@10.0.0.2", flow, 0.0, from_="sip:ann@a", sdp=OFFER)
    (invite,) = sent()
    endpoint.receive(reply(invite, 200, "b", Record_Route='"<sip:x'), flow, 0.1)
    assert endpoint.legs == 0


def test_a_challenged_invite_is_sent_again_with_credentials() -> None:
    endpoint, sent, flow = scripted()
    endpoint.invite(
        "sip:ben@10.0.0.2",
        flow,
        0.0,
        from_="sip:ann@a",
        sdp=OFFER,
        credentials=Credentials("ann", "secret"),
    )
    (invite,) = sent()
    challenge = 'Digest realm="carrier", nonce="abc", qop="auth", algorithm=MD5'
    endpoint.receive(reply(invite, 407, "x", Proxy_Authenticate=challenge), flow, 0.1)
    ack, again = sent()
    assert (brief(ack), brief(again), again.get("CSeq")) == ("ACK", "INVITE", "2 INVITE")
    assert again.get("Call-ID") == invite.get("Call-ID")
    assert again.get("Via") != invite.get("Via")
    assert 'realm="carrier"' in (again.get("Proxy-Authorization") or "")
    endpoint.receive(reply(again, 200, "b"), flow, 0.2)
    (ack,) = sent()
    assert ack.get("Proxy-Authorization") == again.get("Proxy-Authorization")
    assert ack.get("CSeq") == "2 ACK"


def test_a_wrong_password_fails_at_the_second_challenge() -> None:
    endpoint, sent, flow = scripted()
    wrong = Credentials("ann", "wrong")
    endpoint.invite("sip:ben@10.0.0.2", flow, 0.0, from_="sip:ann@a", sdp=OFFER, credentials=wrong)
    challenge = 'Digest realm="carrier", nonce="abc", qop="auth"'
    (invite,) = sent()
    endpoint.receive(reply(invite, 401, "x", WWW_Authenticate=challenge), flow, 0.1)
    _, again = sent()
    endpoint.receive(reply(again, 401, "x", WWW_Authenticate=challenge), flow, 0.2)
    assert (endpoint.legs, [brief(m) for m in sent()]) == (0, ["ACK"])


def test_a_broken_connection_fails_what_waits_on_it_and_nothing_else() -> None:
    endpoint, sent, _ = scripted()
    broken, other = Flow("tcp", "10.0.0.2", 5060, 1), Flow("tcp", "10.0.0.2", 5060, 2)
    endpoint.invite("sip:ben@10.0.0.2", broken, 0.0, from_="sip:ann@a", sdp=OFFER)
    endpoint.invite("sip:ben@10.0.0.2", other, 0.0, from_="sip:ann@a", sdp=OFFER)
    sent()
    endpoint.flow_failed(broken, 1.0)
    failed = endpoint.next_output()
    assert isinstance(failed, Failed)
    assert (failed.status, endpoint.legs, endpoint.next_output()) == (503, 1, None)


def test_a_request_outside_a_call_gets_its_response() -> None:
    def respond(phone: Phone, event: Event, now: float) -> None:
        if isinstance(event, RequestReceived):
            phone.endpoint.respond(event.transaction, 200, now, headers=[("X-Load", "3")])

    ann, ben, wire = pair(respond)
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


def test_a_request_the_switch_never_answers_is_forgotten() -> None:
    ann, ben, wire = pair()
    ann.endpoint.request("OPTIONS", "sip:x", ben.flow, 0.0, from_="sip:ann@a", to="sip:x")
    assert nothing_left(wire)
    received = ben.last(RequestReceived)
    assert isinstance(received, RequestReceived)
    ben.endpoint.respond(received.transaction, 200, wire.now)
    assert ben.endpoint.next_output() is None


def request(method: str, **headers: str) -> bytes:
    message = Message(method=method, uri="sip:carillon@10.0.0.1")
    message.set("Via", "SIP/2.0/UDP 10.0.0.2:5060;branch=z9hG4bK77;rport")
    message.set("From", "<sip:ben@acme.example>;tag=b")
    message.set("To", "<sip:ann@acme.example>")
    message.set("Call-ID", "c1")
    message.set("CSeq", f"1 {method}")
    message.set("Contact", "<sip:ben@10.0.0.2>")
    for name, value in headers.items():
        message.set(name.replace("_", "-"), value)
    return message.write()


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (request("BYE", To="<sip:a@b>;tag=none"), 481),
        (request("INVITE", To="<sip:a@b>;tag=none"), 481),
        (request("CANCEL"), 481),
        (request("INFO"), 481),
        (request("FROBNICATE"), 501),
        (request("INVITE", Max_Forwards="0"), 483),
        (request("INVITE", Require="100rel"), 420),
        (request("INVITE", Contact="<tel:123>"), 400),
        (request("INVITE", Record_Route='"<sip:x'), 400),
    ],
)
def test_what_cannot_be_served_is_refused_without_a_transaction_left(
    data: bytes, status: int
) -> None:
    endpoint, sent, flow = scripted()
    endpoint.receive(data, flow, 0.0)
    (answer,) = sent()
    assert answer.status == status
    assert endpoint.legs == 0
    endpoint.handle_timer(100.0)
    endpoint.handle_timer(200.0)
    assert endpoint.transactions == 0


def test_an_ack_is_never_answered() -> None:
    endpoint, sent, flow = scripted()
    for to in ("<sip:a@b>", "<sip:a@b>;tag=x"):
        endpoint.receive(request("ACK", To=to, Require="x", Max_Forwards="0"), flow, 0.0)
    assert sent() == []


def test_responses_go_where_the_request_came_from() -> None:
    endpoint, _, _ = scripted()
    nat = Flow("udp", "203.0.113.9", 40123)
    endpoint.receive(request("OPTIONS"), nat, 0.0)
    received = endpoint.next_output()
    assert isinstance(received, RequestReceived)
    endpoint.respond(received.transaction, 200, 0.0)
    send = endpoint.next_output()
    assert isinstance(send, Send)
    assert send.flow == nat
    via = parse(send.data).get("Via") or ""
    assert "received=203.0.113.9" in via
    assert "rport=40123" in via


def test_a_call_that_arrives_twice_by_different_ways_is_one_call() -> None:
    endpoint, sent, flow = scripted()
    endpoint.receive(request("INVITE"), flow, 0.0)
    endpoint.receive(request("INVITE", Via="SIP/2.0/UDP 10.0.0.3;branch=z9hG4bK78"), flow, 0.0)
    assert [brief(message) for message in sent()] == ["100 INVITE", "482 INVITE"]


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

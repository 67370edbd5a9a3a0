"""One endpoint against a script that plays the far end: forks, routes, NAT, challenges, and strangers."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from carillon.sip.endpoint import (
    Answered,
    Credentials,
    Endpoint,
    Failed,
    Flow,
    InviteReceived,
    RequestReceived,
    Send,
)
from carillon.sip.message import Message, parse
from tests.sip.wire import ANSWER, OFFER, brief, tokens


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


def test_whoever_calls_us_is_told_the_route_that_was_recorded() -> None:
    endpoint, sent, flow = scripted()
    routes = "<sip:10.0.0.8;lr>, <sip:10.0.0.7;lr>"
    endpoint.receive(request("INVITE", Record_Route=routes), flow, 0.0)
    while not isinstance(told := endpoint.next_output(), InviteReceived):
        pass
    endpoint.ring(told.leg, 0.1)
    endpoint.accept(told.leg, ANSWER, 0.2)
    ringing, answer = sent()
    assert ringing.all("Record-Route") == answer.all("Record-Route") == routes.split(", ")


def test_a_strict_router_becomes_the_request_uri() -> None:
    endpoint, sent, flow = scripted()
    endpoint.invite("sip:ben@10.0.0.2", flow, 0.0, from_="sip:ann@a", sdp=OFFER)
    (invite,) = sent()
    endpoint.receive(reply(invite, 200, "one", Record_Route="<sip:10.0.0.7>"), flow, 0.1)
    (ack,) = sent()
    assert (ack.uri, ack.all("Route")) == ("sip:10.0.0.7", ["<sip:ben@10.0.0.2>"])


def test_a_phone_that_names_itself_by_its_gruu_is_reached_where_it_was_heard() -> None:
    endpoint, sent, _ = scripted()
    phone = Flow("udp", "10.0.0.2", 40160)
    leg = endpoint.invite("sip:ben@10.0.0.2:40160", phone, 0.0, from_="sip:ann@a", sdp=OFFER)
    (invite,) = sent()
    gruu = "sip:ben@10.0.0.1;gr=urn:uuid:1"
    endpoint.receive(reply(invite, 200, "b", Contact=f"<{gruu}>"), phone, 0.1)
    endpoint.hang_up(leg, 0.2)
    outputs = iter(endpoint.next_output, None)
    ways = {parse(each.data).uri: each.flow for each in outputs if isinstance(each, Send)}
    assert ways == {gruu: phone}


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
        (request("INVITE", Require="precondition"), 420),
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


def test_a_redirection_names_where_to_go_the_best_first_and_says_why() -> None:
    endpoint, sent, flow = scripted()
    endpoint.invite("sip:ben@10.0.0.2", flow, 0.0, from_="sip:ann@a", sdp=OFFER)
    (invite,) = sent()
    contacts = (
        "<sip:three@x>;q=0.3, <sip:one@x>, <tel:+33199001234>;q=0.75, <mailto:x@y>;q=1, "
        "sip:two@x;q=0.9, <broken, <sip:four@x>;q=x"
    )
    moved = reply(invite, 302, "b", Contact=contacts, Reason='SIP;cause=302;text="Away"')
    endpoint.receive(moved, flow, 0.1)
    sent_ack = endpoint.next_output()
    failed = endpoint.next_output()
    assert isinstance(sent_ack, Send)
    assert isinstance(failed, Failed)
    assert failed.contacts == ("sip:one@x", "sip:two@x", "tel:+33199001234", "sip:three@x")
    assert failed.cause == 'SIP;cause=302;text="Away"'


def test_a_refusal_names_nowhere_to_go() -> None:
    endpoint, sent, flow = scripted()
    endpoint.invite("sip:ben@10.0.0.2", flow, 0.0, from_="sip:ann@a", sdp=OFFER)
    (invite,) = sent()
    endpoint.receive(reply(invite, 486, "b"), flow, 0.1)
    outputs = [endpoint.next_output(), endpoint.next_output()]
    failed = next(output for output in outputs if isinstance(output, Failed))
    assert failed.contacts == ()


def test_a_call_sent_on_says_how_many_hops_are_left() -> None:
    endpoint, sent, flow = scripted()
    endpoint.invite("sip:ben@10.0.0.2", flow, 0.0, from_="sip:ann@a", sdp=OFFER, max_forwards=12)
    (invite,) = sent()
    assert invite.get("Max-Forwards") == "12"
    assert "100rel" in (invite.get("Supported") or "")


def test_a_browser_that_comes_back_by_another_connection_keeps_its_call() -> None:
    endpoint, _, _ = scripted()
    old, new = Flow("wss", "10.0.0.2", 50001, 1), Flow("wss", "10.0.0.2", 50002, 2)
    leg = endpoint.invite("sip:x@abc.invalid;transport=ws", old, 0.0, from_="sip:ann@a", sdp=OFFER)
    send = endpoint.next_output()
    assert isinstance(send, Send)
    answer = parse(reply(parse(send.data), 200, "b", Contact="<sip:x@abc.invalid;transport=ws>"))
    endpoint.receive(answer.write(), old, 0.1)
    endpoint.move_flow(Flow("wss", "10.0.0.2", 50001), new)
    endpoint.hang_up(leg, 0.2)
    flows = []
    while (output := endpoint.next_output()) is not None:
        flows += [output.flow] if isinstance(output, Send) else []
    assert flows == [old, new]


@pytest.mark.parametrize("transport", ["ws", "wss", "tls"])
def test_every_transport_is_named_where_it_belongs(transport: str) -> None:
    ports = {"tls": 5061, "ws": 5062, "wss": 5063}
    endpoint = Endpoint(host="10.0.0.1", port=5060, ports=ports, tokens=tokens("scripted"))
    flow = Flow(transport, "10.0.0.2", 50001, 1)
    endpoint.invite("sip:x@10.0.0.2:50001", flow, 0.0, from_="sip:ann@a", sdp=OFFER)
    send = endpoint.next_output()
    assert isinstance(send, Send)
    invite = parse(send.data)
    assert (invite.get("Via") or "").startswith(
        f"SIP/2.0/{transport.upper()} 10.0.0.1:{ports[transport]};rport"
    )
    word = "tls" if transport == "tls" else "ws"
    assert invite.get("Contact") == f"<sip:10.0.0.1:{ports[transport]};transport={word}>"

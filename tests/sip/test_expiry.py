"""Session timers (RFC 4028): calls are kept fresh, and those nobody keeps fresh end."""

from __future__ import annotations

import pytest

from carillon.sip.endpoint import Answered, Event, HungUp, InviteReceived, Offered
from carillon.sip.message import Message, parse
from tests.sip.test_calls import answer_at_once, call, nothing_left, pair
from tests.sip.test_offers import within
from tests.sip.test_peers import reply, request, scripted
from tests.sip.wire import ANSWER, OFFER, Phone, Wire


def connected(**more: object) -> tuple[Phone, Phone, Wire, int]:
    ann, ben, wire = pair(answer_at_once)
    leg = call(ann, ben, wire, **more)
    wire.run(1)
    return ann, ben, wire, leg


def of(wire: Wire, status: int, method: str) -> list[Message]:
    return [
        message
        for _, message in wire.seen
        if message.status == status and (message.get("CSeq") or "").endswith(method)
    ]


def test_whoever_calls_keeps_the_call_fresh_by_update() -> None:
    ann, ben, wire, leg = connected()
    (ok,) = of(wire, 200, "INVITE")
    assert ok.get("Session-Expires") == "1800;refresher=uac"
    assert ok.get("Require") == "timer"
    wire.run(7200)
    assert wire.said(ann.host).count("UPDATE") == 8
    assert wire.said(ben.host).count("UPDATE") == 0
    assert (ann.endpoint.legs, ben.endpoint.legs) == (1, 1)
    ann.endpoint.hang_up(leg, wire.now)
    assert nothing_left(wire)


def test_a_call_whose_caller_vanished_ends() -> None:
    ann, ben, wire, _leg = connected()
    wire.phones.pop(ann.host)
    wire.run(1700)
    assert ben.all(HungUp) == []
    wire.run(100)
    assert ben.last(HungUp).reason == "expired"
    bye = wire.seen[-1][1]
    assert str(bye.get("Reason")).startswith("SIP;cause=408")


def test_a_callee_that_vanished_is_found_out_by_the_refresh() -> None:
    ann, ben, wire, _leg = connected()
    wire.phones.pop(ben.host)
    wire.run(1000)
    assert ann.last(HungUp).reason == "lost"


def test_a_peer_without_timers_is_left_alone() -> None:
    _ann, ben, wire, _leg = connected(
        headers=[("Supported", "replaces"), ("Session-Expires", "1800")]
    )
    # Somebody on the way wants it all the same: then the refreshes are ours.
    (ok,) = of(wire, 200, "INVITE")
    assert (ok.get("Session-Expires"), ok.get("Require")) == ("1800;refresher=uas", None)
    wire.run(1000)
    assert wire.said(ben.host).count("UPDATE") == 1


def test_too_short_an_interval_is_refused_and_the_caller_comes_back_with_a_longer_one() -> None:
    ann, ben, wire = pair(answer_at_once)
    ann = Phone("10.0.0.1", session_seconds=20)
    wire.phones[ann.host] = ann
    call(ann, ben, wire)
    wire.run(2)
    assert wire.said(ann.host) == ["INVITE", "ACK", "INVITE", "ACK"]
    (refused,) = of(wire, 422, "INVITE")
    assert refused.get("Min-SE") == "90"
    assert len(ann.all(Answered)) == 1
    assert str(of(wire, 200, "INVITE")[0].get("Session-Expires")).startswith("90;")


def test_a_peer_that_refuses_every_interval_is_not_asked_for_ever() -> None:
    endpoint, sent, flow = scripted()
    endpoint.invite("sip:ben@10.0.0.2", flow, 0.0, from_="sip:ann@a", sdp=OFFER)
    (invite,) = sent()
    asked = 0
    while invite is not None and asked < 20:
        asked += 1
        endpoint.receive(reply(invite, 422, "x", Min_SE=str(2000 + asked)), flow, 0.1)
        invite = next((m for m in sent() if m.method == "INVITE"), None)
    assert asked < 5
    assert endpoint.legs == 0


def answered_by(**headers: str) -> tuple[object, object, object, Message, int]:
    endpoint, sent, flow = scripted()
    leg = endpoint.invite("sip:ben@10.0.0.2", flow, 0.0, from_="sip:ann@a", sdp=OFFER)
    (invite,) = sent()
    ok = parse(reply(invite, 200, "b", Content_Type="application/sdp", **headers))
    ok.body = ANSWER
    endpoint.receive(ok.write(), flow, 0.0)
    sent()
    return endpoint, sent, flow, invite, leg


def test_where_there_is_no_update_the_last_description_is_repeated() -> None:
    endpoint, sent, flow, _invite, _ = answered_by(
        Session_Expires="600;refresher=uac", Allow="INVITE, ACK, BYE, CANCEL"
    )
    endpoint.handle_timer(301.0)
    (again,) = sent()
    assert (again.method, again.body) == ("INVITE", OFFER)
    assert again.get("Session-Expires") == "600;refresher=uac"
    ok = parse(reply(again, 200, "", Session_Expires="600;refresher=uac"))
    endpoint.receive(ok.write(), flow, 301.1)
    assert [message.method for message in sent()] == ["ACK"]
    endpoint.handle_timer(500.0)
    assert [m for m in sent() if m.method == "INVITE"] == []
    endpoint.handle_timer(602.0)
    assert [m.method for m in sent()] == ["INVITE"]


def test_an_answer_without_interval_ends_the_watch() -> None:
    endpoint, sent, *_ = answered_by()
    endpoint.handle_timer(100_000.0)
    assert (sent(), endpoint.legs) == ([], 1)


@pytest.mark.parametrize("status", [500, 491, 422, 405])
def test_a_refresh_that_is_refused_is_tried_again_and_then_given_up(status: int) -> None:
    endpoint, sent, flow, *_ = answered_by(
        Session_Expires="600;refresher=uac", Allow="INVITE, UPDATE"
    )
    now, tries, methods = 0.0, 0, []
    while endpoint.legs and now < 1000:
        now += 1.0
        endpoint.handle_timer(now)
        for message in sent():
            methods.append(message.method)
            if message.method == "UPDATE":
                tries += 1
                endpoint.receive(reply(message, status, "", Min_SE="700"), flow, now)
    assert tries > 3
    assert methods[-1] == "BYE"
    assert 500 < now < 800


def test_the_far_end_refreshes_where_the_answer_says_so() -> None:
    ann, ben, wire, _leg = connected(headers=[("Session-Expires", "600;refresher=uas")])
    wire.run(400)
    assert wire.said(ben.host).count("UPDATE") == 1
    assert wire.said(ann.host).count("UPDATE") == 0
    update = next(m for _, m in wire.seen if m.method == "UPDATE")
    assert update.get("Session-Expires") == "600;refresher=uac"


def test_an_offer_within_the_call_is_a_refresh_too() -> None:
    def answer_offers(phone: Phone, event: Event, now: float) -> None:
        if isinstance(event, Offered):
            phone.endpoint.answer_offer(event.leg, ANSWER, now)

    ann, ben, wire, leg = connected()
    ben.react = answer_offers
    for _ in range(10):
        wire.run(600)
        ann.endpoint.reoffer(leg, OFFER, wire.now)
    wire.run(100)
    assert wire.said(ann.host).count("UPDATE") == 0
    assert (ann.endpoint.legs, ben.endpoint.legs) == (1, 1)


@pytest.mark.parametrize("value", ["", "x", "-1", "9" * 40, "90;refresher", "1800;refresher=me"])
def test_an_interval_that_makes_no_sense_harms_nobody(value: str) -> None:
    endpoint, sent, flow = scripted()
    endpoint.receive(request("INVITE", Session_Expires=value, Supported="timer"), flow, 0.0)
    assert sent()[-1].status in (100, 400)


def test_an_update_with_too_short_an_interval_is_refused() -> None:
    ann, ben, wire, _leg = connected()
    update = within(wire.seen, "UPDATE", 2)
    update.set("Session-Expires", "10")
    update.set("Supported", "timer")
    ben.endpoint.receive(update.write(), ann.flow, wire.now)
    wire.run(1)
    assert wire.said(ben.host)[-1] == "422 UPDATE"


@pytest.mark.parametrize("seed", range(10))
def test_over_a_lossy_wire_a_long_call_stays_up(seed: int) -> None:
    ann, ben = Phone("10.0.0.1", session_seconds=120), Phone("10.0.0.2")
    ben.react = answer_at_once
    wire = Wire(ann, ben, seed=seed, loss=0.2, twice=0.2)
    wire.jitter = 0.3
    leg = call(ann, ben, wire)
    wire.run(3600)
    assert (ann.endpoint.legs, ben.endpoint.legs) == (1, 1)
    assert ben.last(InviteReceived).leg
    ann.endpoint.hang_up(leg, wire.now)
    assert nothing_left(wire)

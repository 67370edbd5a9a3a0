"""REFER and Replaces: being sent elsewhere, sending elsewhere, and taking another call's place."""

from __future__ import annotations

import pytest

from carillon.sip.endpoint import (
    Event,
    HungUp,
    InviteReceived,
    ReferralAnswered,
    ReferralProgressed,
    Referred,
)
from carillon.sip.errors import RemoteError
from carillon.sip.message import parse
from carillon.sip.replaces import Replaces, parse_refer_to, parse_replaces
from tests.sip.test_calls import answer_at_once, call, connected, nothing_left, pair
from tests.sip.test_offers import last_status, within
from tests.sip.wire import OFFER, Phone, Wire

CARL = "sip:carl@acme.example"


def accept_and_tell(*statuses: int) -> object:
    def react(phone: Phone, event: Event, now: float) -> None:
        if isinstance(event, Referred):
            phone.endpoint.answer_referral(event.referral, 202, now)
            for status in statuses:
                phone.endpoint.tell_referral(event.referral, status, "", now)

    return react


def bodies(wire: Wire, host: str, method: str) -> list[bytes]:
    return [message.body for who, message in wire.seen if who == host and message.method == method]


def test_who_is_referred_tells_how_it_went() -> None:
    ann, ben, wire, leg, theirs = connected()
    ben.react = accept_and_tell(180, 200)  # type: ignore[assignment]
    ann.endpoint.refer(leg, CARL, wire.now, "<sip:ann@acme.example>")
    wire.run(2)
    referred = ben.last(Referred)
    assert (referred.leg, referred.refer_to) == (theirs, CARL)
    assert (referred.replaces, referred.referred_by) == (None, "<sip:ann@acme.example>")
    assert ann.all(ReferralAnswered) == [ReferralAnswered(leg, 202)]
    assert [each.status for each in ann.all(ReferralProgressed)] == [100, 180, 200]
    assert bodies(wire, ben.host, "NOTIFY")[0] == b"SIP/2.0 100 Trying\r\n"
    states = [m.get("Subscription-State") for _, m in wire.seen if m.method == "NOTIFY"]
    assert [str(state).partition(";")[0] for state in states] == ["active", "active", "terminated"]
    ann.endpoint.hang_up(leg, wire.now)
    assert nothing_left(wire)


def test_a_referral_is_followed_by_nothing_once_it_is_over_or_refused() -> None:
    ann, ben, wire, leg, _ = connected()
    ann.endpoint.refer(leg, CARL, wire.now)
    wire.run(1)
    number = ben.last(Referred).referral
    ben.endpoint.answer_referral(number, 603, wire.now)
    ben.endpoint.tell_referral(number, 200, "", wire.now)
    wire.run(1)
    assert ann.events[-1] == ReferralAnswered(leg, 603)
    assert wire.said(ben.host).count("NOTIFY") == 0


def test_a_leg_that_hangs_up_takes_its_referral_along() -> None:
    ann, ben, wire, leg, _ = connected()
    ben.react = accept_and_tell()  # type: ignore[assignment]
    ann.endpoint.refer(leg, CARL, wire.now)
    wire.run(1)
    ann.endpoint.hang_up(leg, wire.now)
    wire.run(1)
    before = len(wire.seen)
    ben.endpoint.tell_referral(ben.last(Referred).referral, 200, "", wire.now)
    wire.run(1)
    assert len(wire.seen) == before
    assert nothing_left(wire)


def test_a_referral_nobody_answers_ends_with_its_leg() -> None:
    ann, ben, wire, leg, theirs = connected()
    ann.endpoint.refer(leg, CARL, wire.now)
    wire.run(1)
    ben.endpoint.hang_up(theirs, wire.now)
    wire.run(1)
    assert "487 REFER" in wire.said(ben.host)
    assert nothing_left(wire)


def refer(wire: Wire, number: int, *refer_to: str, **more: str) -> bytes:
    message = within(wire.seen, "REFER", number)
    message.set("Refer-To", *refer_to)
    for name, value in more.items():
        message.set(name.replace("_", "-"), value)
    return message.write()


def test_who_wants_no_news_gets_none() -> None:
    ann, ben, wire, *_ = connected()
    ben.react = accept_and_tell(200)  # type: ignore[assignment]
    ben.endpoint.receive(refer(wire, 2, f"<{CARL}>", Refer_Sub="false"), ann.flow, wire.now)
    wire.run(1)
    answer = next(message for _, message in wire.seen if message.status == 202)
    assert answer.get("Refer-Sub") == "false"
    assert wire.said(ben.host).count("NOTIFY") == 0


def test_referrals_of_one_leg_are_bounded() -> None:
    ann, ben, wire, *_ = connected()
    for number in range(2, 7):
        data = refer(wire, number, f"<{CARL}>")
        statuses = last_status(ben, data, ann)
    assert statuses == [500]
    assert len(ben.all(Referred)) <= 4


@pytest.mark.parametrize(
    ("values", "status"),
    [
        ((), 400),
        (("<sip:a@b>", "<sip:c@d>"), 400),
        (("<mailto:a@b>",), 416),
        (("<sip:a@b;method=BYE>",), 403),
        (("<sip:a@b?Replaces=x>",), 400),
        (("<sip:a@b?Replaces=x%3Bto-tag%3D1%3Bfrom-tag%3D2&replaces=y>",), 400),
    ],
)
def test_a_refer_to_that_makes_no_sense_is_refused(values: tuple[str, ...], status: int) -> None:
    ann, ben, wire, *_ = connected()
    assert last_status(ben, refer(wire, 2, *values), ann) == [status]
    assert ben.all(Referred) == []


def test_an_attended_transfer_names_the_other_call() -> None:
    text = "<sip:carl@10.0.0.9?Replaces=a%40b%3Bto-tag%3Dours%3Bfrom-tag%3Dtheirs&Require=replaces>"
    uri, replaces = parse_refer_to(text)
    assert (uri, replaces) == ("sip:carl@10.0.0.9", Replaces("a@b", "ours", "theirs"))
    assert parse_refer_to(text.strip("<>")) == (uri, replaces)
    assert parse_refer_to("tel:+33199001234") == ("tel:+33199001234", None)


def test_a_replaces_says_which_leg_of_ours_it_means() -> None:
    ann, ben, wire, leg, theirs = connected()
    ack = next(message for _, message in wire.seen if message.method == "ACK")
    call_id, tags = ack.get("Call-ID") or "", (str(ack.get("To")), str(ack.get("From")))
    to_tag, from_tag = (text.partition("tag=")[2] for text in tags)
    value = f"{call_id};from-tag={from_tag};to-tag={to_tag};early-only"
    call(ann, ben, wire, headers=[("Replaces", value), ("Require", "replaces")])
    wire.run(1)
    replaces = ben.last(InviteReceived).replaces
    assert replaces == Replaces(call_id, to_tag, from_tag, True)
    assert ben.endpoint.find_leg(call_id, to_tag, from_tag) == theirs
    assert ann.endpoint.find_leg(call_id, from_tag, to_tag) == leg
    assert ben.endpoint.find_leg(call_id, from_tag, to_tag) is None
    assert ben.endpoint.leg_state(theirs) == "confirmed"


@pytest.mark.parametrize("values", [("x",), ("a;to-tag=1;from-tag=2", "b;to-tag=1;from-tag=2")])
def test_a_replaces_that_names_no_dialog_is_refused(values: tuple[str, ...]) -> None:
    ann, ben, wire = pair(answer_at_once)
    call(ann, ben, wire, headers=[("Replaces", value) for value in values])
    wire.run(1)
    assert wire.said(ben.host) == ["400 INVITE"]
    assert ben.events == []


def test_a_replaces_without_tags_is_none() -> None:
    with pytest.raises(RemoteError):
        parse_replaces("a@b;to-tag=x")


def test_news_of_a_referral_nobody_asked_for_are_refused() -> None:
    ann, ben, wire, *_ = connected()
    message = within(wire.seen, "NOTIFY", 2)
    message.set("Event", "refer")
    message.body = b"SIP/2.0 200 OK\r\n"
    assert last_status(ben, message.write(), ann) == [481]


def test_a_call_that_is_lost_is_found_out_by_the_referral() -> None:
    ann, ben, wire, leg, _ = connected()
    ann.endpoint.refer(leg, CARL, wire.now)
    wire.run(1)
    ben.endpoint.answer_referral(ben.last(Referred).referral, 202, wire.now)
    wire.lose = lambda message: True
    ann.endpoint.hang_up(leg, wire.now)
    wire.run(1)
    assert ann.all(HungUp) == []


def test_who_is_sent_on_calls_there_and_says_by_whom() -> None:
    ann, ben, wire, _leg, theirs = connected()
    carl = Phone("10.0.0.3")
    carl.react = answer_at_once
    wire.phones[carl.host] = carl

    def follow(phone: Phone, event: Event, now: float) -> None:
        if isinstance(event, Referred):
            phone.endpoint.answer_referral(event.referral, 202, now)
            headers = [("Referred-By", event.referred_by)]
            phone.endpoint.invite(
                event.refer_to, carl.flow, now, from_="sip:ann@a", sdp=OFFER, headers=headers
            )
            phone.endpoint.tell_referral(event.referral, 200, "OK", now)

    ann.react = follow
    ben.endpoint.refer(theirs, "sip:carl@10.0.0.3", wire.now, "<sip:ben@acme.example>")
    wire.run(2)
    assert ben.all(ReferralProgressed)[-1].status == 200
    invited = carl.last(InviteReceived).request
    assert invited.get("Referred-By") == "<sip:ben@acme.example>"


def test_nothing_a_stranger_writes_into_refer_to_raises() -> None:
    for text in ("", "<", "<>", "<sip:>", "?", "sip:a@b?", "<sip:a@b?%ZZ=%>", "<sip:a@b?Replaces>"):
        try:
            parse_refer_to(text)
        except RemoteError as error:
            assert error.status in (400, 416)


def test_a_fragment_without_status_tells_nothing() -> None:
    ann, ben, wire, leg, _theirs = connected()
    ann.endpoint.refer(leg, CARL, wire.now)
    wire.run(1)
    ben.endpoint.answer_referral(ben.last(Referred).referral, 202, wire.now)
    wire.run(1)
    notify = next(m for _, m in wire.seen if m.method == "NOTIFY")
    for number, body in enumerate((b"", b"SIP/2.0", b"SIP/2.0 2x0 OK", b"HTTP/1.1 200 OK"), 5):
        again = parse(notify.write())
        again.set("Via", f"SIP/2.0/UDP 10.0.0.2:5060;branch=z9hG4bK{number}")
        again.set("CSeq", f"{number} NOTIFY")
        again.body = body
        ann.endpoint.receive(again.write(), ben.flow, wire.now)
    wire.run(1)
    assert [each.status for each in ann.all(ReferralProgressed)] == [100]


@pytest.mark.parametrize("seed", range(20))
def test_over_a_lossy_wire_a_referral_is_told_to_its_end(seed: int) -> None:
    ann, ben = Phone("10.0.0.1"), Phone("10.0.0.2")
    ben.react = answer_at_once
    wire = Wire(ann, ben, seed=seed, loss=0.25, twice=0.2)
    wire.jitter = 0.3
    leg = call(ann, ben, wire)
    wire.run(40)
    ben.react = accept_and_tell(180)  # type: ignore[assignment]
    ann.endpoint.refer(leg, CARL, wire.now)
    wire.run(20)
    ben.endpoint.tell_referral(ben.last(Referred).referral, 200, "", wire.now)
    wire.run(40)
    told = [each.status for each in ann.all(ReferralProgressed)]
    assert told[-1] == 200
    assert told.count(200) == 1
    assert len(ben.all(Referred)) == len(ann.all(ReferralAnswered)) == 1
    ann.endpoint.hang_up(leg, wire.now)
    assert nothing_left(wire)

"""Within a call: new offers, glare, INFO, and a far end that has lost the call."""

from __future__ import annotations

from carillon.sip.endpoint import (
    Event,
    HungUp,
    Informed,
    InviteReceived,
    OfferAnswered,
    Offered,
    OfferRefused,
)
from carillon.sip.message import Message
from tests.sip.test_calls import call, connected, nothing_left, pair
from tests.sip.wire import ANSWER, OFFER, Phone, brief

HOLD = OFFER + b"a=sendonly\r\n"
HELD = ANSWER + b"a=recvonly\r\n"


def answer_offers(phone: Phone, event: Event, now: float) -> None:
    if isinstance(event, Offered):
        phone.endpoint.answer_offer(event.leg, HELD, now)


def test_a_new_offer_is_answered() -> None:
    ann, ben, wire, leg, _ = connected()
    ben.react = answer_offers
    ann.endpoint.reoffer(leg, HOLD, wire.now)
    wire.run(1)
    offered = ben.last(Offered)
    assert isinstance(offered, Offered)
    assert (offered.sdp, offered.method) == (HOLD, "INVITE")
    assert ann.events[-1] == OfferAnswered(leg, HELD)
    ann.endpoint.hang_up(leg, wire.now)
    assert nothing_left(wire)


def test_the_callee_may_offer_too() -> None:
    ann, ben, wire, leg, theirs = connected()
    ann.react = answer_offers
    ben.endpoint.reoffer(theirs, HOLD, wire.now)
    wire.run(1)
    assert ben.events[-1] == OfferAnswered(theirs, HELD)
    assert ann.events[-1] == Offered(leg, HOLD, "INVITE")


def test_a_refused_offer_leaves_the_call_up() -> None:
    ann, ben, wire, leg, theirs = connected()
    ann.endpoint.reoffer(leg, HOLD, wire.now)
    wire.run(1)
    ben.endpoint.refuse_offer(theirs, 488, wire.now)
    wire.run(1)
    assert ann.events[-1] == OfferRefused(leg, 488)
    assert (ann.endpoint.legs, ben.endpoint.legs) == (1, 1)


def test_an_offer_made_before_the_ack_waits_for_it() -> None:
    def answer_and_offer(phone: Phone, event: Event, now: float) -> None:
        if isinstance(event, InviteReceived):
            phone.endpoint.accept(event.leg, ANSWER, now)
            phone.endpoint.reoffer(event.leg, HOLD, now)

    ann, ben, wire = pair(answer_and_offer)
    ann.react = answer_offers
    call(ann, ben, wire)
    wire.run(2)
    assert [brief(message) for _, message in wire.seen] == [
        *("INVITE", "100 INVITE", "200 INVITE", "ACK"),
        *("INVITE", "100 INVITE", "200 INVITE", "ACK"),
    ]


def test_offers_that_cross_are_both_sent_away_and_come_back_one_after_the_other() -> None:
    ann, ben, wire, leg, theirs = connected()
    ann.react = ben.react = answer_offers
    ann.endpoint.reoffer(leg, HOLD, wire.now)
    ben.endpoint.reoffer(theirs, HOLD, wire.now)
    wire.run(10)
    assert wire.said(ann.host).count("491 INVITE") == 1
    assert wire.said(ben.host).count("491 INVITE") == 1
    assert ann.kinds()[-2:] == ["Offered", "OfferAnswered"]
    assert ben.kinds()[-2:] == ["OfferAnswered", "Offered"]


def test_of_two_offers_in_a_row_the_second_waits() -> None:
    ann, ben, wire, leg, _ = connected()
    ben.react = answer_offers
    ann.endpoint.reoffer(leg, HOLD, wire.now)
    ann.endpoint.reoffer(leg, OFFER, wire.now)
    wire.run(2)
    assert [event.sdp for event in ben.events if isinstance(event, Offered)] == [HOLD, OFFER]


def test_a_lost_answer_to_an_offer_is_repeated() -> None:
    ann, ben, wire, leg, _ = connected()
    ben.react = answer_offers
    lost = iter([True, True, False, False, False])
    wire.lose = lambda message: message.status == 200 and next(lost)
    ann.endpoint.reoffer(leg, HOLD, wire.now)
    wire.run(10)
    assert ann.kinds().count("OfferAnswered") == 1
    assert ben.kinds().count("Offered") == 1


def test_an_invite_without_offer_asks_for_ours() -> None:
    ann, ben, wire, leg, theirs = connected()
    ben.react = answer_offers
    ann.endpoint.reoffer(leg, b"", wire.now)
    wire.run(0.5)
    assert Offered(theirs, b"", "INVITE") in ben.events
    assert ben.events[-1] == OfferAnswered(theirs, b"")


def within(wire_seen: list[tuple[str, Message]], method: str, cseq: int) -> Message:
    """Return a request of Ann's dialog, to be sent by hand."""
    ack = next(message for _, message in wire_seen if message.method == "ACK")
    message = Message(method=method, uri=ack.uri)
    message.headers = {name: list(values) for name, values in ack.headers.items()}
    message.set("CSeq", f"{cseq} {method}")
    message.set("Via", f"SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bKhand{cseq}{method}")
    return message


def last_status(phone: Phone, data: bytes, source: Phone) -> list[int]:
    from carillon.sip.endpoint import Send
    from carillon.sip.message import parse

    phone.endpoint.receive(data, source.flow, 2.0)
    statuses = []
    while (output := phone.endpoint.next_output()) is not None:
        if isinstance(output, Send):
            statuses.append(parse(output.data).status)
        else:
            phone.events.append(output)
    return statuses


def test_an_update_without_description_is_accepted_and_with_one_is_an_offer() -> None:
    ann, ben, wire, _, theirs = connected()
    refresh = within(wire.seen, "UPDATE", 2)
    assert last_status(ben, refresh.write(), ann) == [200]
    offer = within(wire.seen, "UPDATE", 3)
    offer.set("Content-Type", "application/sdp")
    offer.body = HOLD
    assert last_status(ben, offer.write(), ann) == []
    assert ben.events[-1] == Offered(theirs, HOLD, "UPDATE")
    second = within(wire.seen, "UPDATE", 4)
    second.set("Content-Type", "application/sdp")
    second.body = HOLD
    assert last_status(ben, second.write(), ann) == [500]


def test_a_request_out_of_order_is_refused() -> None:
    ann, ben, wire, *_ = connected()
    assert last_status(ben, within(wire.seen, "INFO", 9).write(), ann) == [200]
    assert last_status(ben, within(wire.seen, "INFO", 8).write(), ann) == [500]


def test_what_has_no_place_in_a_call_is_refused() -> None:
    ann, ben, wire, *_ = connected()
    expected = {"OPTIONS": 200, "REFER": 400, "MESSAGE": 405, "PRACK": 481, "NOTIFY": 481}
    for number, (method, status) in enumerate(expected.items(), 2):
        assert last_status(ben, within(wire.seen, method, number).write(), ann) == [status]


def test_a_stranger_without_the_tags_cannot_end_a_call() -> None:
    ann, ben, wire, *_ = connected()
    bye = within(wire.seen, "BYE", 2)
    bye.set("From", "<sip:mallory@globex.example>;tag=guess")
    assert last_status(ben, bye.write(), ann) == [481]
    assert ben.endpoint.legs == 1


def test_info_is_told_and_acknowledged() -> None:
    ann, ben, wire, leg, theirs = connected()
    ann.endpoint.inform(leg, "application/dtmf-relay", b"Signal=5\r\n", wire.now)
    wire.run(1)
    assert ben.events[-1] == Informed(theirs, "application/dtmf-relay", b"Signal=5\r\n")
    assert wire.said(ben.host)[-1] == "200 INFO"


def test_a_record_key_is_told() -> None:
    ann, ben, wire, leg, theirs = connected()
    for header, wanted in (("On", "on"), ("off", "off"), ("x" * 500, "")):
        ann.endpoint.inform(leg, "", b"", wire.now, headers=(("Record", header),))
        wire.run(1)
        assert ben.events[-1] == Informed(theirs, "", b"", wanted)


def test_a_far_end_that_lost_the_call_is_told_once() -> None:
    ann, ben, wire, leg, _ = connected()
    forgetful = Phone(ben.host)
    wire.phones[ben.host] = forgetful
    ann.endpoint.reoffer(leg, HOLD, wire.now)
    wire.run(1)
    assert ann.events[-1] == HungUp(leg, "lost")
    assert ann.endpoint.legs == 0


def test_an_offer_that_stays_unanswered_is_given_up() -> None:
    ann, _, wire, leg, _ = connected()
    ann.endpoint.reoffer(leg, HOLD, wire.now)
    wire.run(70)
    assert ann.events[-1] == OfferRefused(leg, 408)
    assert ann.endpoint.legs == 1


def test_a_call_that_ends_while_an_offer_waits_answers_it_487() -> None:
    ann, ben, wire, leg, theirs = connected()
    ann.endpoint.reoffer(leg, HOLD, wire.now)
    wire.run(0.5)
    ben.endpoint.hang_up(theirs, wire.now)
    wire.run(1)
    assert "487 INVITE" in wire.said(ben.host)
    assert ann.kinds()[-1] == "HungUp"
    assert nothing_left(wire)

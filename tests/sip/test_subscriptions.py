"""SUBSCRIBE and NOTIFY: who wants to know is told the newest state, and no longer than that."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import pytest

from carillon.sip.endpoint import (
    Endpoint,
    Flow,
    RequestReceived,
    Resubscribed,
    Send,
    Subscribed,
    SubscriptionEnded,
)
from carillon.sip.message import Message, parse
from tests.sip.wire import Phone, Wire, tokens

PHONE = Flow("udp", "10.0.0.2", 5060)
LAMP = "application/dialog-info+xml"


@dataclass
class Desk:
    """A phone with a lamp, played by hand, before a switch."""

    flow: Flow = PHONE
    now: float = 0.0
    cseq: int = 0
    to: str = "<sip:ben@acme.example>"
    events: list[object] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.switch = Endpoint(host="10.0.0.1", port=5060, tokens=tokens("desk"))

    def sent(self) -> list[Message]:
        out: list[Message] = []
        while (output := self.switch.next_output()) is not None:
            if isinstance(output, Send):
                out.append(parse(output.data))
            else:
                self.events.append(output)
        return out

    def wait(self, seconds: float) -> list[Message]:
        end, out = self.now + seconds, self.sent()
        while (at := self.switch.timer_at) is not None and at <= end:
            self.now = max(self.now, at)
            self.switch.handle_timer(self.now)
            out += self.sent()
        self.now = end
        return out

    def subscribe(self, seconds: int | None = 600, event: str = "dialog") -> list[Message]:
        self.cseq += 1
        message = Message(method="SUBSCRIBE", uri="sip:ben@10.0.0.1")
        message.set("Via", f"SIP/2.0/UDP 10.0.0.2:5060;branch=z9hG4bK{self.cseq}")
        message.set("From", "<sip:ann@acme.example>;tag=a")
        message.set("To", self.to)
        message.set("Call-ID", "lamp")
        message.set("CSeq", f"{self.cseq} SUBSCRIBE")
        message.set("Contact", "<sip:ann@10.0.0.2>")
        if event:
            message.set("Event", event)
        if seconds is not None:
            message.set("Expires", str(seconds))
        self.switch.receive(message.write(), self.flow, self.now)
        return self.sent()

    def accept(self, seconds: int = 600, **more: object) -> int:
        self.subscribe(seconds)
        number = self.number
        self.switch.accept_subscription(number, seconds, self.now)
        (answer,) = self.sent()
        assert (answer.status, answer.get("Expires")) == (200, str(seconds))
        self.to = answer.get("To") or ""
        return number

    @property
    def number(self) -> int:
        found = [event for event in self.events if isinstance(event, Subscribed)]
        return found[-1].subscription

    def notify(self, body: bytes, state: str = "active") -> list[Message]:
        self.switch.notify(self.number, LAMP, body, self.now, state)
        return self.sent()

    def reply(self, request: Message, status: int = 200) -> list[Message]:
        self.switch.receive(request.response(status).write(), self.flow, self.now)
        return self.sent()


def test_a_subscriber_is_told_the_state_within_its_dialog() -> None:
    desk = Desk()
    desk.accept()
    (subscribed,) = desk.events
    assert isinstance(subscribed, Subscribed)
    assert (subscribed.package, subscribed.seconds, subscribed.flow) == ("dialog", 600, desk.flow)
    (notify,) = desk.notify(b"<busy/>")
    assert (notify.method, notify.uri) == ("NOTIFY", "sip:ann@10.0.0.2")
    assert (notify.get("Event"), notify.get("Content-Type")) == ("dialog", LAMP)
    assert notify.get("Subscription-State") == "active;expires=600"
    assert (notify.get("From"), notify.body) == (desk.to, b"<busy/>")


def test_one_notify_is_on_its_way_at_a_time_and_the_newest_state_follows() -> None:
    desk = Desk()
    desk.accept()
    (first,) = desk.notify(b"1")
    assert [desk.notify(b"2"), desk.notify(b"3")] == [[], []]
    (second,) = desk.reply(first)
    assert second.body == b"3"
    assert desk.reply(second) == []


def test_a_refresh_is_answered_and_the_state_told_anew() -> None:
    desk = Desk()
    number = desk.accept(600)
    desk.wait(500)
    (answer,) = desk.subscribe(600)
    assert (answer.status, answer.get("Expires")) == (200, "600")
    assert desk.events[-1] == Resubscribed(number)
    desk.wait(500)
    assert SubscriptionEnded(number) not in desk.events
    desk.wait(200)
    assert desk.events[-1] == SubscriptionEnded(number)


def test_who_unsubscribes_is_told_a_last_time() -> None:
    desk = Desk()
    number = desk.accept()
    answer, notify = desk.subscribe(0)
    assert (answer.status, answer.get("Expires")) == (200, "0")
    assert str(notify.get("Subscription-State")).startswith("terminated")
    assert desk.events[-1] == SubscriptionEnded(number)
    assert desk.notify(b"x") == []
    assert desk.subscribe(600)[0].status == 481


def test_a_subscription_that_is_not_refreshed_ends() -> None:
    desk = Desk()
    number = desk.accept(60)
    assert desk.wait(59) == []
    (notify,) = desk.wait(2)[:1]
    assert notify.get("Subscription-State") == "terminated;reason=timeout"
    assert desk.events[-1] == SubscriptionEnded(number)
    desk.wait(100)
    assert (desk.switch.transactions, desk.switch.timer_at) == (0, None)


@pytest.mark.parametrize("status", [481, 404, 489])
def test_a_phone_that_forgot_its_subscription_is_told_no_more(status: int) -> None:
    desk = Desk()
    number = desk.accept()
    (notify,) = desk.notify(b"x")
    desk.reply(notify, status)
    assert desk.events[-1] == SubscriptionEnded(number)
    assert desk.notify(b"y") == []


def test_a_phone_that_is_merely_busy_stays_subscribed() -> None:
    desk = Desk()
    desk.accept()
    (notify,) = desk.notify(b"x")
    desk.reply(notify, 500)
    assert len(desk.notify(b"y")) == 1


def test_a_phone_that_does_not_answer_is_forgotten() -> None:
    desk = Desk()
    number = desk.accept()
    desk.notify(b"x")
    desk.wait(40)
    assert desk.events[-1] == SubscriptionEnded(number)


def test_whoever_asks_once_is_told_once() -> None:
    desk = Desk()
    desk.accept(0)
    (notify,) = desk.notify(b"x")
    assert notify.body == b"x"
    assert str(notify.get("Subscription-State")).startswith("terminated")
    assert desk.notify(b"y") == []


def test_a_subscription_can_be_refused_with_a_challenge_and_ended_by_us() -> None:
    desk = Desk()
    desk.subscribe()
    challenge = ("WWW-Authenticate", 'Digest realm="x", nonce="y"')
    desk.switch.refuse_subscription(desk.number, 401, desk.now, [challenge])
    (answer,) = desk.sent()
    assert (answer.status, answer.get("WWW-Authenticate")) == (401, challenge[1])
    desk.accept()
    (notify,) = desk.notify(b"", "terminated;reason=noresource")
    assert notify.get("Subscription-State") == "terminated;reason=noresource"
    assert desk.notify(b"x") == []
    assert not any(isinstance(event, SubscriptionEnded) for event in desk.events)


def test_a_subscription_dies_with_its_connection() -> None:
    desk = Desk(flow=Flow("tcp", "10.0.0.2", 5060, 7))
    number = desk.accept()
    desk.switch.flow_failed(Flow("tcp", "10.0.0.2", 5060, 8), desk.now)
    desk.sent()
    assert SubscriptionEnded(number) not in desk.events
    desk.switch.flow_failed(desk.flow, desk.now)
    desk.sent()
    assert desk.events[-1] == SubscriptionEnded(number)


def test_a_subscribe_that_names_no_event_is_refused() -> None:
    assert Desk().subscribe(event="")[0].status == 489


def test_one_address_cannot_subscribe_for_ever() -> None:
    desk = Desk()
    statuses = [[message.status for message in desk.subscribe()] for _ in range(201)]
    assert statuses == [[]] * 200 + [[503]]
    desk.wait(100)
    assert desk.subscribe() == []


def test_a_subscription_nobody_answers_is_forgotten() -> None:
    desk = Desk()
    desk.subscribe()
    desk.wait(100)
    assert (desk.switch.transactions, desk.switch.timer_at) == (0, None)


@pytest.mark.parametrize("seed", range(20))
def test_over_a_lossy_wire_the_newest_state_arrives_last(seed: int) -> None:
    desk, dice = Desk(), random.Random(seed)
    desk.accept(3600)
    heard: dict[int, bytes] = {}

    def carry(messages: list[Message]) -> None:
        for message in messages:
            if message.method != "NOTIFY" or dice.random() < 0.3:
                continue
            heard[int((message.get("CSeq") or "").split()[0])] = message.body
            if dice.random() < 0.7:
                carry(desk.reply(message))

    for count in range(30):
        carry(desk.notify(b"%d" % count))
        carry(desk.wait(dice.random()))
    for _ in range(100):
        carry(desk.wait(0.2))
    assert heard[max(heard)] == b"29"
    assert list(map(int, heard.values())) == sorted(map(int, heard.values()))


def test_news_without_a_subscription_can_be_sent() -> None:
    switch, phone = Phone("10.0.0.1"), Phone("10.0.0.2")
    wire = Wire(switch, phone)
    switch.endpoint.request(
        *("NOTIFY", "sip:ann@10.0.0.2", phone.flow, 0.0),
        from_="sip:ann@acme.example",
        to="sip:ann@acme.example",
        headers=[
            ("Event", "message-summary"),
            ("Subscription-State", "terminated"),
            ("Content-Type", "application/simple-message-summary"),
        ],
        body=b"Messages-Waiting: yes\r\n",
    )
    wire.run(1)
    request = phone.last(RequestReceived).request
    assert (request.get("Event"), request.body) == (
        "message-summary",
        b"Messages-Waiting: yes\r\n",
    )

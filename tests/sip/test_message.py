"""Messages: what is parsed, what is written, and what is refused."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carillon.sip.endpoint import Endpoint, Flow
from carillon.sip.errors import LocalError, RemoteError
from carillon.sip.message import MAX_LINES, Message, parse
from tests.sip.wire import tokens
from tests.vectors.rfc4475 import REFUSED, SILENT, TAKEN, wire

TOKEN = st.text("abcXYZ019-.!%*_+`'~", min_size=1, max_size=12)
VALUE = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"), max_size=40).map(
    lambda text: text.strip(" \t")
)
HEADERS = st.lists(st.tuples(TOKEN.map(lambda name: f"X-{name}"), VALUE), max_size=12)
LIVE = [
    wire(text)
    for text in (
        *(t for t, _ in TAKEN.values()),
        *(t for t, _ in REFUSED.values()),
        *SILENT.values(),
    )
]


@given(TOKEN, TOKEN, HEADERS, st.binary(max_size=200))
def test_what_is_written_is_parsed_back(
    method: str, uri: str, headers: list[tuple[str, str]], body: bytes
) -> None:
    message = Message(method=method, uri=uri, headers=headers, body=body)
    assert parse(message.write()) == message


@given(st.integers(100, 699), VALUE, HEADERS, st.binary(max_size=200))
def test_responses_are_parsed_back(
    status: int, reason: str, headers: list[tuple[str, str]], body: bytes
) -> None:
    message = Message(status=status, reason=reason, headers=headers, body=body)
    assert parse(message.write()) == message


@given(st.binary(max_size=400))
def test_any_bytes_are_a_message_or_a_remote_error(data: bytes) -> None:
    try:
        parse(data)
    except RemoteError as error:
        assert 400 <= error.status < 700


def test_ten_thousand_damaged_messages_never_upset_an_endpoint() -> None:
    dice = random.Random(4475)
    endpoint = Endpoint(host="192.0.2.99", port=5060, tokens=tokens("damage"))
    flow = Flow("udp", "192.0.2.15", 5060)
    for number in range(10_000):
        data = bytearray(dice.choice(LIVE))
        for _ in range(dice.randint(1, 6)):
            place = dice.randrange(len(data))
            match dice.randrange(4):
                case 0:
                    data[place] = dice.randrange(256)
                case 1:
                    del data[place : place + dice.randint(1, 20)]
                case 2:
                    data[place:place] = dice.choice(
                        (b"\r\n", b'"', b"<", b",", b";", b"\0", b" ", b"%")
                    )
                case 3:
                    data[place:place] = data[: dice.randrange(60)]
            if not data:
                break
        endpoint.receive(bytes(data), flow, number / 1000)
        endpoint.handle_timer(number / 1000)
        while endpoint.next_output() is not None:
            pass


@settings(max_examples=50)
@given(
    st.sampled_from(['"', "<", ",", ";", "=", "\\", 'a="b", ', ' "', "%", "(", "\n "]),
    st.integers(1000, 2000),
)
def test_repeated_hostile_characters_are_read_or_refused(piece: str, times: int) -> None:
    for name in ("Via", "Contact", "To", "Authorization", "Route", "Require"):
        text = f"OPTIONS sip:a@b SIP/2.0\n{name}: {piece * (times // len(piece))}x\n\n"
        try:
            message = parse(wire(text))
            message.all(name)
        except RemoteError:
            continue


def test_compact_names_and_odd_case_are_the_same_header() -> None:
    message = parse(b"OPTIONS sip:a@b SIP/2.0\r\nv: SIP/2.0/UDP h\r\nVIA: SIP/2.0/UDP i\r\n\r\n")
    assert message.all("Via") == message.all("v") == ["SIP/2.0/UDP h", "SIP/2.0/UDP i"]


def test_lists_are_split_but_not_inside_quotes_or_brackets() -> None:
    message = Message(method="X", uri="sip:a")
    message.add("Contact", '"a, b" <sip:a,b@c>, <sip:d@e>;x="f,g" ,')
    assert message.all("Contact") == ['"a, b" <sip:a,b@c>', '<sip:d@e>;x="f,g"']


def test_commas_in_other_headers_are_text() -> None:
    message = Message(method="X", uri="sip:a", headers=[("Subject", "a, b"), ("Date", "Fri, 1")])
    assert (message.all("Subject"), message.all("Date")) == (["a, b"], ["Fri, 1"])


def test_latin_1_bytes_are_read() -> None:
    message = parse(b"OPTIONS sip:a@b SIP/2.0\r\nSubject: Andr\xe9\r\n\r\n")
    assert message.get("Subject") == "André"


def test_leading_empty_lines_are_skipped() -> None:
    assert parse(b"\r\n\r\nOPTIONS sip:a@b SIP/2.0\r\n\r\n").method == "OPTIONS"


def test_bare_line_feeds_end_lines_too() -> None:
    message = parse(b"OPTIONS sip:a@b SIP/2.0\nSubject: x\n\nbody")
    assert (message.get("Subject"), message.body) == ("x", b"body")


def test_a_datagram_longer_than_its_length_is_trimmed() -> None:
    assert parse(b"OPTIONS sip:a@b SIP/2.0\r\nl: 2\r\n\r\nabcdef").body == b"ab"


def test_a_framed_message_must_be_exactly_as_long_as_it_says() -> None:
    with pytest.raises(RemoteError):
        parse(b"OPTIONS sip:a@b SIP/2.0\r\nl: 2\r\n\r\nabcdef", framed=True)


@pytest.mark.parametrize(
    "data",
    [
        b"OPTIONS sip:a@b SIP/2.0\r\nSubject: a\rb\r\n\r\n",
        b"OPTIONS sip:a@b SIP/2.0\r\nSubject: a\0b\r\n\r\n",
        b"OPTIONS sip:a@b SIP/2.0\r\nno colon\r\n\r\n",
        b"OPTIONS sip:a@b SIP/2.0\r\nbad name: x\r\n\r\n",
        b"OPTIONS sip:a@b SIP/2.0\r\n: x\r\n\r\n",
        b"OPTIONS sip:a@b SIP/2.0\n\nSubject: x\r\n\r\n",
        b"OPTIONS sip:a@b SIP/2.0\r\nl: 1x\r\n\r\nab",
        b"OPTIONS sip:a@b\r\n\r\n",
        b"OPTIONS\r\n\r\n",
        b"",
        b"OPTIONS sip:a@b SIP/2.0\r\n" + b"X: y\r\n" * MAX_LINES + b"\r\n",
        b"OPTIONS sip:a@b SIP/2.0\r\nX: " + b"y" * 9000 + b"\r\n\r\n",
        b"OPTIONS sip:a@b SIP/2.0\r\nX: " + b"\r\n y" * 9000 + b"\r\n\r\n",
        b"OPTIONS sip:a@b SIP/2.0\r\n" + b"v: SIP/2.0/UDP h\r\n" * 71 + b"\r\n",
        b"X" * 70_000,
    ],
)
def test_nonsense_is_refused(data: bytes) -> None:
    with pytest.raises(RemoteError):
        parse(data)


@pytest.mark.parametrize(
    "message",
    [
        Message(method="INVITE", uri="sip:a@b", headers=[("Subject", "x\r\nEvil: y")]),
        Message(method="INVITE", uri="sip:a@b", headers=[("Subject", "x\nEvil: y")]),
        Message(method="INVITE", uri="sip:a@b", headers=[("Sub\r\nject", "x")]),
        Message(method="INVITE", uri="sip:a@b SIP/2.0\r\nEvil: y\r\n"),
        Message(method="INVITE", uri="sip:a b"),
        Message(status=200, reason="OK\r\nEvil: y"),
    ],
)
def test_a_line_break_never_leaves_in_a_header(message: Message) -> None:
    with pytest.raises(LocalError):
        message.write()


def test_content_length_is_what_the_body_is() -> None:
    message = Message(status=200, reason="OK", headers=[("Content-Length", "9")], body=b"abc")
    assert message.write().endswith(b"Content-Length: 3\r\n\r\nabc")

"""Session descriptions: what phones and carriers send, and what we say back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carillon.media import sdp
from carillon.media.sdp import PCMA, PCMU, Local, NotAcceptable

US = Local("192.0.2.9", 20000, session=7, version=1)
PHONE = """v=0
o=- 1 1 IN IP4 192.168.1.5
s=-
c=IN IP4 192.168.1.5
t=0 0
m=audio 11780 RTP/AVP 9 0 8 101
a=rtpmap:9 G722/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-16
a=ptime:20
a=sendrecv
"""


def described(text: str, *changes: tuple[str, str]) -> sdp.Session:
    for old, new in changes:
        text = text.replace(old, new)
    return sdp.parse(text.replace("\n", "\r\n").encode())


def lines(document: bytes) -> list[str]:
    return document.decode().split("\r\n")


def test_a_desk_phones_offer_is_read() -> None:
    session = described(PHONE)
    assert (session.address, session.port, session.digits) == ("192.168.1.5", 11780, 101)
    assert [codec.name for codec in session.payloads] == ["G722", "PCMU", "PCMA"]
    assert (session.direction, session.ptime, session.held) == ("sendrecv", 20, False)


def test_their_first_codec_that_we_know_is_chosen() -> None:
    session = described(PHONE)
    assert sdp.first_common(session, (PCMA, PCMU)) == PCMU
    assert sdp.first_common(session, (PCMA,)) == PCMA


def test_nothing_in_common_is_not_acceptable() -> None:
    session = described(PHONE, ("9 0 8 101", "9 101"))
    with pytest.raises(NotAcceptable):
        sdp.first_common(session, (PCMA, PCMU))


def test_a_static_number_with_another_meaning_is_not_what_it_seems() -> None:
    session = described(PHONE, ("a=rtpmap:9 G722/8000", "a=rtpmap:0 opus/48000/2"))
    assert sdp.first_common(session, (PCMA, PCMU)) == PCMA


def test_telephone_events_of_another_clock_are_left() -> None:
    session = described(PHONE, ("telephone-event/8000", "telephone-event/48000"))
    assert session.digits == -1


def test_an_answer_repeats_their_numbers_and_our_address() -> None:
    answer = lines(sdp.answer(described(PHONE), US, PCMU))
    assert answer == [
        "v=0",
        "o=- 7 1 IN IP4 192.0.2.9",
        "s=-",
        "c=IN IP4 192.0.2.9",
        "t=0 0",
        "m=audio 20000 RTP/AVP 0 101",
        "a=rtpmap:0 PCMU/8000",
        "a=rtpmap:101 telephone-event/8000",
        "a=fmtp:101 0-15",
        "a=ptime:20",
        "a=sendrecv",
        "",
    ]


def test_other_streams_are_refused_in_their_place() -> None:
    text = PHONE.replace("m=audio", "m=image 5000 udptl t38\nm=audio") + (
        "m=video 5002 RTP/AVP 31 34\na=inactive\nm=audio 5004 RTP/AVP 0\n"
    )
    answer = lines(sdp.answer(described(text), US, PCMU))
    assert [line for line in answer if line.startswith("m=")] == [
        "m=image 0 udptl t38",
        "m=audio 20000 RTP/AVP 0 101",
        "m=video 0 RTP/AVP 31 34",
        "m=audio 0 RTP/AVP 0",
    ]


def test_what_is_not_plain_audio_is_not_acceptable() -> None:
    for old, new in (
        ("m=audio", "m=image"),
        ("m=audio 11780", "m=audio 0"),
        ("RTP/AVP", "RTP/SAVP"),
        ("m=audio 11780", "m=audio x"),
        ("m=audio 11780", "m=audio 70000"),
        ("c=IN IP4 192.168.1.5\n", ""),
        ("c=IN IP4 192.168.1.5", "c=IN IP4 phone.example"),
    ):
        with pytest.raises(NotAcceptable):
            described(PHONE, (old, new))


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("sendrecv", "sendrecv"),
        ("sendonly", "recvonly"),
        ("recvonly", "sendonly"),
        ("inactive", "inactive"),
    ],
)
def test_hold_is_answered_in_mirror_writing(theirs: str, ours: str) -> None:
    session = described(PHONE, ("a=sendrecv", f"a={theirs}"))
    assert session.held == (theirs in ("sendonly", "inactive"))
    assert f"a={ours}" in lines(sdp.answer(session, US, PCMU))


def test_the_old_way_to_hold_is_understood() -> None:
    session = described(PHONE, ("c=IN IP4 192.168.1.5", "c=IN IP4 0.0.0.0"))
    assert session.held
    assert session.direction == "sendonly"


def test_an_answer_never_wants_more_than_the_offer_allows() -> None:
    assert sdp.answer_direction("sendrecv", "sendonly") == "sendonly"
    assert sdp.answer_direction("recvonly", "recvonly") == "inactive"
    assert sdp.answer_direction("sendonly", "inactive") == "inactive"


def test_a_direction_for_the_whole_description_counts_where_the_stream_says_none() -> None:
    session = described(PHONE, ("a=sendrecv\n", ""), ("t=0 0\n", "t=0 0\na=sendonly\n"))
    assert session.direction == "sendonly"


def test_a_stream_may_have_an_address_of_its_own() -> None:
    session = described(PHONE, ("a=ptime:20", "c=IN IP6 2001:db8::5"))
    assert session.address == "2001:db8::5"


def test_rtcp_mux_is_seen_but_not_agreed_to() -> None:
    session = described(PHONE + "a=rtcp-mux\n")
    assert session.rtcp_mux
    assert "a=rtcp-mux" not in lines(sdp.answer(session, US, PCMU))


@pytest.mark.parametrize("address", ["192.0.2.9", "2001:db8::9"])
def test_what_we_offer_we_can_read(address: str) -> None:
    local = Local(address, 20000, session=7, version=3)
    session = sdp.parse(sdp.offer(local, (PCMA, PCMU), digits=101, direction="sendonly"))
    assert (session.address, session.port, session.digits) == (address, 20000, 101)
    assert [codec.pt for codec in session.payloads] == [PCMA, PCMU]
    assert session.direction == "sendonly"
    assert sdp.parse(sdp.offer(local, (PCMA,), digits=-1)).digits == -1


def test_bare_line_feeds_and_missing_rtpmaps_are_fine() -> None:
    session = sdp.parse(b"v=0\nc=IN IP4 10.0.0.1\nm=audio 4000 RTP/AVP 8 0\n")
    assert [codec.name for codec in session.payloads] == ["PCMA", "PCMU"]


@given(st.binary(max_size=300))
def test_any_bytes_are_a_description_or_not_acceptable(document: bytes) -> None:
    for data in (document, PHONE.encode() + document, document + PHONE.encode()):
        try:
            sdp.parse(data)
        except NotAcceptable:
            continue


@given(st.lists(st.sampled_from(PHONE.splitlines()), max_size=40), st.integers(0, 40))
def test_lines_in_any_order_are_a_description_or_not_acceptable(parts: list[str], cut: int) -> None:
    text = "\n".join(parts)
    try:
        session = described(text[: len(text) - cut])
        sdp.answer(session, US, sdp.first_common(session, (PCMA, PCMU)))
    except NotAcceptable:
        pass


@pytest.mark.parametrize(
    "document",
    [b"x" * 40_000, b"a=x\n" * 1000, (PHONE + "m=audio 1 RTP/AVP 0\n" * 20).encode()],
)
def test_too_much_is_not_acceptable(document: bytes) -> None:
    with pytest.raises(NotAcceptable):
        sdp.parse(document)

"""Session descriptions: what phones and carriers send, and what we say back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carillon.media import codecs, keying, sdp
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


def test_telephone_events_are_told_apart_by_their_clock() -> None:
    session = described(PHONE, ("telephone-event/8000", "telephone-event/48000"))
    assert (session.digits, session.wide_digits) == (-1, 101)
    assert session.digits_for(PCMA) == (-1, 8000)
    assert session.digits_for(sdp.OPUS) == (101, 48000)


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


# What Chromium 156 offers through JsSIP, shortened to what matters.
BROWSER = """v=0
o=- 6482305312 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0
a=extmap-allow-mixed
a=msid-semantic: WMS 1
m=audio 9 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126
c=IN IP4 0.0.0.0
a=rtcp:9 IN IP4 0.0.0.0
a=candidate:1 1 udp 2113937151 5bd0c1a2-1f1e.local 51413 typ host generation 0 network-cost 999
a=candidate:2 1 udp 1677729535 192.0.2.77 51413 typ srflx raddr 0.0.0.0 rport 0
a=candidate:3 2 udp 1677729534 192.0.2.77 51414 typ srflx raddr 0.0.0.0 rport 0
a=candidate:4 1 tcp 1518280447 192.0.2.77 9 typ host tcptype active
a=ice-ufrag:hEc9
a=ice-pwd:4/kzU5MqvVyIQyVqT1r0XNAe
a=ice-options:trickle
a=fingerprint:sha-256 FINGER
a=setup:actpass
a=mid:0
a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level
a=sendrecv
a=msid:1 2
a=rtcp-mux
a=rtcp-rsize
a=rtpmap:111 opus/48000/2
a=fmtp:111 minptime=10;useinbandfec=1
a=rtpmap:63 red/48000/2
a=rtpmap:9 G722/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:13 CN/8000
a=rtpmap:110 telephone-event/48000
a=rtpmap:126 telephone-event/8000
a=ssrc:4136 cname:x
""".replace("FINGER", ":".join(["AB"] * 32))
OUR_ICE = sdp.Ice("ours1234", "a-password/of+22-chars".replace("-", "x"), lite=True)
OUR_PRINT = "sha-256 " + ":".join(["CD"] * 32)
SECURED = sdp.Secured(OUR_ICE, OUR_PRINT, "passive")


def test_a_browsers_offer_is_read() -> None:
    session = described(BROWSER)
    assert session.codecs == (sdp.OPUS, sdp.G722, PCMU, PCMA)
    assert (session.keys, session.setup, session.rtcp_mux) == ("dtls", "actpass", True)
    assert session.fingerprint == "sha-256 " + ":".join(["AB"] * 32)
    assert session.ice is not None
    assert (session.ice.user, session.ice.lite) == ("hEc9", False)
    assert [(each.address, each.port) for each in session.ice.candidates] == [("192.0.2.77", 51413)]
    assert session.payload(sdp.OPUS).fmtp == "minptime=10;useinbandfec=1"
    assert session.digits_for(sdp.OPUS) == (110, 48000)
    assert session.digits_for(PCMA) == (126, 8000)
    # No address yet is not hold where ICE finds one.
    assert not session.held


def test_a_browser_is_answered_lite_bundled_and_muxed() -> None:
    answer = lines(sdp.answer(described(BROWSER), US, sdp.OPUS, secured=SECURED))
    assert answer == [
        "v=0",
        "o=- 7 1 IN IP4 192.0.2.9",
        "s=-",
        "c=IN IP4 192.0.2.9",
        "t=0 0",
        "a=ice-lite",
        "a=group:BUNDLE 0",
        "m=audio 20000 UDP/TLS/RTP/SAVPF 111 110",
        "a=rtpmap:111 opus/48000/2",
        "a=fmtp:111 minptime=10;useinbandfec=1",
        "a=rtpmap:110 telephone-event/48000",
        "a=fmtp:110 0-15",
        "a=ice-ufrag:ours1234",
        "a=ice-pwd:axpassword/of+22xchars",
        "a=candidate:1 1 udp 2130706431 192.0.2.9 20000 typ host",
        "a=end-of-candidates",
        "a=fingerprint:" + OUR_PRINT,
        "a=setup:passive",
        "a=rtcp-mux",
        "a=ptime:20",
        "a=sendrecv",
        "a=mid:0",
        "",
    ]


def test_what_holds_for_all_streams_holds_for_the_audio() -> None:
    finger = "a=fingerprint:sha-256 " + ":".join(["AB"] * 32) + "\n"
    moved = described(BROWSER, (finger, ""), ("t=0 0\n", "t=0 0\n" + finger))
    assert moved.fingerprint == described(BROWSER).fingerprint


@pytest.mark.parametrize(
    "weak", ["sha-1 " + ":".join(["AB"] * 20), "sha-256 AB:CD", "sha-256 " + ":".join(["XY"] * 32)]
)
def test_a_weak_or_wrong_fingerprint_is_none(weak: str) -> None:
    with pytest.raises(NotAcceptable):
        described(BROWSER, ("sha-256 " + ":".join(["AB"] * 32), weak))


def test_we_are_passive_where_they_leave_it_to_us() -> None:
    assert [keying.our_setup(each) for each in ("actpass", "active", "passive", "")] == [
        "passive",
        "passive",
        "active",
        "passive",
    ]


# RFC 4568 §9.1's key, and one of 256 bits.
KEY = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz"
SECURED_PHONE = PHONE.replace("RTP/AVP", "RTP/SAVP").replace(
    "a=ptime:20",
    f"""a=crypto:1 F8_128_HMAC_SHA1_80 inline:{KEY}
a=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|2^20|1:4
a=crypto:3 AES_CM_128_HMAC_SHA1_80 inline:{KEY} UNENCRYPTED_SRTP
a=crypto:4 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|2^20
a=crypto:5 AEAD_AES_256_GCM inline:{"A" * 58}==
a=crypto:6 AES_CM_128_HMAC_SHA1_32 inline:AAAA""",
)


def test_keys_in_a_desk_phones_offer_are_read_as_far_as_we_can_use_them() -> None:
    session = described(SECURED_PHONE)
    assert session.keys == "sdes"
    assert [(crypto.tag, crypto.suite) for crypto in session.cryptos] == [
        (4, "AES_CM_128_HMAC_SHA1_80")
    ]
    assert len(session.cryptos[0].key) == 30


def test_keys_are_answered_under_their_tag() -> None:
    session = described(SECURED_PHONE)
    ours = sdp.Secured(cryptos=(sdp.Crypto(4, "AES_CM_128_HMAC_SHA1_80", bytes(30)),))
    answer = lines(sdp.answer(session, US, PCMU, secured=ours))
    assert "m=audio 20000 RTP/SAVP 0 101" in answer
    assert f"a=crypto:4 AES_CM_128_HMAC_SHA1_80 inline:{'A' * 40}" in answer
    assert not any("rtcp-mux" in line or "ice" in line for line in answer)


def test_a_covered_stream_without_usable_keys_is_not_acceptable() -> None:
    with pytest.raises(NotAcceptable):
        described(SECURED_PHONE, ("a=crypto:4", "a=crypt:4"))


@pytest.mark.parametrize("suite", keying.SUITES)
def test_what_we_offer_secured_we_can_read(suite: str) -> None:
    key = bytes(range(keying.SUITES[suite]))
    local = Local("192.0.2.9", 20000, session=7, version=3)
    told = sdp.Secured(cryptos=(sdp.Crypto(1, suite, key),))
    session = sdp.parse(sdp.offer(local, (PCMA,), secured=told))
    assert (session.keys, session.cryptos) == ("sdes", told.cryptos)
    wide = sdp.parse(sdp.offer(local, (sdp.OPUS, PCMA), secured=SECURED, numbers={sdp.OPUS: 99}))
    assert (wide.keys, wide.ice and wide.ice.user, wide.bundled) == ("dtls", "ours1234", True)
    assert (wide.payload(sdp.OPUS).pt, wide.digits_for(sdp.OPUS)) == (99, (101, 8000))


def test_a_codec_that_both_parties_have_is_preferred_to_their_first() -> None:
    session = described(BROWSER)
    known = (sdp.OPUS, sdp.G722, PCMA, PCMU)
    assert sdp.first_common(session, known) == sdp.OPUS
    assert sdp.first_common(session, known, (PCMA,)) == PCMA
    assert sdp.first_common(session, (sdp.G722, PCMA), (sdp.OPUS,)) == sdp.G722


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
    for data in (document, PHONE.encode() + document, document + BROWSER.encode()):
        try:
            sdp.parse(data)
        except NotAcceptable:
            continue


ALL_LINES = [*PHONE.splitlines(), *BROWSER.splitlines(), *SECURED_PHONE.splitlines()]


@given(st.lists(st.sampled_from(ALL_LINES), max_size=60), st.integers(0, 40))
def test_lines_in_any_order_are_a_description_or_not_acceptable(parts: list[str], cut: int) -> None:
    text = "\n".join(parts)
    try:
        session = described(text[: len(text) - cut])
        sdp.answer(session, US, sdp.first_common(session, tuple(codecs.BY_NUMBER)))
    except NotAcceptable:
        pass


@pytest.mark.parametrize(
    "document",
    [b"x" * 40_000, b"a=x\n" * 1000, (PHONE + "m=audio 1 RTP/AVP 0\n" * 20).encode()],
)
def test_too_much_is_not_acceptable(document: bytes) -> None:
    with pytest.raises(NotAcceptable):
        sdp.parse(document)

"""URIs and the headers we look inside."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carillon.sip.errors import RemoteError
from carillon.sip.headers import (
    NameAddr,
    parse_cseq,
    parse_name_addr,
    parse_params,
    parse_seconds,
    parse_via,
    quote,
    sdp_of,
    tag_of,
    unquote,
    write_params,
)
from carillon.sip.message import Message
from carillon.sip.uri import Uri, parse_uri

PIECES = st.lists(
    st.sampled_from([*'%;=?@:<>,. "\\[]', "%41", "%25", "%ff", "ab", "é"]), max_size=12
)
TEXT = PIECES.map("".join) | st.text(
    st.characters(codec="utf-8", exclude_characters="\0"), max_size=60
)


@pytest.mark.parametrize(
    ("text", "uri"),
    [
        ("sip:ann@acme.example", Uri("sip", "ann", "acme.example")),
        ("SIP:ann@acme.example:5070", Uri("sip", "ann", "acme.example", 5070)),
        ("sips:acme.example", Uri("sips", "", "acme.example")),
        (
            "sip:+33123@h;transport=TCP;lr",
            Uri("sip", "+33123", "h", 0, {"transport": "TCP", "lr": ""}),
        ),
        ("sip:%61nn@h", Uri("sip", "ann", "h")),
        ("sip:ann:pw@h", Uri("sip", "ann", "h", password="pw")),
        ("sip:user;par=u%40x@h", Uri("sip", "user;par=u@x", "h")),
        ("sip:a@[2001:db8::1]:5060", Uri("sip", "a", "2001:db8::1", 5060)),
        ("sip:a@h_1.9x", Uri("sip", "a", "h_1.9x")),
        ("sip:a@h?Replaces=x%40y", Uri("sip", "a", "h", headers="Replaces=x%40y")),
        ("tel:+33-1-23;phone-context=x", Uri("tel", "+33-1-23", "", params={"phone-context": "x"})),
        ("sip:a#b@h", Uri("sip", "a#b", "h")),
        ("sip:%00@h", Uri("sip", "%00", "h")),
        ("sip:%zz@h", Uri("sip", "%25zz", "h")),
    ],
)
def test_uris_are_read(text: str, uri: Uri) -> None:
    assert parse_uri(text) == uri
    assert parse_uri(uri.write()) == uri


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sip",
        "sip:",
        "sip:a@",
        "sip:@h",
        "sip:a@h:x",
        "sip:a@h:99999",
        "sip:a@[::1",
        "sip:a b@h",
        "tel:",
    ],
)
def test_broken_uris_are_refused(text: str) -> None:
    with pytest.raises(RemoteError):
        parse_uri(text)


def test_an_unknown_scheme_is_416() -> None:
    with pytest.raises(RemoteError) as refused:
        parse_uri("mailto:a@b")
    assert refused.value.status == 416


@given(st.sampled_from(["sip:", "sip:a@", "tel:", ""]), TEXT)
def test_any_text_is_a_uri_that_survives_or_refused(prefix: str, text: str) -> None:
    try:
        uri = parse_uri(prefix + text)
    except RemoteError:
        return
    assert parse_uri(uri.write()) == uri


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("sip:a@h;tag=1", NameAddr("sip:a@h", "", {"tag": "1"})),
        ("<sip:a@h;x=1>;tag=2", NameAddr("sip:a@h;x=1", "", {"tag": "2"})),
        ("Ann Lee <sip:a@h>", NameAddr("sip:a@h", "Ann Lee", {})),
        ('"Lee, \\"Ann\\"" <sip:a@h> ; q=0.3', NameAddr("sip:a@h", 'Lee, "Ann"', {"q": "0.3"})),
        ("André<sip:a@h>", NameAddr("sip:a@h", "André", {})),
        ("*", NameAddr("*")),
        (
            '<sip:a@h>;+sip.instance="<urn:x>"',
            NameAddr("sip:a@h", "", {"+sip.instance": "<urn:x>"}),
        ),
    ],
)
def test_addresses_are_read(text: str, address: NameAddr) -> None:
    assert parse_name_addr(text) == address
    assert tag_of(text) == address.tag


@pytest.mark.parametrize(
    "text", ["", '"a', '"a" b', "<sip:a@h", "<sip:a@h>x", "sip:a@h?x=y", "< >", "<sip:a b@h>"]
)
def test_broken_addresses_are_refused(text: str) -> None:
    with pytest.raises(RemoteError):
        parse_name_addr(text)


@given(TEXT)
def test_any_text_is_an_address_that_survives_or_refused(text: str) -> None:
    try:
        address = parse_name_addr(text)
    except RemoteError:
        return
    if ">" not in address.uri and "<" not in address.uri:
        assert parse_name_addr(address.write()).uri == address.uri


@given(TEXT)
def test_quoting_is_undone(text: str) -> None:
    assert unquote(quote(text)) == text


@given(st.dictionaries(st.text("abc019", min_size=1), TEXT.map(lambda text: text.strip(" \t"))))
def test_parameters_survive(params: dict[str, str]) -> None:
    assert parse_params(write_params(params)) == params


def test_via_is_read_however_it_is_spaced() -> None:
    via = parse_via(
        "SIP / 2.0 / udp   [2001:db8::1] : 5062 ; branch = z9hG4bK1 ;rport;received=2001:db8::2"
    )
    assert (via.transport, via.host, via.port, via.branch) == (
        "UDP",
        "2001:db8::1",
        5062,
        "z9hG4bK1",
    )
    assert via.params["received"] == "2001:db8::2"
    assert parse_via(via.write()) == via


@pytest.mark.parametrize(
    "text",
    ["", "SIP/2.0/UDP", "SIP/3.0/UDP h", "HTTP/2.0/UDP h", "SIP/2.0/UDP h:x", "SIP/2.0/U P h"],
)
def test_broken_vias_are_refused(text: str) -> None:
    with pytest.raises(RemoteError):
        parse_via(text)


def test_cseq_is_a_number_below_two_to_the_31_and_a_method() -> None:
    assert parse_cseq("0009  INVITE") == (9, "INVITE")
    for text in ("", "INVITE", "1", "-1 INVITE", "2147483648 INVITE", "1 INV ITE", "٣ INVITE"):
        with pytest.raises(RemoteError):
            parse_cseq(text)


def test_seconds_are_read_from_where_there_are_any() -> None:
    assert parse_seconds("18 (in a meeting);duration=3") == 18
    assert parse_seconds("99999999999") == 2**32 - 1
    assert [parse_seconds(text) for text in (None, "", "x", "-1", "1.5")] == [None] * 5


def test_a_description_is_found_inside_a_multipart_body() -> None:
    message = Message(method="INVITE", uri="sip:a@h")
    message.set("Content-Type", 'multipart/mixed; boundary="x y"')
    message.body = (
        b"--x y\r\nContent-Type: application/isup\r\n\r\n\0\1\r\n"
        b"--x y\r\nContent-Type: application/sdp\r\n\r\nv=0\r\ns=-\r\n--x y--\r\n"
    )
    assert sdp_of(message) == b"v=0\r\ns=-\r\n"


@given(st.binary(max_size=200), st.text('ab-=;"', max_size=20))
def test_any_body_has_a_description_or_none(body: bytes, tail: str) -> None:
    message = Message(method="INVITE", uri="sip:a@h", body=body)
    message.set("Content-Type", f"multipart/mixed;{tail};boundary=a")
    assert isinstance(sdp_of(message), bytes)


def test_a_semicolon_in_the_number_of_a_tel_uri_stays_in_the_number():
    written = parse_uri("tel:+331%3Bvo;phone-context=x").write()
    assert written == "tel:+331%3Bvo;phone-context=x"

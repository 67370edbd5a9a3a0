"""Turning new calls away from their raw text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carillon.sip.admission import top_via, transaction_key
from carillon.sip.message import parse
from carillon.sip.outputs import Flow
from carillon.sip.shedding import is_new_call, turn_away

INVITE = (
    b"INVITE sip:+33199001001@10.0.0.1 SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP 10.0.0.2;branch=z9hG4bKone;rport\r\nv: SIP/2.0/UDP 10.0.0.3;branch=z9hG4bKtwo\r\n"
    b"f: <sip:ann@a>;tag=x\r\nTo: <sip:ben@b;tag=no>\r\nCall-ID: abc\r\nCSeq: 7 INVITE\r\n"
    b"Content-Length: 3\r\n\r\nv=0"
)


def test_a_new_call_is_answered_503_with_everything_its_transaction_needs() -> None:
    assert is_new_call(INVITE)
    found = turn_away(INVITE, b"shed", 3)
    assert found is not None
    key, answer = found
    response = parse(answer)
    assert (response.status, response.get("Retry-After")) == (503, "3")
    assert response.all("Via") == [
        "SIP/2.0/UDP 10.0.0.2;branch=z9hG4bKone;rport",
        "SIP/2.0/UDP 10.0.0.3;branch=z9hG4bKtwo",
    ]
    assert (response.get("To"), response.get("CSeq")) == ("<sip:ben@b;tag=no>;tag=shed", "7 INVITE")
    assert key == ("z9hG4bKone", "10.0.0.2", "0", "INVITE")


@pytest.mark.parametrize("user", [b"112", b"911", b"15", b"SOS"])
def test_a_call_for_help_is_not_turned_away(user: bytes) -> None:
    assert not is_new_call(INVITE.replace(b"+33199001001", user))
    assert not is_new_call(INVITE.replace(b"sip:+33199001001@10.0.0.1", b"tel:" + user))
    assert not is_new_call(INVITE.replace(b"sip:+33199001001@10.0.0.1", b"urn:service:" + user))


def test_a_change_of_a_call_there_is_is_not_turned_away() -> None:
    assert turn_away(INVITE.replace(b";tag=no>", b">;tag=ours"), b"shed", 3) is None


@pytest.mark.parametrize("method", [b"BYE", b"CANCEL", b"REGISTER", b"ACK", b"OPTIONS"])
def test_nothing_but_a_call_is_turned_away(method: bytes) -> None:
    assert not is_new_call(INVITE.replace(b"INVITE ", method + b" ", 1))


@given(st.binary(max_size=400), st.integers(0, len(INVITE)))
def test_any_bytes_are_answered_well_or_not_at_all(noise: bytes, at: int) -> None:
    data = INVITE[:at] + noise + INVITE[at:]
    is_new_call(data)
    found = turn_away(data, b"shed", 3)
    assert found is None or found[1].startswith(b"SIP/2.0 503 ")
    assert found is None or found[1].count(b"\r\n\r\n") == 1


@pytest.mark.parametrize(
    "via",
    [
        b"SIP/2.0/UDP 10.0.0.2:5070;rport;branch=z9hG4bKone",
        b"SIP/2.0/TCP Pbx.Example:05070;branch=z9hG4bKone;alias",
        b"SIP / 2.0 / UDP  [2001:db8::1]:5070 ;branch=z9hG4bKone, SIP/2.0/UDP 10.0.0.9;branch=z9hG4bKtwo",
        b"SIP/2.0/UDP 10.0.0.2;branch=z9hG4bKone ",
    ],
)
def test_a_call_turned_away_has_the_transaction_it_would_have_had(via: bytes) -> None:
    data = INVITE.replace(b"SIP/2.0/UDP 10.0.0.2;branch=z9hG4bKone;rport", via)
    found = turn_away(data, b"shed", 3)
    assert found is not None
    request = parse(data)
    assert found[0] == transaction_key(request, top_via(request, Flow("udp", "10.0.0.2", 5060)))

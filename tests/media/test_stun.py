"""Binding requests and answers: RFC 5769's bytes, and bytes of any kind."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from carillon.media import stun
from tests.vectors import rfc5769

CHECK = stun.write(
    stun.REQUEST,
    b"transaction!",
    [
        (stun.USERNAME, b"ours:theirs"),
        (stun.PRIORITY, (1 << 30).to_bytes(4, "big")),
        (stun.ICE_CONTROLLING, bytes(8)),
        (stun.USE_CANDIDATE, b""),
    ],
    "secret",
)


def read(octets: bytes) -> stun.Message:
    message = stun.parse(octets)
    assert message is not None
    return message


def test_the_sample_request_is_read_and_proves_its_password() -> None:
    message = read(rfc5769.REQUEST)
    assert (message.kind, message.users) == (stun.REQUEST, ("evtj", "h6vY"))
    assert (message.priority, message.unknown) == (0x6E0001FF, ())
    assert message.is_genuine(rfc5769.PASSWORD)
    assert not message.is_genuine("another")


def test_the_sample_answers_are_read() -> None:
    for octets, address in (
        (rfc5769.RESPONSE_IPV4, ("192.0.2.1", 32853)),
        (rfc5769.RESPONSE_IPV6, ("2001:db8:1234:5678:11:2233:4455:6677", 32853)),
    ):
        message = read(octets)
        assert message.mapped_address == address
        assert message.is_genuine(rfc5769.PASSWORD)


def test_what_we_answer_says_where_the_check_came_from() -> None:
    request = read(CHECK)
    for source in (("192.0.2.7", 4000), ("2001:db8::7", 65535)):
        answer = read(stun.write_success(request, source, "secret"))
        assert (answer.kind, answer.transaction) == (stun.SUCCESS, b"transaction!")
        assert answer.mapped_address == source
        assert answer.is_genuine("secret")


def test_a_refusal_names_its_reason() -> None:
    answer = read(stun.write_failure(read(CHECK), 487, "secret"))
    assert (answer.kind, answer.error) == (stun.FAILURE, 487)
    assert answer.is_genuine("secret")
    strange = read(stun.write(stun.REQUEST, bytes(12), [(0x7777, b"x")], ""))
    assert strange.unknown == (0x7777,)
    refused = read(stun.write_failure(strange, 420))
    assert (refused.error, refused.integrity_at) == (420, 0)
    assert refused.attributes[stun.UNKNOWN_ATTRIBUTES] == b"\x77\x77"


def test_what_follows_the_integrity_is_not_believed() -> None:
    forged = CHECK[:-8] + b"\x00\x06\x00\x04evil"
    forged = forged[:2] + (len(forged) - 20).to_bytes(2, "big") + forged[4:]
    assert read(forged).users == ("ours", "theirs")


def test_a_message_without_integrity_is_never_genuine() -> None:
    assert not read(stun.write(stun.REQUEST, bytes(12), [], "")).is_genuine("")


@given(st.integers(0, len(CHECK) - 9), st.integers(1, 255))
def test_one_changed_byte_before_the_fingerprint_is_noticed(at: int, change: int) -> None:
    octets = bytearray(CHECK)
    octets[at] ^= change
    message = stun.parse(bytes(octets))
    assert message is None or not message.is_genuine("secret")


@given(st.binary(max_size=200), st.integers(0, 60))
def test_any_bytes_are_a_message_or_nothing(octets: bytes, cut: int) -> None:
    head = b"\x00\x01" + (len(octets) & 0xFFFC).to_bytes(2, "big") + CHECK[4:20]
    for data in (octets, head + octets, CHECK[:cut] + octets, CHECK[: len(CHECK) - cut]):
        message = stun.parse(data)
        if message is not None:
            assert not message.is_genuine("another")
            assert message.users
            assert message.priority >= 0
            assert message.error >= 0
            assert message.mapped_address is None or message.mapped_address[1] >= 0
            assert stun.parse(stun.write_failure(message, 420)) is not None

"""Framing: however the bytes are cut, the same messages come out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carillon.sip.errors import RemoteError
from carillon.sip.stream import KEEP_ALIVE, Framer

ONE = b"OPTIONS sip:a@b SIP/2.0\r\nContent-Length: 5\r\n\r\nab\r\n\r"
TWO = b"OPTIONS sip:c@d SIP/2.0\r\nl : 0\r\n\r\n"


@given(st.lists(st.sampled_from([ONE, TWO, KEEP_ALIVE]), max_size=8), st.data())
def test_cutting_the_stream_anywhere_changes_nothing(
    parts: list[bytes], data: st.DataObject
) -> None:
    stream = b"".join(parts)
    framer = Framer()
    out: list[bytes] = []
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        out += framer.receive(stream[:size])
        stream = stream[size:]
    assert out == parts


def test_a_pong_before_a_message_is_dropped() -> None:
    framer = Framer()
    assert framer.receive(b"\r\n") == []
    assert framer.receive(TWO) == [TWO]


@pytest.mark.parametrize(
    "stream",
    [
        b"OPTIONS sip:a@b SIP/2.0\r\n\r\n",
        b"OPTIONS sip:a@b SIP/2.0\r\nContent-Length: -1\r\n\r\n",
        b"OPTIONS sip:a@b SIP/2.0\r\nContent-Length: 1\r\nl: 2\r\n\r\n",
        b"OPTIONS sip:a@b SIP/2.0\r\nContent-Length: 99999\r\n\r\n",
        b"A" * 40_000,
    ],
)
def test_a_stream_that_cannot_be_followed_is_to_be_closed(stream: bytes) -> None:
    with pytest.raises(RemoteError):
        Framer().receive(stream)


@given(st.binary(max_size=300))
def test_any_bytes_are_framed_or_refused(data: bytes) -> None:
    try:
        for part in Framer().receive(data):
            assert part
    except RemoteError:
        pass

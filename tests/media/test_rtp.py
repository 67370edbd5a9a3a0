import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from carillon.media import rtp

ROOM = 576


def batch(*packets):
    octets = np.zeros((len(packets), ROOM), np.uint8)
    for row, packet in zip(octets, packets, strict=True):
        row[: len(packet)] = np.frombuffer(packet, np.uint8)
    return octets, np.array([len(packet) for packet in packets])


def made_plain(*packets):
    octets, sizes = batch(*packets)
    sizes = rtp.make_plain(octets, sizes)
    return [bytes(row[:size]) for row, size in zip(octets, sizes, strict=True)]


HEAD = bytes([0x80, 8, 0, 1, 0, 0, 0, 160, 0, 0, 0, 9])


def test_a_plain_packet_stays_as_it_is():
    assert made_plain(HEAD + b"sound") == [HEAD + b"sound"]


def test_csrcs_extension_and_padding_are_stripped():
    csrc = b"\x82" + HEAD[1:] + b"c" * 8 + b"sound"
    extended = b"\x90" + HEAD[1:] + b"\xbe\xde\x00\x01abcd" + b"sound"
    padded = b"\xa0" + HEAD[1:] + b"sound" + b"\x00\x00\x03"
    everything = b"\xb1" + HEAD[1:] + b"cccc" + b"\xbe\xde\x00\x00" + b"sound" + b"\x01"
    assert made_plain(csrc, extended, padded, everything) == [HEAD + b"sound"] * 4


def test_lengths_that_lie_are_no_packet():
    assert (
        made_plain(
            b"\x8f" + HEAD[1:] + b"short",
            b"\x90" + HEAD[1:] + b"\xbe\xde\xff\xff" + b"sound",
            b"\xa0" + HEAD[1:] + b"sound\xff",
            b"\xa0" + HEAD[1:] + b"sound\x00",
            b"\x90" + HEAD[1:],
            b"\x40" + HEAD[1:] + b"sound",
            HEAD,
        )
        == [b""] * 7
    )


@given(st.lists(st.binary(max_size=ROOM), min_size=1, max_size=20))
def test_any_bytes_give_sizes_within_what_was_received(packets):
    octets, sizes = batch(*packets)
    plain = rtp.make_plain(octets, sizes)
    assert ((plain >= 0) & (plain <= np.maximum(sizes, 0))).all()
    assert (octets[:, 0] == 0x80).all()
